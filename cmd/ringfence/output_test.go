package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
)

func TestYAMLFromJSON(t *testing.T) {
	t.Parallel()
	const in = `{"z": 1, "a": {"empty": {}, "none": [], "null": null}, "text": ["1", "true", "", "a: b", "# c", "x\ny", "\u2028\ud83d\ude00", "2026-11-23T10:00:00Z", "1e310"],
		"number": [1.50, 1e400, 9007199254740993, -0], "flag": true}`
	const want = `z: 1
a:
  empty: {}
  none: []
  "null": null
text:
  - "1"
  - "true"
  - ""
  - 'a: b'
  - '# c'
  - |-
    x
    y
  - "\L\U0001F600"
  - "2026-11-23T10:00:00Z"
  - "1e310"
number:
  - 1.50
  - 1e400
  - 9007199254740993
  - -0
flag: true
`
	got, err := yamlFromJSON([]byte(in))
	if err != nil || string(got) != want {
		t.Errorf("%v, got:\n%s", err, got)
	}
	if _, err := yamlFromJSON([]byte(`{"a": [1, }`)); err == nil {
		t.Error("no error for what is no JSON")
	}
}

func TestTableCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	tab := table{header: []string{"A", "B"}}
	tab.add("x\x1b[31m\ty\nz", "")
	var b bytes.Buffer
	if err := tab.write(&b); err != nil {
		t.Fatal(err)
	}
	if want := "A            B\nx\ufffd[31m y z   <none>\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestStyle(t *testing.T) {
	t.Parallel()
	if got := style(true).bold("x"); got != "\x1b[1mx\x1b[0m" {
		t.Errorf("got %q", got)
	}
	if got := styleOf(&bytes.Buffer{}, func(string) string { return "" }).good("x"); got != "x" {
		t.Errorf("coloured where there is no terminal: %q", got)
	}
}

func TestFilterValue(t *testing.T) {
	t.Parallel()
	if got := remote.Filter("a", "", "b", ""); got != nil {
		t.Errorf("got %v", got)
	}
	if got := remote.Filter("a", "x y", "b/c", "d,e)").Get("filter"); got != "(eq,a,x y);(eq,b/c,'d,e)')" {
		t.Errorf("got %s", got)
	}
}

// Help says of every command at length what it does, and shows one use of it.
func TestEveryCommandIsDocumented(t *testing.T) {
	t.Parallel()
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			check(sub)
		}
		leaf := !cmd.HasSubCommands()
		switch {
		case cmd.Short == "" || strings.HasSuffix(cmd.Short, "."):
			t.Errorf("%s: Short is %q", cmd.CommandPath(), cmd.Short)
		case leaf && (cmd.Long == "" || cmd.Long == cmd.Short):
			t.Errorf("%s: no Long", cmd.CommandPath())
		case leaf && (!strings.HasPrefix(cmd.Example, "  ") || !strings.Contains(cmd.Example, cmd.CommandPath())):
			t.Errorf("%s: no Example", cmd.CommandPath())
		case leaf && cmd.Args == nil:
			t.Errorf("%s: takes any arguments", cmd.CommandPath())
		}
	}
	check(newRoot(process{getenv: func(string) string { return "" }}))
}
