package policy

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"ringfence/internal/placement"
)

// formatWidth is how much of a line of the document Format shows.
const formatWidth = 120

// Format renders findings as compilers do: file:line:col: SEVERITY CODE: message, then the line of the document
// with a mark below the place. What comes from the document cannot steer the terminal that shows it.
func Format(findings []placement.Finding, filename string, content []byte) string {
	lines := splitLines(string(content))
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(printable(filename))
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d", f.Line)
			if f.Column > 0 {
				fmt.Fprintf(&b, ":%d", f.Column)
			}
		}
		fmt.Fprintf(&b, ": %s %s: %s\n", f.Severity, f.Code, printable(f.Message))
		if f.Line > 0 && f.Line <= len(lines) {
			excerpt(&b, lines[f.Line-1], f.Line, f.Column)
		}
	}
	return b.String()
}

// excerpt writes a line with its number, and the mark when the column is known.
func excerpt(b *strings.Builder, line string, number, column int) {
	text := []rune(printable(line))
	start := 0
	if column > formatWidth { // documents in one long line exist
		start = min(column-1-formatWidth/2, len(text))
	}
	end := min(start+formatWidth, len(text))
	margin := fmt.Sprintf("%5d | ", number)
	fmt.Fprintf(b, "%s%s\n", margin, strings.TrimRight(string(text[start:end]), " "))
	if column <= 0 || column-1-start > end-start {
		return
	}
	indent := make([]rune, 0, column)
	for i := start; i < column-1; i++ {
		c := ' '
		if text[i] == '\t' {
			c = '\t'
		}
		indent = append(indent, c)
	}
	fmt.Fprintf(b, "%s| %s^\n", strings.Repeat(" ", len(margin)-2), string(indent))
}

// splitLines splits where the lines of positions end.
func splitLines(s string) []string {
	s = strings.ReplaceAll(strings.TrimPrefix(s, "\ufeff"), "\r\n", "\n")
	var lines []string
	for {
		i := strings.IndexFunc(s, isBreak)
		if i < 0 {
			return append(lines, s)
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		lines, s = append(lines, s[:i]), s[i+size:]
	}
}

// printable replaces what a terminal would obey instead of show.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '\t' || unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, s)
}
