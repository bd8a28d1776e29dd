package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Client is one that ringfence knows by its token.
type Client struct {
	// ID is what ringfence calls the client.
	ID string
	// Token is the bearer token that the client sends.
	Token string
	// Roles are what the client may do; an AGENT does it for every host unless HostIDs or VIMConnectionIDs say for which.
	Roles []string
	// HostIDs are the hosts that an AGENT stands for.
	HostIDs []string
	// VIMConnectionIDs are the connections that an AGENT stands for.
	VIMConnectionIDs []string
	// PollsGrants has the client's requests for grants answered 202, to be asked about again.
	PollsGrants bool
	// RequestsPerSecond bounds the client's requests; 0: as every client's.
	RequestsPerSecond int
}

// writeTokens writes the file from which ringfence knows its clients.
func writeTokens(folder string, clients []Client) (string, error) {
	type entry struct {
		ID          string   `json:"id"`
		TokenSHA256 string   `json:"tokenSha256"`
		Roles       []string `json:"roles"`
		HostIDs     []string `json:"hostIds,omitempty"`
		VIMs        []string `json:"vimConnectionIds,omitempty"`
		PollsGrants bool     `json:"pollsGrants,omitempty"`
		PerSecond   int      `json:"requestsPerSecond,omitempty"`
	}
	entries := make([]entry, len(clients))
	for i, c := range clients {
		sum := sha256.Sum256([]byte(c.Token))
		entries[i] = entry{ID: c.ID, TokenSHA256: hex.EncodeToString(sum[:]), Roles: c.Roles, HostIDs: c.HostIDs, VIMs: c.VIMConnectionIDs, PollsGrants: c.PollsGrants, PerSecond: c.RequestsPerSecond}
		if slices.Contains(c.Roles, "AGENT") && len(c.VIMConnectionIDs)+len(c.HostIDs) == 0 {
			entries[i].HostIDs = []string{"*"}
		}
	}
	content, err := json.Marshal(map[string]any{"clients": entries})
	if err != nil {
		return "", fmt.Errorf("token file: %w", err)
	}
	file := filepath.Join(folder, "tokens.json")
	return file, os.WriteFile(file, content, 0o600)
}
