package postgres

import "ringfence/internal/placement"

type flavourDoc struct {
	ID                          string             `json:"id"`
	InitialDelta                []countDoc         `json:"initialDelta,omitempty"`
	ScalingAspects              []scalingAspectDoc `json:"scalingAspects,omitempty"`
	InstantiationLevels         []instantiationDoc `json:"instantiationLevels,omitempty"`
	DefaultInstantiationLevelID string             `json:"defaultInstantiationLevelId,omitempty"`
}

type countDoc struct {
	ComponentID string `json:"componentId"`
	Count       int    `json:"count"`
}

type scalingAspectDoc struct {
	ID            string       `json:"id"`
	MaxScaleLevel int          `json:"maxScaleLevel"`
	Steps         [][]countDoc `json:"steps"`
}

type instantiationDoc struct {
	ID          string           `json:"id"`
	Components  []countDoc       `json:"components,omitempty"`
	ScaleLevels []aspectLevelDoc `json:"scaleLevels,omitempty"`
}

type aspectLevelDoc struct {
	AspectID   string `json:"aspectId"`
	ScaleLevel int    `json:"scaleLevel"`
}

type moduleDoc struct {
	ID           string   `json:"id"`
	ComponentIDs []string `json:"componentIds"`
}

type vimAssetsDoc struct {
	ComputeResourceFlavours []vimAssetDoc `json:"computeResourceFlavours,omitempty"`
	SoftwareImages          []vimAssetDoc `json:"softwareImages,omitempty"`
	StorageAssets           []vimAssetDoc `json:"storageAssets,omitempty"`
}

type vimAssetDoc struct {
	VIMConnectionID string `json:"vimConnectionId,omitempty"`
	DescriptorID    string `json:"descriptorId"`
	Name            string `json:"name"`
}

func countToDoc(c placement.ComponentCount) countDoc            { return countDoc(c) }
func countFromDoc(d countDoc) placement.ComponentCount          { return placement.ComponentCount(d) }
func aspectLevelToDoc(l placement.AspectLevel) aspectLevelDoc   { return aspectLevelDoc(l) }
func aspectLevelFromDoc(d aspectLevelDoc) placement.AspectLevel { return placement.AspectLevel(d) }
func moduleToDoc(m placement.DeployableModule) moduleDoc        { return moduleDoc(m) }
func moduleFromDoc(d moduleDoc) placement.DeployableModule      { return placement.DeployableModule(d) }
func vimAssetToDoc(a placement.VIMAsset) vimAssetDoc            { return vimAssetDoc(a) }
func vimAssetFromDoc(d vimAssetDoc) placement.VIMAsset          { return placement.VIMAsset(d) }

func flavourToDoc(f placement.DeploymentFlavour) flavourDoc {
	return flavourDoc{
		ID: f.ID, InitialDelta: convert(f.InitialDelta, countToDoc), DefaultInstantiationLevelID: f.DefaultInstantiationLevelID,
		ScalingAspects: convert(f.ScalingAspects, func(a placement.ScalingAspect) scalingAspectDoc {
			return scalingAspectDoc{ID: a.ID, MaxScaleLevel: a.MaxScaleLevel, Steps: convert(a.Steps, func(s placement.ScalingStep) []countDoc {
				return convert(s.Components, countToDoc)
			})}
		}),
		InstantiationLevels: convert(f.InstantiationLevels, func(l placement.InstantiationLevel) instantiationDoc {
			return instantiationDoc{ID: l.ID, Components: convert(l.Components, countToDoc), ScaleLevels: convert(l.ScaleLevels, aspectLevelToDoc)}
		}),
	}
}

func flavourFromDoc(d flavourDoc) placement.DeploymentFlavour {
	return placement.DeploymentFlavour{
		ID: d.ID, InitialDelta: convert(d.InitialDelta, countFromDoc), DefaultInstantiationLevelID: d.DefaultInstantiationLevelID,
		ScalingAspects: convert(d.ScalingAspects, func(a scalingAspectDoc) placement.ScalingAspect {
			return placement.ScalingAspect{ID: a.ID, MaxScaleLevel: a.MaxScaleLevel, Steps: convert(a.Steps, func(s []countDoc) placement.ScalingStep {
				return placement.ScalingStep{Components: convert(s, countFromDoc)}
			})}
		}),
		InstantiationLevels: convert(d.InstantiationLevels, func(l instantiationDoc) placement.InstantiationLevel {
			return placement.InstantiationLevel{ID: l.ID, Components: convert(l.Components, countFromDoc), ScaleLevels: convert(l.ScaleLevels, aspectLevelFromDoc)}
		}),
	}
}

func vimAssetsToDoc(a placement.VIMAssets) vimAssetsDoc {
	return vimAssetsDoc{
		ComputeResourceFlavours: convert(a.ComputeResourceFlavours, vimAssetToDoc), SoftwareImages: convert(a.SoftwareImages, vimAssetToDoc),
		StorageAssets: convert(a.StorageAssets, vimAssetToDoc),
	}
}

func vimAssetsFromDoc(d vimAssetsDoc) placement.VIMAssets {
	return placement.VIMAssets{
		ComputeResourceFlavours: convert(d.ComputeResourceFlavours, vimAssetFromDoc), SoftwareImages: convert(d.SoftwareImages, vimAssetFromDoc),
		StorageAssets: convert(d.StorageAssets, vimAssetFromDoc),
	}
}
