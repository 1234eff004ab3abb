package collect_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/collect"
)

const javaList = `["java.util.ArrayList",%s]`

var listNow = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// listed is a record as the recipe stores it.
func listed(n int, expire time.Time) string {
	return fmt.Sprintf(`{"formId":"%s","expire":%d}`, code(n), expire.UnixMilli())
}

func TestARecipesElementIsReadHoweverItWasWritten(t *testing.T) {
	t.Parallel()
	right := listNow.Add(3 * 24 * time.Hour)
	one := listed(1, right)
	classed := strings.Replace(one, "{", `{"@class":"com.shop.push.FormId",`, 1)
	good := func(n int) collect.ListedCode {
		return collect.ListedCode{FormID: code(n), TakenAt: right.Add(-minapush.CodeLife), Valid: true, Ahead: true}
	}
	left := func(reason string) collect.ListedCode { return collect.ListedCode{Reason: reason} }
	for name, c := range map[string]struct {
		element string
		want    []collect.ListedCode
	}{
		"record":                {one, []collect.ListedCode{good(1)}},
		"spaces":                {" \n" + one + "\t", []collect.ListedCode{good(1)}},
		"array":                 {"[" + one + "," + listed(2, right) + "]", []collect.ListedCode{good(1), good(2)}},
		"empty array":           {"[]", nil},
		"@class":                {classed, []collect.ListedCode{good(1)}},
		"array of @class":       {"[" + classed + "]", []collect.ListedCode{good(1)}},
		"typed list":            {fmt.Sprintf(javaList, "["+classed+","+one+"]"), []collect.ListedCode{good(1), good(1)}},
		"typed record":          {`["com.shop.push.FormId",` + one + `]`, []collect.ListedCode{good(1)}},
		"typed inner class":     {`["com.shop.Push$FormId",` + one + `]`, []collect.ListedCode{good(1)}},
		"typed all through":     {fmt.Sprintf(javaList, `[["com.shop.FormId",`+one+`],["com.shop.FormId",`+listed(2, right)+`]]`), []collect.ListedCode{good(1), good(2)}},
		"typed array":           {`["[Lcom.shop.FormId;",[` + one + `]]`, []collect.ListedCode{good(1)}},
		"typed numbers":         {fmt.Sprintf(`{"formId":"%s","expire":["java.lang.Long",%d]}`, code(1), right.UnixMilli()), []collect.ListedCode{good(1)}},
		"typed date":            {fmt.Sprintf(`{"formId":"%s","expire":["java.util.Date",%d]}`, code(1), right.UnixMilli()), []collect.ListedCode{good(1)}},
		"expire in a text":      {fmt.Sprintf(`{"formId":"%s","expire":"%d"}`, code(1), right.UnixMilli()), []collect.ListedCode{good(1)}},
		"expire in seconds":     {fmt.Sprintf(`{"formId":"%s","expire":%d}`, code(1), right.Unix()), []collect.ListedCode{good(1)}},
		"further fields":        {strings.Replace(one, "{", `{"page":"pages/index","used":false,`, 1), []collect.ListedCode{good(1)}},
		"quoted record":         {quote(one), []collect.ListedCode{good(1)}},
		"quoted array":          {quote("[" + one + "]"), []collect.ListedCode{good(1)}},
		"quoted twice":          {quote(quote("[" + one + "]")), []collect.ListedCode{good(1)}},
		"array of quoted":       {"[" + quote(one) + "," + quote(listed(2, right)) + "]", []collect.ListedCode{good(1), good(2)}},
		"a bad one among good":  {"[" + one + `,7,null,{"formId":""},` + listed(2, right) + "]", []collect.ListedCode{good(1), left("not_a_record"), left("not_a_record"), left("empty_code"), good(2)}},
		"empty":                 {"", []collect.ListedCode{left("not_json")}},
		"words":                 {"hello", []collect.ListedCode{left("not_json")}},
		"cut":                   {one[:20], []collect.ListedCode{left("not_json")}},
		"two documents":         {one + one, []collect.ListedCode{left("not_json")}},
		"a number":              {"1500000000000", []collect.ListedCode{left("not_a_record")}},
		"null":                  {"null", []collect.ListedCode{left("not_a_record")}},
		"another object":        {`{"openid":"o1","count":3}`, []collect.ListedCode{left("not_a_record")}},
		"form id of another":    {`{"form_id":"x","expire":1}`, []collect.ListedCode{left("not_a_record")}},
		"bare code":             {code(1), []collect.ListedCode{left("no_expire")}},
		"quoted code":           {`"` + code(1) + `"`, []collect.ListedCode{left("no_expire")}},
		"no expire":             {`{"formId":"` + code(1) + `"}`, []collect.ListedCode{left("no_expire")}},
		"expire null":           {`{"formId":"` + code(1) + `","expire":null}`, []collect.ListedCode{left("no_expire")}},
		"expire in words":       {`{"formId":"` + code(1) + `","expire":"tomorrow"}`, []collect.ListedCode{left("no_expire")}},
		"form id is a number":   {`{"formId":12,"expire":1}`, []collect.ListedCode{left("not_a_form_id")}},
		"developer tools":       {`{"formId":"the formId is a mock one","expire":1}`, []collect.ListedCode{left("mock_code")}},
		"undefined":             {`{"formId":"undefined","expire":1}`, []collect.ListedCode{left("empty_code")}},
		"a payment":             {`{"formId":"wx201410272009395522657a690389285100","expire":1}`, []collect.ListedCode{left("a_payment")}},
		"a payment's package":   {`{"formId":"prepay_id=wx201410272009395522657a690389285100","expire":1}`, []collect.ListedCode{left("a_payment")}},
		"Java serialisation":    {"\xac\xed\x00\x05sr\x00\x13java.util.ArrayList", []collect.ListedCode{left("java_serialised")}},
		"too long":              {"[" + strings.Repeat(" ", collect.MaxListElement) + "]", []collect.ListedCode{left("too_long")}},
		"too deep":              {strings.Repeat("[", 40) + one + strings.Repeat("]", 40), []collect.ListedCode{left("too_deep")}},
		"a code and a record":   {`["` + code(3) + `",` + one + `]`, []collect.ListedCode{left("no_expire"), good(1)}},
		"two texts, one dotted": {`["a.b","undefined"]`, []collect.ListedCode{left("empty_code")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, collect.ReadListed(c.element, listNow, collect.RecipeExpireAfter)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func quote(text string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), `"`, `\"`) + `"`
}

// TestACodeEndsSevenDaysAfterItsTapWhateverExpireSays goes through what expire tells for the constants that are in use.
func TestACodeEndsSevenDaysAfterItsTapWhateverExpireSays(t *testing.T) {
	t.Parallel()
	const recipe, right, six = collect.RecipeExpireAfter, minapush.CodeLife, 144 * time.Hour
	for name, c := range map[string]struct {
		after  time.Duration
		expire time.Duration // from now
		ends   time.Duration // from now; 0: left out as expired
		ahead  bool
	}{
		"recipe, tapped now":                {recipe, recipe, 168 * time.Hour, false},
		"recipe, tapped an hour ago":        {recipe, recipe - time.Hour, 167 * time.Hour, false},
		"recipe, tapped a day ago":          {recipe, recipe - 24*time.Hour, 144 * time.Hour, false},
		"recipe, tapped 6.9 days ago":       {recipe, recipe - 166*time.Hour, 2 * time.Hour, false},
		"recipe, tapped 7 days ago":         {recipe, recipe - 168*time.Hour, 0, false},
		"recipe, a fast clock":              {recipe, recipe + 10*time.Minute - time.Second, 168 * time.Hour, false},
		"recipe, but it cannot be":          {recipe, recipe + 10*time.Minute, recipe + 10*time.Minute, true},
		"recipe, but 80 hours ahead":        {recipe, 80 * time.Hour, 80 * time.Hour, true},
		"recipe, but a year ahead":          {recipe, 365 * 24 * time.Hour, 168 * time.Hour, true},
		"recipe, long ago":                  {recipe, -1000 * 24 * time.Hour, 0, false},
		"right, tapped now":                 {right, right, 168 * time.Hour, true},
		"right, a fast clock":               {right, right + 2*time.Hour, 168 * time.Hour, true},
		"right, tapped 6.9 days ago":        {right, 2 * time.Hour, 2 * time.Hour, false},
		"right, a second past":              {right, -time.Second, 0, false},
		"right, now":                        {right, 0, 0, false},
		"six days to be safe, tapped now":   {six, six, 168 * time.Hour, true},
		"six days to be safe, 1 hour past":  {six, -time.Hour, 23 * time.Hour, false},
		"six days to be safe, 24 hour past": {six, -24 * time.Hour, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := collect.ReadListed(listed(1, listNow.Add(c.expire)), listNow, c.after)
			want := []collect.ListedCode{{Reason: collect.ReasonExpired}}
			if c.ends > 0 {
				want = []collect.ListedCode{{FormID: code(1), TakenAt: listNow.Add(c.ends - minapush.CodeLife), Valid: c.expire > 0, Ahead: c.ahead}}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
