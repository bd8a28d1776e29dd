package openapi

// One package per document. The components that all share become types only: they have no operations. The inventory
// becomes types and routes: its collections all behave alike, so its handlers are generic and not one per operation.
//
//go:generate go tool oapi-codegen -config generate/oapi-codegen.yaml -generate types,skip-prune -package common -o ../api/common/common.gen.go common.yaml
//go:generate go tool oapi-codegen -config generate/oapi-codegen.yaml -package grant -o ../api/grant/grant.gen.go grant.yaml
//go:generate go tool oapi-codegen -config generate/oapi-codegen.yaml -package nfvpolicy -o ../api/nfvpolicy/nfvpolicy.gen.go nfvpolicy.yaml
//go:generate go tool oapi-codegen -config generate/oapi-codegen.yaml -generate types,chi-server,skip-prune -package inventory -o ../api/inventory/inventory.gen.go inventory.yaml
//go:generate go tool oapi-codegen -config generate/oapi-codegen.yaml -package placement -o ../api/placement/placement.gen.go placement.yaml
//go:generate go tool oapi-codegen -config generate/oapi-codegen.yaml -package directives -o ../api/directives/directives.gen.go directives.yaml
//go:generate go tool oapi-codegen -config generate/oapi-codegen.yaml -generate types,chi-server,skip-prune -package vnfpkgm -o ../api/vnfpkgm/vnfpkgm.gen.go vnfpkgm.yaml
