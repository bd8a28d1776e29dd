package arch

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// emptyWords say nothing about what a package or a type is; a name that needs one names no noun of the field.
var emptyWords = []string{"Manager", "Helper", "Util", "Utils", "Impl", "Common"}

// emptyPackages are package names that attract everything.
var emptyPackages = []string{"util", "utils", "helper", "helpers", "misc", "base", "models", "types", "shared"}

// Names reports packages and types named by an empty word. The contract's own common document is the exception.
func Names(tree *Tree) []Finding {
	var findings []Finding
	reported := map[string]bool{}
	for file := range tree.production {
		if name := file.Syntax.Name.Name; slices.Contains(emptyPackages, name) && !reported[file.Package()] {
			reported[file.Package()] = true
			findings = append(findings, Finding{
				Rule: "names", Path: file.Package(), Message: fmt.Sprintf("package %s says nothing; name it by what it provides", name),
			})
		}
		ast.Inspect(file.Syntax, func(node ast.Node) bool {
			declared, is := node.(*ast.TypeSpec)
			if !is {
				return true
			}
			for _, word := range emptyWords {
				if strings.HasSuffix(declared.Name.Name, word) {
					findings = append(findings, Finding{
						Rule: "names", Path: file.Path, Line: tree.line(declared.Pos()),
						Message: fmt.Sprintf("type %s: %s says nothing; name it by the field's term", declared.Name.Name, word),
					})
				}
			}
			return true
		})
	}
	return findings
}

// DomainTags reports struct tags in the domain: the wire's and the tables' spellings are those packages' business.
func DomainTags(tree *Tree) []Finding {
	var findings []Finding
	for file := range tree.production {
		if !within(file.Package(), "internal/placement") {
			continue
		}
		ast.Inspect(file.Syntax, func(node ast.Node) bool {
			if field, is := node.(*ast.Field); is && field.Tag != nil {
				findings = append(findings, Finding{
					Rule: "domain-tags", Path: file.Path, Line: tree.line(field.Tag.Pos()),
					Message: "domain types carry no tags; convert in the package that needs the spelling",
				})
			}
			return true
		})
	}
	return findings
}

// Registration reports init functions: what a program does is written in cmd, not behind an import.
func Registration(tree *Tree) []Finding {
	var findings []Finding
	for file := range tree.production {
		for _, declaration := range file.Syntax.Decls {
			if function, is := declaration.(*ast.FuncDecl); is && function.Recv == nil && function.Name.Name == "init" {
				findings = append(findings, Finding{
					Rule: "registration", Path: file.Path, Line: tree.line(function.Pos()),
					Message: "no init functions; let the caller call",
				})
			}
		}
	}
	return findings
}
