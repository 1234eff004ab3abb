package minapush_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/minapush/minapush"
)

func template(keys ...minapush.TemplateKey) minapush.Template {
	return minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate, Keys: keys}
}

func message(values map[string]string) minapush.Message {
	return minapush.Message{Template: "T", Values: values}
}

func TestAPolicyMakesAValueGoodOrItIsRefused(t *testing.T) {
	t.Parallel()
	twenty := strings.Repeat("字", 19) + "…"
	for _, c := range []struct {
		name        string
		key         minapush.TemplateKey
		given, want string
		applied     minapush.ValuePolicy
		rule        string
	}{
		{"good", minapush.TemplateKey{Key: "thing1"}, " 签到 ", "签到", "", ""},
		{"refused by default", minapush.TemplateKey{Key: "thing1"}, strings.Repeat("字", 21), strings.Repeat("字", 21), "", "too_long"},
		{"refused", minapush.TemplateKey{Key: "thing1", Policy: minapush.RefuseValue}, "", "", "", "empty"},
		{"cut", minapush.TemplateKey{Key: "thing1", Policy: minapush.CutValue}, strings.Repeat("字", 21), twenty, minapush.CutValue, ""},
		{"not cut if it fits", minapush.TemplateKey{Key: "thing1", Policy: minapush.CutValue}, strings.Repeat("字", 20), strings.Repeat("字", 20), "", ""},
		{"a blank before the ellipsis goes", minapush.TemplateKey{Key: "thing1", Policy: minapush.CutValue}, strings.Repeat("a", 18) + " bcd", strings.Repeat("a", 18) + "…", minapush.CutValue, ""},
		{"a cut does not help the empty", minapush.TemplateKey{Key: "thing1", Policy: minapush.CutValue}, " ", "", "", "empty"},
		{"nor line breaks", minapush.TemplateKey{Key: "thing1", Policy: minapush.CutValue}, "a\n" + strings.Repeat("字", 21), "a\n" + strings.Repeat("字", 21), "", "control_character"},
		{"a Chinese name", minapush.TemplateKey{Key: "name1", Policy: minapush.CutValue}, strings.Repeat("张", 11), strings.Repeat("张", 9) + "…", minapush.CutValue, ""},
		{"another name", minapush.TemplateKey{Key: "name1", Policy: minapush.CutValue}, strings.Repeat("a", 21), strings.Repeat("a", 19) + "…", minapush.CutValue, ""},
		{"an accent stays with its letter", minapush.TemplateKey{Key: "thing1", Policy: minapush.CutValue},
			strings.Repeat("a", 18) + "e\u0301" + "xx", strings.Repeat("a", 18) + "…", minapush.CutValue, ""},
		{"a family stays whole", minapush.TemplateKey{Key: "thing1", Policy: minapush.CutValue},
			strings.Repeat("a", 16) + "👨\u200d👩\u200d👧" + "xx", strings.Repeat("a", 16) + "…", minapush.CutValue, ""},
		{"a hand keeps its colour", minapush.TemplateKey{Key: "thing1", Policy: minapush.CutValue},
			strings.Repeat("a", 18) + "👍🏽" + "xx", strings.Repeat("a", 18) + "…", minapush.CutValue, ""},
		{"a flag stays whole", minapush.TemplateKey{Key: "thing1", Policy: minapush.CutValue},
			strings.Repeat("a", 16) + "🇨🇳🇫🇷" + "xx", strings.Repeat("a", 16) + "🇨🇳…", minapush.CutValue, ""},
		{"fallback", minapush.TemplateKey{Key: "thing1", Policy: minapush.FallbackValue, Fallback: "您的订单"}, "", "您的订单", minapush.FallbackValue, ""},
		{"fallback for any rule", minapush.TemplateKey{Key: "date1", Policy: minapush.FallbackValue, Fallback: "2019-12-25"}, "soon", "2019-12-25", minapush.FallbackValue, ""},
		{"a fallback that turned bad", minapush.TemplateKey{Key: "enum1", Enum: []string{"a"}, Policy: minapush.FallbackValue, Fallback: "b"}, "c", "c", "", "not_in_enum"},
		{"the key's name tells its type", minapush.TemplateKey{Key: "phrase1", Type: "thing"}, "abc", "abc", "", "not_chinese"},
		{"a type for a name that tells none", minapush.TemplateKey{Key: "k1", Type: "phrase"}, "abc", "abc", "", "not_chinese"},
		{"a listed value of another type", minapush.TemplateKey{Key: "thing1", Enum: []string{"客厅"}}, "厨房", "厨房", "", "not_in_enum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			given := message(map[string]string{c.key.Key: c.given})
			got := template(c.key).Fit(given)
			if v := got.Message.Values[c.key.Key]; v != c.want || got.Applied[c.key.Key] != c.applied {
				t.Errorf("got %q by %q", v, got.Applied[c.key.Key])
			}
			switch {
			case c.rule == "":
				if len(got.Findings) > 0 || got.Err() != nil {
					t.Errorf("got %+v", got.Findings)
				}
			case len(got.Findings) != 1 || got.Findings[0].Code != c.rule || got.Findings[0].Key != c.key.Key:
				t.Errorf("got %+v, want %s", got.Findings, c.rule)
			default:
				var e *minapush.Error
				if !errors.As(got.Err(), &e) || e.Field != "values."+c.key.Key || e.ReasonName() != "bad_value" || e.Kind != minapush.Invalid {
					t.Errorf("got %v", got.Err())
				}
			}
			if given.Values[c.key.Key] != c.given {
				t.Error("the message given was changed")
			}
		})
	}
}

func TestFindingsComeInTheOrderOfTheKeys(t *testing.T) {
	t.Parallel()
	tmpl := template(minapush.TemplateKey{Key: "time9"}, minapush.TemplateKey{Key: "thing1"}, minapush.TemplateKey{Key: "phrase2"})
	got := tmpl.Fit(message(map[string]string{"thing1": "", "time9": "x", "z": "1", "a": "2"}))
	want := [][2]string{{"time9", "bad_time"}, {"thing1", "empty"}, {"phrase2", "missing"}, {"a", "unknown_key"}, {"z", "unknown_key"}}
	if len(got.Findings) != len(want) {
		t.Fatalf("got %+v", got.Findings)
	}
	for i, f := range got.Findings {
		if f.Key != want[i][0] || f.Code != want[i][1] {
			t.Errorf("finding %d is %+v, want %v", i, f, want[i])
		}
	}
	if got.Message.Values["a"] != "2" {
		t.Errorf("got %v", got.Message.Values)
	}
}

func TestTemplatesWithoutRulesTakeAnything(t *testing.T) {
	t.Parallel()
	values := map[string]string{"keyword1": "", "thing1": " a\nb "}
	for _, tmpl := range []minapush.Template{
		template(), {ID: "T", Kind: minapush.LegacyTemplate, Keys: []minapush.TemplateKey{{Key: "keyword1"}, {Key: "thing1", Type: "thing"}}},
	} {
		got := tmpl.Fit(message(values))
		if len(got.Findings) > 0 || !maps.Equal(got.Message.Values, values) {
			t.Errorf("got %+v", got)
		}
	}
}

func TestValuesWithPlaceholdersAreLeftUntilTheyAreFilled(t *testing.T) {
	t.Parallel()
	tmpl := template(minapush.TemplateKey{Key: "phrase1"}, minapush.TemplateKey{Key: "thing2"})
	m := message(map[string]string{"phrase1": "{{state}}", "thing2": "ok"})
	if got := tmpl.Lint(m); len(got.Findings) > 0 || got.Message.Values["phrase1"] != "{{state}}" {
		t.Errorf("got %+v", got)
	}
	if got := tmpl.Lint(message(map[string]string{"phrase1": "{{state}}", "thing2": ""})); len(got.Findings) != 1 || got.Findings[0].Key != "thing2" {
		t.Errorf("got %+v", got)
	}
	// What a user's value says is no placeholder, whatever it looks like.
	got := tmpl.Fit(m.Fill(map[string]string{"state": "{{x}}"}))
	if len(got.Findings) != 1 || got.Findings[0].Code != "not_chinese" {
		t.Errorf("got %+v", got)
	}
	if got := tmpl.Fit(m.Fill(map[string]string{"state": "配送中"})); len(got.Findings) > 0 {
		t.Errorf("got %+v", got)
	}
}

func TestAPolicyThatCannotBeKeptIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key   minapush.TemplateKey
		field string
	}{
		"unknown":          {minapush.TemplateKey{Key: "thing1", Policy: "drop"}, "keys.thing1.policy"},
		"cut a code":       {minapush.TemplateKey{Key: "character_string1", Policy: minapush.CutValue}, "keys.character_string1.policy"},
		"cut a time":       {minapush.TemplateKey{Key: "time1", Policy: minapush.CutValue}, "keys.time1.policy"},
		"no fallback":      {minapush.TemplateKey{Key: "thing1", Policy: minapush.FallbackValue}, "keys.thing1.fallback"},
		"bad fallback":     {minapush.TemplateKey{Key: "phrase1", Policy: minapush.FallbackValue, Fallback: "ok"}, "keys.phrase1.fallback"},
		"unlisted":         {minapush.TemplateKey{Key: "enum1", Enum: []string{"a"}, Policy: minapush.FallbackValue, Fallback: "b"}, "keys.enum1.fallback"},
		"placeholder":      {minapush.TemplateKey{Key: "thing1", Policy: minapush.FallbackValue, Fallback: "{{name}}"}, "keys.thing1.fallback"},
		"idle fallback":    {minapush.TemplateKey{Key: "thing1", Fallback: "x"}, "keys.thing1.fallback"},
		"empty enum value": {minapush.TemplateKey{Key: "enum1", Enum: []string{" "}}, "keys.enum1.enum"},
	} {
		var e *minapush.Error
		if err := template(c.key).Validate(); !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != c.field {
			t.Errorf("%s: got %v", name, err)
		}
	}
	legacy := minapush.Template{ID: "T", Kind: minapush.LegacyTemplate, Keys: []minapush.TemplateKey{{Key: "keyword1", Policy: minapush.RefuseValue}}}
	if err := legacy.Validate(); err == nil {
		t.Error("a legacy template takes a policy")
	}
	for _, k := range []minapush.TemplateKey{
		{Key: "thing1", Policy: minapush.CutValue}, {Key: "name2", Policy: minapush.CutValue}, {Key: "amount3", Policy: minapush.RefuseValue},
		{Key: "enum_string4", Enum: []string{"a"}, Policy: minapush.FallbackValue, Fallback: "a"}, {Key: "wonder5", Policy: minapush.FallbackValue, Fallback: "x"},
	} {
		if err := template(k).Validate(); err != nil {
			t.Errorf("%+v: %v", k, err)
		}
	}
}

func TestATemplateOfAnEarlierReleaseIsRead(t *testing.T) {
	t.Parallel()
	const old = `{"id":"T","kind":"one_time","title":"签到提醒","keys":[{"key":"thing1","label":"活动","type":"thing"}],"example":"x"}`
	var tmpl minapush.Template
	if err := json.Unmarshal([]byte(old), &tmpl); err != nil {
		t.Fatal(err)
	}
	if err := tmpl.Validate(); err != nil {
		t.Error(err)
	}
	if again, err := json.Marshal(tmpl); err != nil || string(again) != old {
		t.Errorf("got %s, %v", again, err)
	}
}
