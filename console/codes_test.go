package console

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/minapush/minapush/wechat"
)

func TestEveryCodeThatASendCanEndWithHasWords(t *testing.T) {
	t.Parallel()
	words := codeTexts()
	sends := []wechat.Scope{wechat.AnyCall, wechat.TokenCalls, wechat.Sends, wechat.SubscribeSend, wechat.LegacySend}
	known := map[string]bool{}
	for _, row := range wechat.Rows() {
		name := fmt.Sprintf("code.%d", row.Code)
		known[name] = true
		if _, ok := words[name]; slices.Contains(sends, row.Scope) && !ok {
			t.Errorf("%s has no words: WeChat says %s", name, row.English)
		}
	}
	for name := range words {
		if !known[name] {
			t.Errorf("%s has words, and is no code of WeChat", name)
		}
	}
}

// reasons finds the names that a package gives as reasons: constants called Reason… or reason…, the codes of minapush.Reason, and the
// first words of calls that make one.
type reasons struct {
	t      *testing.T
	fset   *token.FileSet
	found  map[string]string // where, by name
	consts map[string]string
	// variables are names of variables that hold a code: what they are given is found elsewhere.
	variables []string
}

func (r *reasons) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		s, ok := r.consts[e.Name]
		return s, ok
	case *ast.SelectorExpr:
		s, ok := r.consts[e.Sel.Name]
		return s, ok
	}
	return "", false
}

func (r *reasons) add(e ast.Expr) {
	name, ok := r.text(e)
	if !ok {
		if id, is := e.(*ast.Ident); !is || !slices.Contains(r.variables, id.Name) {
			r.t.Errorf("%s: this test does not understand where the code of this reason comes from", r.fset.Position(e.Pos()))
		}
		return
	}
	if name != "" {
		r.found[name] = r.fset.Position(e.Pos()).String()
	}
}

func (r *reasons) constants(f *ast.File) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			for i, name := range v.Names {
				if i >= len(v.Values) {
					continue
				}
				text, ok := r.text(v.Values[i])
				if !ok {
					continue
				}
				r.consts[name.Name] = text
				if strings.HasPrefix(strings.ToLower(name.Name), "reason") || strings.HasPrefix(name.Name, "Code") {
					r.found[text] = r.fset.Position(name.Pos()).String()
				}
			}
		}
	}
}

// uses finds the codes that code gives: Reason{Code: …}, why("…", …), x.Reason = "…", and what the watch over answers returns.
func (r *reasons) uses(f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if name(n.Type) != "Reason" {
				return true
			}
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok && name(kv.Key) == "Code" {
					r.add(kv.Value)
				}
			}
		case *ast.CallExpr:
			if name(n.Fun) == "why" && len(n.Args) > 0 {
				r.add(n.Args[0])
			}
		case *ast.FuncDecl:
			if n.Name.Name == "look" && n.Type.Results != nil && len(n.Type.Results.List) == 2 {
				ast.Inspect(n.Body, func(n ast.Node) bool {
					if ret, ok := n.(*ast.ReturnStmt); ok && len(ret.Results) == 2 {
						r.add(ret.Results[0])
					}
					return true
				})
			}
		}
		return true
	})
}

func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func TestEveryReasonHasWords(t *testing.T) {
	t.Parallel()
	r := &reasons{t: t, fset: token.NewFileSet(), found: map[string]string{}, consts: map[string]string{}, variables: []string{"trouble", "code"}}
	var parsed []*ast.File
	for _, dir := range []string{"..", "../campaign", "../dispatch", "../wechat", "../store/record"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no sources in %s: %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(r.fset, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			r.constants(f)
			if dir == "../campaign" || dir == "../dispatch" {
				parsed = append(parsed, f)
			}
		}
	}
	for _, f := range parsed {
		r.uses(f)
	}
	for _, must := range []string{"no_permit", "refusal_storm", "unknown_answers", "missed", "token", "bad_audience", "read_timeout", "wrong_app"} {
		if r.found[must] == "" {
			t.Errorf("the reason %s was not found in the sources: does this test still read them right?", must)
		}
	}
	words := reasonTexts()
	for code, where := range r.found {
		if _, ok := words["reason."+code]; !ok {
			t.Errorf("%s: the reason %s has no words", where, code)
		}
	}
}

func TestEveryStandstillHasWords(t *testing.T) {
	t.Parallel()
	words := stillTexts()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "campaignstill.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		v, ok := node.(*ast.ValueSpec)
		if !ok || len(v.Names) != 1 || !strings.HasPrefix(v.Names[0].Name, "still") {
			return true
		}
		lit, ok := v.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		code, _ := strconv.Unquote(lit.Value)
		n++
		if _, ok := words["still."+code]; !ok || !slices.Contains(stillCodes(), code) {
			t.Errorf("%s has no words, or is not listed", code)
		}
		return true
	})
	if n != len(stillCodes()) {
		t.Errorf("found %d codes, and %d are listed", n, len(stillCodes()))
	}
}

func TestEveryFindingOfAValueHasWordsThatFitItsParameters(t *testing.T) {
	t.Parallel()
	b, err := fs.ReadFile(files, "templates/shared/campaign.html")
	if err != nil || !strings.Contains(string(b), "mistake-words") {
		t.Fatal("where are mistakes worded?", err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), "../value.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		v, ok := node.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 || !strings.HasPrefix(v.Names[0].Name, "Value") {
			return true
		}
		if lit, ok := v.Values[0].(*ast.BasicLit); ok {
			code, _ := strconv.Unquote(lit.Value)
			n++
			if _, ok := valueTexts()["value."+code]; !ok {
				t.Errorf("the finding %s has no words", code)
			}
		}
		return true
	})
	if n < 10 {
		t.Errorf("only %d findings: does this test still read them right?", n)
	}
}
