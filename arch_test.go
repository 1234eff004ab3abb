package minapush_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/minapush/minapush"

// mayImport says which of our packages each package may import; "." is the root. What is not listed may import nothing of ours.
var mayImport = map[string][]string{
	".":                          {},
	"api":                        {},
	"sandbox":                    {},
	"docs/relay":                 {}, // samples to be copied
	"client":                     {"api"},
	"store":                      {"."},
	"store/record":               {"."},
	"wechat":                     {"."},
	"store/redisstore":           {".", "store", "store/record"},
	"store/redisstore/redistest": {},
	// servers to try things on, never installed
	"store/redisstore/redistest/local": {"store/redisstore/redistest"},
	"store/pebblestore":                {".", "store", "store/record"},
	"store/storetest":                  {".", "store"},
	"account":                          {".", "store"},
	"audience":                         {".", "store"},
	"bank":                             {".", "store"},
	"delivery":                         {".", "store"},
	"collect":                          {".", "bank", "audience"},
	"campaign":                         {".", "store", "bank", "delivery", "audience"},
	"dispatch":                         {".", "bank", "delivery"},
	"server":                           {".", "api", "account", "audience", "collect", "bank", "campaign", "delivery", "dispatch"},
	"console":                          {".", "account", "audience", "bank", "campaign", "delivery", "dispatch"},
	"console/browsertest":              {},
}

// onlyInTests are packages that must never reach the binary.
var onlyInTests = []string{
	"store/storetest", "store/redisstore/redistest", "console/browsertest", "github.com/chromedp/chromedp", "pgregory.net/rapid", "go.uber.org/goleak", "github.com/google/go-cmp/cmp",
}

// forbidden calls hide time, chance or a caller's wish. A line that ends in an //arch:allow comment says why it may.
var forbidden = []string{
	"time.Now", "time.Since", "time.Sleep", "context.Background", "context.TODO", "http.Get", "http.Post",
	"rand.Int", "rand.IntN", "rand.Int64N", "rand.Float64", "rand.Uint64", "rand.Perm", "rand.Shuffle",
}

type source struct {
	dir, file string
	ast       *ast.File
	fset      *token.FileSet
	test      bool
}

func sources(t *testing.T) []source {
	t.Helper()
	var list []source
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin" || name == "dist") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		list = append(list, source{dir: filepath.ToSlash(filepath.Dir(path)), file: path, ast: f, fset: fset, test: strings.HasSuffix(name, "_test.go")})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 50 {
		t.Fatalf("found only %d files: is this the module's root?", len(list))
	}
	return list
}

func TestRoomsImportOnlyTheirNeighbours(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "cmd/") {
			continue
		}
		allowed, known := mayImport[s.dir]
		if s.dir == "bench" {
			continue
		}
		if !known {
			t.Errorf("%s: room %s is not in the import table of arch_test.go; a new room needs a sentence in docs/design.md", s.file, s.dir)
		}
		for _, imp := range s.ast.Imports {
			path := strings.Trim(imp.Path.Value, `"`)
			ours, ok := strings.CutPrefix(path, module)
			if !ok {
				continue
			}
			if ours = strings.TrimPrefix(ours, "/"); ours == "" {
				ours = "."
			}
			if !slices.Contains(allowed, ours) {
				t.Errorf("%s: %s may not import %s", s.file, s.dir, ours)
			}
		}
	}
}

func TestTheRootUsesTheStandardLibraryOnly(t *testing.T) {
	for _, s := range sources(t) {
		if s.dir != "." || s.test {
			continue
		}
		for _, imp := range s.ast.Imports {
			if path := strings.Trim(imp.Path.Value, `"`); strings.Contains(strings.Split(path, "/")[0], ".") {
				t.Errorf("%s imports %s", s.file, path)
			}
		}
	}
}

func TestTestPackagesStayOutOfTheBinary(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.dir == "store/storetest" || s.dir == "store/redisstore/redistest/local" || s.dir == "console/browsertest" {
			continue
		}
		for _, imp := range s.ast.Imports {
			path := strings.TrimPrefix(strings.Trim(imp.Path.Value, `"`), module+"/")
			if slices.Contains(onlyInTests, path) || path == "testing" {
				t.Errorf("%s imports %s", s.file, path)
			}
		}
	}
}

func TestEveryPackageHasOneComment(t *testing.T) {
	comments := map[string][]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		comments[s.dir] = append(comments[s.dir], nil...)
		if s.ast.Doc != nil {
			comments[s.dir] = append(comments[s.dir], s.file)
		}
	}
	for dir, files := range comments {
		if len(files) != 1 {
			t.Errorf("package %s has %d package comments: %v", dir, len(files), files)
		}
	}
}

func TestNoRoomHidesTimeOrChance(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "cmd/") || s.dir == "bench" || s.dir == "store/storetest" || s.dir == "console/browsertest" {
			continue
		}
		text, err := os.ReadFile(s.file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if !ok || pkg.Obj != nil || !slices.Contains(forbidden, pkg.Name+"."+sel.Sel.Name) {
				return true
			}
			line := s.fset.Position(call.Pos()).Line
			if !strings.Contains(lines[line-1], "//arch:allow") {
				t.Errorf("%s:%d calls %s.%s", s.file, line, pkg.Name, sel.Sel.Name)
			}
			return true
		})
	}
}

func TestNoRoomHasPackageStateOrInit(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "cmd/") {
			continue
		}
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", s.file)
			}
		}
	}
}
