package main

import (
	"io"
)

// style marks text on terminals that show colours; elsewhere it leaves text as it is.
type style bool

// styleOf is the style for a stream: plain where it is no terminal, and where the person asked for no colours.
func styleOf(w io.Writer, getenv func(string) string) style {
	return style(isTerminal(w) && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb")
}

func (s style) with(code, text string) string {
	if !s {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string  { return s.with("1", text) }
func (s style) faint(text string) string { return s.with("2", text) }
func (s style) good(text string) string  { return s.with("32", text) }
func (s style) bad(text string) string   { return s.with("31", text) }
