package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// documentedPercent is the share of a package's exported identifiers that must carry a comment.
const documentedPercent = 80

// selfExplanatory are methods whose meaning an interface of the standard library fixes.
var selfExplanatory = []string{
	"Error", "Is", "As", "Unwrap", "String", "Len", "Less", "Swap", "Read", "Write", "Close", "ServeHTTP",
	"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "MarshalYAML", "UnmarshalYAML", "LogValue",
}

// PackageComments reports packages that do not say what they are for. A package whose files are all tests needs no comment.
func PackageComments(tree *Tree) []Finding {
	documented := map[string]bool{}
	for _, file := range tree.Files {
		if file.Test {
			continue
		}
		documented[file.Package()] = documented[file.Package()] || opensWell(file.Syntax)
	}
	var findings []Finding
	for _, folder := range slices.Sorted(maps.Keys(documented)) {
		if !documented[folder] {
			findings = append(findings, Finding{
				Rule: "package-comments", Path: folder,
				Message: "no package comment; say what the package is for and what it must not do",
			})
		}
	}
	return findings
}

// opensWell says whether the file has a package comment in Go's form: "Package name ...", for a command "Command name ...".
func opensWell(file *ast.File) bool {
	text := file.Doc.Text()
	return strings.HasPrefix(text, "Package "+file.Name.Name+" ") || file.Name.Name == "main" && strings.HasPrefix(text, "Command ")
}

// Documented reports packages where too few exported identifiers carry a comment.
func Documented(tree *Tree) []Finding {
	counts := map[string]*tally{}
	for file := range tree.production {
		count := counts[file.Package()]
		if count == nil {
			count = &tally{}
			counts[file.Package()] = count
		}
		for _, declaration := range file.Syntax.Decls {
			count.declaration(declaration)
		}
	}
	var findings []Finding
	for _, folder := range slices.Sorted(maps.Keys(counts)) {
		count := counts[folder]
		if 100*count.documented < documentedPercent*count.exported {
			findings = append(findings, Finding{
				Rule: "documented", Path: folder,
				Message: fmt.Sprintf("%d of %d exported identifiers are documented, %d %% wanted; missing: %s",
					count.documented, count.exported, documentedPercent, list(count.missing)),
			})
		}
	}
	return findings
}

// tally counts the exported identifiers of a package.
type tally struct {
	exported, documented int
	missing              []string
}

func (t *tally) declaration(declaration ast.Decl) {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && exportedReceiver(d) && !(d.Recv != nil && slices.Contains(selfExplanatory, d.Name.Name)) {
			t.count(d.Name, d.Doc.Text() != "")
		}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT {
			return
		}
		for _, spec := range d.Specs {
			t.specification(spec, d.Doc.Text() != "")
		}
	}
}

// specification counts the names of one line of a declaration. A comment on the whole group, or at the line's end, will do.
func (t *tally) specification(spec ast.Spec, group bool) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() {
			t.count(s.Name, group || s.Doc.Text() != "" || s.Comment.Text() != "")
		}
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if name.IsExported() {
				t.count(name, group || s.Doc.Text() != "" || s.Comment.Text() != "")
			}
		}
	}
}

func (t *tally) count(name *ast.Ident, documented bool) {
	t.exported++
	if documented {
		t.documented++
		return
	}
	t.missing = append(t.missing, name.Name)
}

// exportedReceiver says whether a function is reachable from outside: no method, or the method of an exported type.
func exportedReceiver(function *ast.FuncDecl) bool {
	if function.Recv == nil || len(function.Recv.List) == 0 {
		return true
	}
	receiver := function.Recv.List[0].Type
	for {
		switch r := receiver.(type) {
		case *ast.StarExpr:
			receiver = r.X
		case *ast.IndexExpr:
			receiver = r.X
		case *ast.IndexListExpr:
			receiver = r.X
		case *ast.Ident:
			return r.IsExported()
		default:
			return true
		}
	}
}
