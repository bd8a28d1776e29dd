package main

import (
	"strings"
	"testing"
)

const changeID = "01971c3e-7b2a-7c40-9d5e-6f1a2b3c4d5e"

func TestChange(t *testing.T) {
	t.Parallel()
	s := newService(t)
	path := "/inventory/v1/pending_changes/" + changeID
	s.json("GET /inventory/v1/pending_changes", 200, example(t, "inventory", "PendingChangeList"))
	s.json("GET /inventory/v1/pending_changes?filter=%28eq%2Cstate%2CPENDING%29", 200, example(t, "inventory", "PendingChangeList"))
	s.json("GET "+path, 200, example(t, "inventory", "PendingChangeWaiting"))
	s.json("GET /placement/v1/pending_changes/"+changeID+"/analysis", 200, example(t, "placement", "ChangeAnalysis"))
	s.json("POST "+path+"/approve", 200, example(t, "inventory", "PendingChangeApplied"))
	s.json("POST "+path+"/reject", 200, example(t, "inventory", "PendingChangeRejected"))

	got := s.command(t, "", "change", "list")
	if got.code != exitOK || !strings.Contains(got.stdout, "CHANGE TRUST_DOMAIN TD-CP: sensitivity 3 -> 1") || !strings.Contains(s.last().line, "filter=") {
		t.Errorf("got %+v, sent %+v", got, s.last())
	}
	if got := s.command(t, "", "change", "list", "--all"); got.code != exitOK || strings.Contains(s.last().line, "filter=") {
		t.Errorf("got %+v, sent %+v", got, s.last())
	}
	golden(t, "change", s.command(t, "", "change", "show", changeID).stdout)
	if got := s.command(t, "", "change", "show", changeID, "--quick"); got.code != exitOK || strings.Contains(got.stdout, "HOSTS NOW") {
		t.Errorf("got %+v", got)
	}
	got = s.command(t, "", "change", "approve", changeID, "--break-glass", "INC-4711: keys leak")
	if got.code != exitOK || s.last().header.Get("Ringfence-Break-Glass") != "INC-4711: keys leak" || !strings.Contains(got.stdout, "by approver-1") {
		t.Errorf("got %+v, sent %+v", got, s.last())
	}
	if got := s.command(t, "", "change", "reject", changeID); got.code != exitLocal || !strings.Contains(got.stderr, "--reason") {
		t.Errorf("got %+v", got)
	}
	got = s.command(t, "", "change", "reject", changeID, "--reason", "no")
	if got.code != exitOK || s.last().body != `{"reason":"no"}` || !strings.Contains(got.stdout, "the AUSF still keeps keys in TD-CP") {
		t.Errorf("got %+v, sent %+v", got, s.last())
	}
}

// A document that waits is not taken for one that is applied, by a person or by a script.
func TestImportThatWaits(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.json("POST /inventory/v1/imports", 202, example(t, "inventory", "PendingChangeWaiting"))
	got := s.command(t, "kind: Inventory\n", "import", "-", "--reason", "CHG-1203")
	if got.code != exitWaits || s.last().header.Get("Ringfence-Change-Reason") != "CHG-1203" || !strings.Contains(got.stdout, "3 -> 1") ||
		!strings.Contains(got.stderr, "Another client with the role APPROVER than operator-1 approves it with: ringfence change approve "+changeID) {
		t.Errorf("got %+v, sent %+v", got, s.last())
	}
	if got := s.command(t, "kind: Inventory\n", "import", "-", "-o", "json"); got.code != exitWaits || !strings.Contains(got.stdout, `"state": "PENDING"`) {
		t.Errorf("got %+v", got)
	}
}
