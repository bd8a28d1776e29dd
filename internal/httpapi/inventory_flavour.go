package httpapi

import (
	wire "ringfence/api/inventory"
	"ringfence/internal/placement"
)

func flavourToWire(f *placement.DeploymentFlavour) wire.DeploymentFlavour {
	return wire.DeploymentFlavour{
		ID: f.ID, InitialDelta: mapped(f.InitialDelta, countToWire), DefaultInstantiationLevelID: f.DefaultInstantiationLevelID,
		ScalingAspects: mapped(f.ScalingAspects, func(a *placement.ScalingAspect) wire.ScalingAspect {
			return wire.ScalingAspect{ID: a.ID, MaxScaleLevel: a.MaxScaleLevel, Steps: mapped(a.Steps, func(s *placement.ScalingStep) wire.ScalingStep {
				return wire.ScalingStep{Components: mapped(s.Components, countToWire)}
			})}
		}),
		InstantiationLevels: mapped(f.InstantiationLevels, func(l *placement.InstantiationLevel) wire.InstantiationLevel {
			return wire.InstantiationLevel{
				ID: l.ID, Components: mapped(l.Components, countToWire),
				ScaleLevels: mapped(l.ScaleLevels, func(a *placement.AspectLevel) wire.AspectLevel { return wire.AspectLevel(*a) }),
			}
		}),
	}
}

func flavourFromWire(w *wire.DeploymentFlavour) placement.DeploymentFlavour {
	return placement.DeploymentFlavour{
		ID: w.ID, InitialDelta: orNil(mapped(w.InitialDelta, countFromWire)), DefaultInstantiationLevelID: w.DefaultInstantiationLevelID,
		ScalingAspects: orNil(mapped(w.ScalingAspects, func(a *wire.ScalingAspect) placement.ScalingAspect {
			return placement.ScalingAspect{ID: a.ID, MaxScaleLevel: a.MaxScaleLevel, Steps: orNil(mapped(a.Steps, func(s *wire.ScalingStep) placement.ScalingStep {
				return placement.ScalingStep{Components: orNil(mapped(s.Components, countFromWire))}
			}))}
		})),
		InstantiationLevels: orNil(mapped(w.InstantiationLevels, func(l *wire.InstantiationLevel) placement.InstantiationLevel {
			return placement.InstantiationLevel{
				ID: l.ID, Components: orNil(mapped(l.Components, countFromWire)),
				ScaleLevels: orNil(mapped(l.ScaleLevels, func(a *wire.AspectLevel) placement.AspectLevel { return placement.AspectLevel(*a) })),
			}
		})),
	}
}

func countToWire(c *placement.ComponentCount) wire.ComponentCount { return wire.ComponentCount(*c) }
func countFromWire(w *wire.ComponentCount) placement.ComponentCount {
	return placement.ComponentCount(*w)
}

func moduleToWire(m *placement.DeployableModule) wire.DeployableModule {
	return wire.DeployableModule{ID: m.ID, ComponentIDs: m.ComponentIDs}
}

func moduleFromWire(w *wire.DeployableModule) placement.DeployableModule {
	return placement.DeployableModule{ID: w.ID, ComponentIDs: w.ComponentIDs}
}

func vnfAssetsToWire(a *placement.VIMAssets) wire.VNFVIMAssets {
	return wire.VNFVIMAssets{
		ComputeResourceFlavours: orNil(mapped(a.ComputeResourceFlavours, func(e *placement.VIMAsset) wire.VNFComputeResourceFlavour {
			return wire.VNFComputeResourceFlavour{VIMConnectionID: e.VIMConnectionID, VNFDVirtualComputeDescID: e.DescriptorID, VIMFlavourID: e.Name}
		})),
		SoftwareImages: orNil(mapped(a.SoftwareImages, func(e *placement.VIMAsset) wire.VNFSoftwareImage {
			return wire.VNFSoftwareImage{VIMConnectionID: e.VIMConnectionID, VNFDSoftwareImageID: e.DescriptorID, VIMSoftwareImageID: e.Name}
		})),
		StorageAssets: orNil(mapped(a.StorageAssets, func(e *placement.VIMAsset) wire.VNFStorageAsset {
			return wire.VNFStorageAsset{VIMConnectionID: e.VIMConnectionID, VirtualStorageDescID: e.DescriptorID, StorageClassName: e.Name}
		})),
	}
}

func vnfAssetsFromWire(w *wire.VNFVIMAssets) placement.VIMAssets {
	return placement.VIMAssets{
		ComputeResourceFlavours: orNil(mapped(w.ComputeResourceFlavours, func(e *wire.VNFComputeResourceFlavour) placement.VIMAsset {
			return placement.VIMAsset{VIMConnectionID: e.VIMConnectionID, DescriptorID: e.VNFDVirtualComputeDescID, Name: e.VIMFlavourID}
		})),
		SoftwareImages: orNil(mapped(w.SoftwareImages, func(e *wire.VNFSoftwareImage) placement.VIMAsset {
			return placement.VIMAsset{VIMConnectionID: e.VIMConnectionID, DescriptorID: e.VNFDSoftwareImageID, Name: e.VIMSoftwareImageID}
		})),
		StorageAssets: orNil(mapped(w.StorageAssets, func(e *wire.VNFStorageAsset) placement.VIMAsset {
			return placement.VIMAsset{VIMConnectionID: e.VIMConnectionID, DescriptorID: e.VirtualStorageDescID, Name: e.StorageClassName}
		})),
	}
}
