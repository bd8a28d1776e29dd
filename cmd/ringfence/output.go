package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// The forms of a result. JSON and YAML are the API's own objects.
const (
	formTable = "table"
	formWide  = "wide"
	formJSON  = "json"
	formYAML  = "yaml"
	formName  = "name"
)

// none stands in a table for what is absent.
const none = "<none>"

// form is the value of --output: one of those that the command has.
type form struct {
	value   string
	allowed []string
}

// addForms gives a command the flag -o with the forms that it has, the first of which is the default.
func addForms(cmd *cobra.Command, allowed ...string) *form {
	f := &form{value: allowed[0], allowed: allowed}
	cmd.Flags().VarP(f, "output", "o", "form of the result: "+strings.Join(allowed, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp))
	return f
}

func (f *form) String() string { return f.value }

// Type is what help calls the value.
func (f *form) Type() string { return "form" }

// Set takes a form that the command has.
func (f *form) Set(value string) error {
	if !slices.Contains(f.allowed, value) {
		return fmt.Errorf("expected one of %s", strings.Join(f.allowed, ", "))
	}
	f.value = value
	return nil
}

// machine says whether the result is for a program.
func (f *form) machine() bool { return f.value == formJSON || f.value == formYAML }

// writeObject writes one object of the API as JSON or YAML.
func (f *form) writeObject(w io.Writer, raw json.RawMessage) error {
	if f.value == formYAML {
		out, err := yamlFromJSON(raw)
		if err != nil {
			return err
		}
		_, err = w.Write(out)
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(raw), "", "  "); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	b.WriteByte('\n')
	_, err := b.WriteTo(w)
	return err
}

// writeList writes a list in the form asked for: the API's objects, their names, or the table.
func writeList[T any](w io.Writer, f *form, entries []listed[T], name func(*T) string, t table, row func(*T) []string) error {
	switch f.value {
	case formJSON, formYAML:
		raws := make([]json.RawMessage, 0, len(entries))
		for i := range entries {
			raws = append(raws, entries[i].raw)
		}
		raw, err := json.Marshal(raws)
		if err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		return f.writeObject(w, raw)
	case formName:
		for i := range entries {
			if _, err := fmt.Fprintln(w, printable(name(&entries[i].value))); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range entries {
		t.add(row(&entries[i].value)...)
	}
	return t.write(w)
}

// table is what kubectl has taught people to read: capitals above, no borders.
type table struct {
	header []string // nil: none
	rows   [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write writes the table. What comes from elsewhere cannot steer the terminal.
func (t *table) write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	rows := t.rows
	if t.header != nil {
		rows = append([][]string{t.header}, rows...)
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = orElse(printable(cell), none)
		}
		if _, err := fmt.Fprintln(tw, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// printable makes one line of a text, without what a terminal would obey instead of show.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsPrint(c):
			return c
		case c == '\n', c == '\t':
			return ' '
		}
		return unicode.ReplacementChar
	}, s)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// ago is how long something is past, roughly, as tables show it; for the future, in how long it comes.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := now.Sub(t)
	if d < 0 {
		return "in " + roughly(-d)
	}
	return roughly(d)
}

func roughly(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// instant writes a time for a person who may want to compare it.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// isTerminal says whether a stream of the process is one that a person looks at.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// input opens the file that an argument names, or standard input for a dash. size is -1 when it is not known.
func input(p process, name string) (r io.ReadCloser, size int64, err error) {
	if name == "-" {
		return io.NopCloser(p.stdin), -1, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, plainPathError(err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	if info.IsDir() {
		return nil, 0, errors.Join(fmt.Errorf("%s is a folder; name a file", name), f.Close())
	}
	if !info.Mode().IsRegular() {
		return f, -1, nil
	}
	return f, info.Size(), nil
}

// plainPathError says what is wrong with a file without the system call that found out.
func plainPathError(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

// readInput reads a whole file, or standard input for a dash.
func readInput(p process, name string) ([]byte, error) {
	r, _, err := input(p, name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}
