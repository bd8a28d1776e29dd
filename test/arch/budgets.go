package arch

import (
	"fmt"
	"go/ast"
)

// The budgets of the house style. Past the first figure a finding is advice: split by noun when you are there next. Past the
// second it breaks the build.
const (
	fileLines         = 400
	fileLinesLimit    = 600
	functionLines     = 60
	functionLinesHard = 100
)

// Budgets reports files and functions that have grown too long. Tests and generated files are not measured.
func Budgets(tree *Tree) []Finding {
	var findings []Finding
	for file := range tree.production {
		if file.Lines > fileLines {
			findings = append(findings, Finding{
				Rule: "budgets", Path: file.Path, Advice: file.Lines <= fileLinesLimit,
				Message: fmt.Sprintf("%d lines, %d wanted, %d allowed: split it by noun", file.Lines, fileLines, fileLinesLimit),
			})
		}
		findings = append(findings, longFunctions(tree, file)...)
	}
	return findings
}

func longFunctions(tree *Tree, file File) []Finding {
	var findings []Finding
	for _, declaration := range file.Syntax.Decls {
		function, is := declaration.(*ast.FuncDecl)
		if !is {
			continue
		}
		first, last := tree.line(function.Pos()), tree.line(function.End())
		if lines := last - first + 1; lines > functionLines {
			findings = append(findings, Finding{
				Rule: "budgets", Path: file.Path, Line: first, Advice: lines <= functionLinesHard,
				Message: fmt.Sprintf("%s has %d lines, %d wanted, %d allowed: name its parts", function.Name.Name, lines,
					functionLines, functionLinesHard),
			})
		}
	}
	return findings
}
