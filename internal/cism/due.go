package cism

import (
	"cmp"
	"slices"
	"time"
)

// dueAck is a directive that the cluster has followed and nobody acknowledged.
type dueAck struct {
	ResidencyID string `json:"residencyId"`
	HostID      string `json:"hostId"`
	Seq         int64  `json:"seq"`

	IssuedAt time.Time `json:"issuedAt"`
}

// due are the directives of a host that the cluster has followed, given the residencies that run there: workloads placed
// that are there, and released before a time that are not.
func (t *table) due(hostID string, here map[string]bool, before time.Time) []dueAck {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var due []dueAck
	for id, s := range t.standings {
		if s.HostID == hostID && !s.Acknowledged && here[id] {
			due = append(due, dueAck{ResidencyID: id, HostID: hostID, Seq: s.Seq})
		}
	}
	for _, r := range t.released {
		if r.HostID == hostID && !here[r.ResidencyID] && r.IssuedAt.Before(before) {
			due = append(due, r)
		}
	}
	slices.SortFunc(due, func(a, b dueAck) int { return cmp.Compare(a.Seq, b.Seq) })
	return due
}

// acknowledged records that ringfence knows of it.
func (t *table) acknowledged(a dueAck) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed = true
	if s := t.standings[a.ResidencyID]; s != nil && s.HostID == a.HostID && s.Seq == a.Seq {
		s.Acknowledged = true
	}
	t.released = slices.DeleteFunc(t.released, func(r dueAck) bool { return r == a })
}
