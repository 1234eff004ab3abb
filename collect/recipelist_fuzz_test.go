package collect

import (
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
)

// FuzzTheRecipesList holds that whatever stands in somebody's list becomes records that are left out for a reason, or form ids that
// WeChat can have issued, taken within the last 7 days; and that the right constant never gives a code a longer life.
func FuzzTheRecipesList(f *testing.F) {
	const one = `{"formId":"00000000000000000000000000000001","expire":1795946400000}`
	for _, seed := range []string{
		"", "[]", "null", "{}", one, "[" + one + "," + one + "]", `["java.util.ArrayList",[` + one + `]]`, `["com.x.FormId",` + one + `]`,
		`"{\"formId\":\"00000000000000000000000000000001\",\"expire\":1795946400000}"`, javaMagic + "sr", `{"formId":["a.b",1],"expire":["a.b",[]]}`,
		`["a.b"]`, `["a.b",]`, `"\ud800"`, "\xff", `{"expire":1e400,"formId":null}`, strings.Repeat(`["a.b",`, 50), strings.Repeat("[", 20000),
		`"\"\\\"\\\\\\\"\""`,
	} {
		f.Add(seed)
	}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, element string) {
		loose, exact := ReadListed(element, now, RecipeExpireAfter), ReadListed(element, now, minapush.CodeLife)
		if len(loose) != len(exact) {
			t.Fatalf("%d records, or %d", len(loose), len(exact))
		}
		for i, c := range loose {
			_, good := minapush.CheckFormID(c.FormID)
			switch {
			case c.Reason != "" && (c != ListedCode{Reason: c.Reason}):
				t.Fatalf("left out and not: %+v", c)
			case c.Reason != "":
			case !good || c.TakenAt.After(now) || !c.TakenAt.After(now.Add(-minapush.CodeLife)):
				t.Fatalf("taken over: %+v", c)
			}
			if e := exact[i]; e.Reason == "" && (c.Reason != "" || e.TakenAt.After(c.TakenAt)) {
				t.Fatalf("exact %+v, otherwise %+v", e, c)
			}
		}
	})
}
