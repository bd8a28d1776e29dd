package notify

import (
	"net/netip"
	"testing"
)

func guard(t *testing.T, prefixes ...string) *Guard {
	t.Helper()
	g := &Guard{Rules: Rules{Targets: map[string][]Target{}, Own: []netip.AddrPort{netip.MustParseAddrPort("10.1.0.9:5432"), netip.MustParseAddrPort("0.0.0.0:8443")}}}
	for _, p := range prefixes {
		target, err := ParseTarget(p, []int{443, 8443, 5432})
		if err != nil {
			t.Fatal(err)
		}
		g.Targets["vnfm"] = append(g.Targets["vnfm"], target)
	}
	return g
}

func TestGuardAllows(t *testing.T) {
	t.Parallel()
	everything := []string{"0.0.0.0/0", "::/0"}
	for _, c := range []struct {
		to       string
		prefixes []string
		client   string
		want     bool
	}{
		{"10.1.2.3:443", []string{"10.1.0.0/16"}, "vnfm", true},
		{"10.2.2.3:443", []string{"10.1.0.0/16"}, "vnfm", false},
		{"10.1.2.3:22", []string{"10.1.0.0/16"}, "vnfm", false},
		{"10.1.2.3:443", []string{"10.1.0.0/16"}, "another", false},
		{"[2001:db8::7]:443", []string{"2001:db8::/32"}, "vnfm", true},
		{"10.1.0.9:443", []string{"10.1.0.0/16"}, "vnfm", true},
		{"10.1.0.9:5432", []string{"10.1.0.0/16"}, "vnfm", false}, // the database
		{"10.1.2.3:8443", []string{"10.1.0.0/16"}, "vnfm", false}, // a port that the service itself listens on, at any address
		{"127.0.0.1:443", everything, "vnfm", false},
		{"127.9.9.9:443", everything, "vnfm", false},
		{"0.0.0.0:443", everything, "vnfm", false},
		{"169.254.169.254:443", everything, "vnfm", false},
		{"224.0.0.1:443", everything, "vnfm", false},
		{"255.255.255.255:443", everything, "vnfm", false},
		{"[::1]:443", everything, "vnfm", false},
		{"[::]:443", everything, "vnfm", false},
		{"[::7f00:1]:443", everything, "vnfm", false},
		{"[::ffff:127.0.0.1]:443", everything, "vnfm", false},
		{"[::ffff:10.1.2.3]:443", everything, "vnfm", false},
		{"[64:ff9b::a9fe:a9fe]:443", everything, "vnfm", false},
		{"[2002:7f00:1::]:443", everything, "vnfm", false},
		{"[2001:0:7f00:1::]:443", everything, "vnfm", false},
		{"[fe80::1]:443", everything, "vnfm", false},
		{"[fe80::1%eth0]:443", everything, "vnfm", false},
		{"[ff02::1]:443", everything, "vnfm", false},
	} {
		if got := guard(t, c.prefixes...).allows(c.client, netip.MustParseAddrPort(c.to)); got != c.want {
			t.Errorf("%s to %s with %v: %t", c.client, c.to, c.prefixes, got)
		}
	}
	if (&Guard{}).allows("vnfm", netip.MustParseAddrPort("10.1.2.3:443")) {
		t.Error("a guard without allow-list lets something pass")
	}
	if dev := (&Guard{Developing: true}); !dev.allows("vnfm", netip.MustParseAddrPort("127.0.0.1:9")) || dev.allows("vnfm", netip.MustParseAddrPort("10.1.2.3:443")) {
		t.Error("developing allows loopback, and nothing else")
	}
}

func TestCheckURI(t *testing.T) {
	t.Parallel()
	g := guard(t, "10.0.0.0/8")
	for _, ok := range []string{"https://vnfm.example.net/notify", "https://vnfm.example.net:8443/a/b", "https://10.1.2.3/", "https://[2001:db8::1]:443/x"} {
		if err := g.CheckURI(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{
		"", "vnfm", "/notify", "http://vnfm.example.net/", "ftp://vnfm.example.net/", "file:///etc/passwd", "gopher://vnfm/", "https:vnfm.example.net",
		"https://", "https:///notify", "https://:443/", "https://user@vnfm.example.net/", "https://good@bad/", "https://u:p@vnfm/", "https://vnfm/#x", "https://vnfm/?a=b", "https://vnfm/?",
		"https://vnfm:0/", "https://vnfm:70000/", "https://vnfm:x/", "https://[fe80::1%25eth0]/", "https://vnfm\\@bad/", "https://vnfm/a b", "https://vnfm/\r\nHost: bad",
		"https://vnfm.例え/", "https://" + string(make([]byte, 3000)) + "/",
	} {
		if g.CheckURI(bad) == nil {
			t.Errorf("%q passed", bad)
		}
	}
	if err := (&Guard{Developing: true}).CheckURI("http://127.0.0.1:9/x"); err != nil {
		t.Error(err)
	}
}

// TestRulesAreExchanged: a guard goes by the rules that it was given last, and by none while they are incomplete.
func TestRulesAreExchanged(t *testing.T) {
	t.Parallel()
	to := netip.MustParseAddrPort("10.1.2.3:443")
	passes := Rules{Targets: map[string][]Target{"vnfm": {{Prefix: netip.MustParsePrefix("10.1.0.0/16")}}}}
	incomplete := passes
	incomplete.Incomplete = true
	g := &Guard{Rules: passes}
	for i, step := range []struct {
		rules Rules
		want  bool
	}{{incomplete, false}, {passes, true}, {Rules{}, false}, {passes, true}} {
		g.Use(step.rules)
		if g.allows("vnfm", to) != step.want {
			t.Errorf("step %d: allowed is %t", i, !step.want)
		}
	}
	if (&Guard{Rules: incomplete}).allows("vnfm", to) || !(&Guard{Rules: passes}).allows("vnfm", to) {
		t.Error("the first rules do not hold")
	}
}
