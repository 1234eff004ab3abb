package collect

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
)

// FuzzTheRecipesUpload holds that whatever a client sends is either refused as a whole by naming formIds, or read as exactly the
// elements that a JSON reader finds; and that no element becomes a permit with an impossible life.
func FuzzTheRecipesUpload(f *testing.F) {
	for _, seed := range []string{
		"", "[]", "null", `[{"formId":"00000000000000000000000000000001","expire":1795946400000}]`, `["x",1,null,{},[]]`,
		`[{"formId":"the formId is a mock one","expire":"1795946400"}]`, `[1`, `[1,]`, `[1]]`, `{"a":1}`, "[\"\xff\"]", `[{"formId":"\ud800"}]`,
		`[{"expire":1e400}]`, `[{"expire":-0}]`, strings.Repeat("[", 20000),
	} {
		f.Add(seed)
	}
	arrival := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, formIDs string) {
		const limit = 50
		codes, err := parseRecipe(formIDs, limit)
		var e *minapush.Error
		if err != nil && (!errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != "formIds") {
			t.Fatalf("refused by %v", err)
		}
		var all []json.RawMessage
		if json.Unmarshal([]byte(formIDs), &all) == nil && (err == nil) != (len(all) <= limit) {
			t.Fatalf("%d elements were answered with %v", len(all), err)
		}
		if err == nil && len(codes) != len(all) {
			t.Fatalf("%d elements were read as %d", len(all), len(codes))
		}
		for _, code := range codes {
			j := judgeCode(code, arrival)
			if (j.reason == "") != (len(j.permits) == 1) {
				t.Fatalf("judged as %+v", j)
			}
			for _, p := range j.permits {
				if left := p.ExpiresAt.Sub(arrival); left < minRecipeLife || left > minapush.CodeLife {
					t.Fatalf("a permit of %v", left)
				}
			}
		}
	})
}
