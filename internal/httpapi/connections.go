package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	wire "ringfence/api/grant"
	"ringfence/internal/placement"
)

// Connections is what grants say of how to reach VIMs, CISMs, image registries and package repositories. It holds credentials:
// they go to the VNFMs that are granted something there, and nowhere else.
type Connections struct {
	VIM             map[string]Connection `json:"vimConnectionInfo"` // by connection id, as hosts name it
	CIR             map[string]Connection `json:"cirConnectionInfo"`
	MCIOPRepository map[string]Connection `json:"mciopRepositoryInfo"`

	// ResourceGroupIDs are the tenants or projects, by VIM connection, then by trust domain; "*" stands for every other one.
	ResourceGroupIDs placement.ResourceGroups `json:"resourceGroupIds"`
	// MCIOConstraintKeys is how the keys of mcioConstraints are spelled: SOL001 (node_pool, also when empty) or IFA011 (nodePool).
	MCIOConstraintKeys string `json:"mcioConstraintKeys"`
}

// Connection is one way to reach something (SOL003 VimConnectionInfo).
type Connection struct {
	VIMID         string         `json:"vimId"`
	VIMType       string         `json:"vimType"`
	InterfaceInfo map[string]any `json:"interfaceInfo"`
	AccessInfo    map[string]any `json:"accessInfo"`
	Extra         map[string]any `json:"extra"`
}

// The spellings of the keys of mcioConstraints.
const (
	spellingSOL001 = "SOL001"
	spellingIFA011 = "IFA011"
)

// ParseConnections reads the content of a connections file (JSON).
func ParseConnections(data []byte) (Connections, error) {
	var c Connections
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Connections{}, fmt.Errorf("connections file: %w", err)
	}
	for name, list := range map[string]map[string]Connection{"vimConnectionInfo": c.VIM, "cirConnectionInfo": c.CIR, "mciopRepositoryInfo": c.MCIOPRepository} {
		for _, id := range slices.Sorted(maps.Keys(list)) {
			if id == "" || list[id].VIMType == "" {
				return Connections{}, fmt.Errorf("connections file: %s %q needs an id and a vimType", name, id)
			}
		}
	}
	if s := c.MCIOConstraintKeys; s != "" && s != spellingSOL001 && s != spellingIFA011 {
		return Connections{}, fmt.Errorf("connections file: mcioConstraintKeys is %q; give %s or %s", s, spellingSOL001, spellingIFA011)
	}
	return c, nil
}

func (c *Connections) nodePoolKey() string {
	if c.MCIOConstraintKeys == spellingIFA011 {
		return "nodePool"
	}
	return "node_pool"
}

// ofCluster tells whether a connection leads to a container cluster.
func (c Connection) ofCluster() bool {
	return strings.HasPrefix(c.VIMType, "ETSINFV.KUBERNETES.") || strings.HasPrefix(c.VIMType, "ETSINFV.HELM.")
}

func (c Connection) toWire() wire.VIMConnectionInfo {
	return wire.VIMConnectionInfo{VIMID: c.VIMID, VIMType: c.VIMType, InterfaceInfo: c.InterfaceInfo, AccessInfo: c.AccessInfo, Extra: c.Extra}
}

func connectionsToWire(list map[string]Connection) map[string]wire.VIMConnectionInfo {
	if len(list) == 0 {
		return nil
	}
	out := make(map[string]wire.VIMConnectionInfo, len(list))
	for id, c := range list {
		out[id] = c.toWire()
	}
	return out
}
