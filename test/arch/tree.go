package arch

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the module path whose packages the import table governs.
const Module = "ringfence"

// Tree is a checkout as the rules see it.
type Tree struct {
	// Files are the Go files, ordered by path.
	Files []File
	// Others are the paths of all other files, in lexical order.
	Others []string

	positions *token.FileSet
}

// File is one Go file.
type File struct {
	// Path is relative to the root of the checkout, with slashes.
	Path string
	// Lines is the number of lines.
	Lines int
	// Test says that only `go test` compiles the file.
	Test bool
	// Generated says that the file carries the standard mark of generated code.
	Generated bool
	// Syntax is the parsed file, comments included.
	Syntax *ast.File
}

// Package is the folder that the file belongs to, relative to the root; "." for the root itself.
func (f File) Package() string { return path.Dir(f.Path) }

// Imports are the paths that the file imports, in the order of the file.
func (f File) Imports() []string {
	paths := make([]string, 0, len(f.Syntax.Imports))
	for _, spec := range f.Syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser accepts nothing that this refuses
		}
		paths = append(paths, imported)
	}
	return paths
}

// Finding is one place where a checkout breaks a rule.
type Finding struct {
	// Rule is the name of the rule.
	Rule string
	// Path is the file or folder, relative to the root of the checkout.
	Path string
	// Line is where in the file, 0 for the whole of it.
	Line int
	// Message says what is wrong and what to do.
	Message string
	// Advice says that the finding is reported but breaks nothing.
	Advice bool
}

// String is the finding as compilers write theirs, so that editors can jump to it.
func (f Finding) String() string {
	place := f.Path
	if f.Line > 0 {
		place += ":" + strconv.Itoa(f.Line)
	}
	return fmt.Sprintf("%s: %s (%s)", place, f.Message, f.Rule)
}

// Load reads a checkout. A file that does not parse is an error: the rules would be silent about it.
func Load(root fs.FS) (*Tree, error) {
	tree := &Tree{positions: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && ignored(name):
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case !strings.HasSuffix(name, ".go"):
			tree.Others = append(tree.Others, name)
			return nil
		}
		return tree.add(root, name)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the checkout: %w", err)
	}
	slices.SortFunc(tree.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	slices.Sort(tree.Others)
	return tree, nil
}

func (t *Tree) add(root fs.FS, name string) error {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(t.positions, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.Files = append(t.Files, File{
		Path:      name,
		Lines:     bytes.Count(text, []byte("\n")),
		Test:      strings.HasSuffix(name, "_test.go"),
		Generated: ast.IsGenerated(syntax),
		Syntax:    syntax,
	})
	return nil
}

// production yields the files that ship and that people wrote.
func (t *Tree) production(yield func(File) bool) {
	for _, file := range t.Files {
		if !file.Test && !file.Generated && !yield(file) {
			return
		}
	}
}

func (t *Tree) line(at token.Pos) int { return t.positions.Position(at).Line }

// ignored folders are those that the go command ignores too, and what npm leaves behind.
func ignored(folder string) bool {
	base := path.Base(folder)
	return base == "testdata" || base == "node_modules" || folder != "." && strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")
}
