package main

import (
	"errors"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == renderCommand { // of a command that runs within the tests
		main()
	}
	testscript.Main(m, map[string]func(){"ringfence": main})
}

// TestScripts runs the command line as its users do. The scripts need no service.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("RINGFENCE_TEST_UPDATE") != "",
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "gone": gone},
	})
}

// exits runs the command line, which must end with an exit code: exits CODE ringfence ARGUMENTS.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGUMENTS...")
	}
	code := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		code = exitCode(err)
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, not %s", code, args[0])
	}
}

// gone checks that a folder is not there any more, which the output of the last command named: gone REGEXP.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gone REGEXP")
	}
	found := regexp.MustCompile(args[0]).FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("the output names no folder like %s", args[0])
	}
	if _, err := os.Stat(found[1]); !errors.Is(err, os.ErrNotExist) {
		ts.Fatalf("%s is still there (%v)", found[1], err)
	}
}

func exitCode(err error) string {
	type exiter interface{ ExitCode() int }
	if e, ok := err.(exiter); ok {
		return string(rune('0' + e.ExitCode()))
	}
	return err.Error()
}

// Backup and restore offer the settings that mean something to them, and no others.
func TestSettingsOfBackups(t *testing.T) {
	t.Parallel()
	flag := regexp.MustCompile(`--[a-z-]+`)
	for name, want := range map[string][]string{
		"backup": {"--config", "--data-dir", "--log-format", "--pg-bindir"}, "restore": {"--config", "--data-dir", "--force", "--log-format", "--pg-bindir"},
	} {
		cmd, _, err := newRoot(process{getenv: func(string) string { return "" }}).Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, flag.FindAllString(cmd.LocalFlags().FlagUsages(), -1)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
