package minapush_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/minapush/minapush"
)

func TestPlaceholdersAreListedOnceAndSorted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values map[string]string
		want   []string
	}{
		{nil, nil},
		{map[string]string{"thing1": "plain", "thing2": "{one} brace"}, nil},
		{map[string]string{"thing1": "{{name}}"}, []string{"name"}},
		{map[string]string{"thing1": "{{ name }}, {{name}}", "thing2": "{{amount}} of {{b.c-d_1}}"}, []string{"amount", "b.c-d_1", "name"}},
	} {
		if got := (minapush.Message{Values: c.values}).Placeholders(); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}

func TestFillReplacesEveryPlaceholderAndNothingElse(t *testing.T) {
	t.Parallel()
	m := minapush.Message{Template: "T", Page: "pages/{{name}}", Values: map[string]string{"thing1": "你好 {{name}}, {{ name }}", "thing2": "{{missing}}", "thing3": "plain"}}
	got := m.Fill(map[string]string{"name": "$1 {{missing}}", "unused": "x"})
	want := map[string]string{"thing1": "你好 $1 {{missing}}, $1 {{missing}}", "thing2": "", "thing3": "plain"}
	for k, v := range want {
		if got.Values[k] != v {
			t.Errorf("%s is %q, want %q", k, got.Values[k], v)
		}
	}
	if len(got.Values) != len(want) || got.Template != "T" || got.Page != m.Page {
		t.Errorf("filled %+v", got)
	}
	if m.Values["thing1"] != "你好 {{name}}, {{ name }}" {
		t.Errorf("filling changed the message: %+v", m.Values)
	}
}

func TestBracesThatAreNoPlaceholderAreRefused(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{
		"{{name}}": true, "a {{ b }} c": true, "{single}": true,
		"{{": false, "}}": false, "{{}}": false, "{{1name}}": false, "{{a b}}": false, "{{名}}": false, "{{a}": false, "{{{{a}}}}": false,
		"{{" + strings.Repeat("a", 64) + "}}": true, "{{" + strings.Repeat("a", 65) + "}}": false,
	} {
		err := minapush.Message{Template: "T", Values: map[string]string{"thing1": value}}.Validate()
		var e *minapush.Error
		if ok != (err == nil) || err != nil && (!errors.As(err, &e) || e.Field != "values.thing1") {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestAMessageWithPlaceholdersIsNotFilled(t *testing.T) {
	t.Parallel()
	if err := (minapush.Message{Values: map[string]string{"thing1": "x"}}).CheckFilled(); err != nil {
		t.Error(err)
	}
	err := minapush.Message{Values: map[string]string{"thing1": "x", "thing3": "{{c}}", "thing2": "{{ b }}"}}.CheckFilled()
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != "values.thing2" || !strings.Contains(err.Error(), "{{ b }}") {
		t.Errorf("%v", err)
	}
}

// FuzzPlaceholders checks that what Validate lets through is filled without a brace left over.
func FuzzPlaceholders(f *testing.F) {
	for _, seed := range []string{"{{name}}", "a {{ b }} c", "{{{{a}}}}", "{{a}}}", "}}{{", "{ {a} }"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		m := minapush.Message{Template: "T", Values: map[string]string{"thing1": value}}
		if m.Validate() != nil {
			return
		}
		values := map[string]string{}
		for _, name := range m.Placeholders() {
			values[name] = "x"
		}
		filled := m.Fill(values)
		if got := filled.Values["thing1"]; strings.Contains(got, "{{") || strings.Contains(got, "}}") {
			t.Errorf("%q is filled as %q", value, got)
		}
		if err := filled.CheckFilled(); err != nil {
			t.Error(err)
		}
	})
}
