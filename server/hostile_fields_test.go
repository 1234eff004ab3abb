package server_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
)

// forgeries are session tokens that must not be believed.
func (x *target) forgeries(t *testing.T) map[string]string {
	t.Helper()
	good := strings.Split(x.session(t, appID, openid), ".")
	part := func(v any) string {
		b, err := json.Marshal(v)
		must(t, err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	claims := map[string]any{
		"iss": "minapush", "sub": openid, "aud": []string{appID}, "iat": x.clock.now().Unix(), "exp": x.clock.now().Add(time.Hour).Unix(),
	}
	with := func(name string, v any) string {
		c := maps.Clone(claims)
		c[name] = v
		return part(c)
	}
	signed := func(key string) string {
		text := good[0] + "." + part(claims)
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	foreign := strings.Split(x.foreign, ".")
	none := part(map[string]string{"alg": "none", "typ": "JWT"})
	return map[string]string{
		"a session that is over": x.expired, "a session of another app": x.foreign, "nonsense": "a.b.c", "dots": "..",
		"alg none": none + "." + part(claims) + ".", "alg none, signed": none + "." + part(claims) + "." + good[2],
		"alg RS256":             part(map[string]string{"alg": "RS256"}) + "." + part(claims) + "." + good[2],
		"another user":          good[0] + "." + with("sub", victim) + "." + good[2],
		"a later end":           good[0] + "." + with("exp", int64(1)<<40) + "." + good[2],
		"no signature":          good[0] + "." + good[1] + ".",
		"another's signature":   good[0] + "." + good[1] + "." + foreign[2],
		"another's payload":     good[0] + "." + foreign[1] + "." + good[2],
		"an empty key":          signed(""),
		"a guessed key":         signed("minapush"),
		"a kid":                 part(map[string]string{"alg": "HS256", "kid": "../../dev/null"}) + "." + part(claims) + "." + good[2],
		"a bit more":            strings.Join(good, ".") + "A",
		"very long":             good[0] + "." + strings.Repeat("A", 100_000) + "." + good[2],
		"key of nobody":         "mpk_nobody_" + strings.Repeat("0", 43),
		"first key, guessed":    "mpk_first_" + strings.Repeat("0", 43),
		"the admin key, cut":    x.admin[:len(x.admin)-1],
		"the admin key, longer": x.admin + "0",
	}
}

// schema is as much of a JSON schema as the attacks need.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       any                `json:"type"`
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
	Extra      any                `json:"additionalProperties"`
	OneOf      []*schema          `json:"oneOf"`
}

// is tells whether a value may be of a type.
func (s *schema) is(kind string) bool {
	if list, ok := s.Type.([]any); ok {
		return slices.Contains(list, any(kind))
	}
	return s.Type == kind
}

// openAPI is the description that the server gives of itself.
type openAPI struct {
	Paths map[string]map[string]struct {
		Parameters  []struct{ Name, In string }
		RequestBody struct {
			Content map[string]struct{ Schema *schema }
		}
	}
	Components struct{ Schemas map[string]*schema }
}

func (d openAPI) resolve(s *schema) *schema {
	if s != nil && s.Ref != "" {
		return d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return s
}

// pattern is the path of a sample in the description.
func (s sample) pattern() string {
	p := strings.NewReplacer(appID, "{appid}", "/users/"+openid, "/users/{openid}", "/campaigns/C1", "/campaigns/{id}", "/schedules/C1", "/schedules/{id}", "/scenes/home", "/scenes/{name}",
		"/templates/"+tmplID, "/templates/{id}", "/keys/01JDAAAAAAAAAAAAAAAAAAAAAA", "/keys/{id}").Replace(s.path)
	return p
}

// fieldAttacks puts values of a wrong type, texts that are far too long, and 10 000 entries, into every field of a body that its schema
// has, one at a time.
func fieldAttacks(t *testing.T, x *target, s sample) (list []attack) {
	if s.body == "" || s.rows != "" {
		return nil
	}
	doc := x.doc
	body := doc.resolve(doc.Paths[s.pattern()][strings.ToLower(s.method)].RequestBody.Content[api.ContentType].Schema)
	if len(body.OneOf) > 0 {
		body = doc.resolve(body.OneOf[0])
	}
	if len(body.Properties) == 0 {
		t.Fatalf("%s has no schema", s.name())
	}
	var whole map[string]any
	must(t, json.Unmarshal([]byte(s.full()), &whole))
	var descend func(at []string, of *schema)
	descend = func(at []string, of *schema) {
		for _, name := range slices.Sorted(maps.Keys(of.Properties)) {
			here, field := append(slices.Clone(at), name), doc.resolve(of.Properties[name])
			for what, value := range wrongValues(t, doc, field) {
				text, err := json.Marshal(placed(whole, here, value))
				must(t, err)
				if s.lenient && name == "nonce" && what == "64 KiB long" {
					continue // it is of no use, and no item here needs it
				}
				location := "body." + strings.Join(here, ".")
				list = append(list, attack{name: location + " " + what, body: string(text), status: http.StatusBadRequest, location: location})
			}
			if field.is("object") && len(field.Properties) > 0 {
				descend(here, field)
			}
		}
	}
	descend(nil, body)
	return list
}

// full is the sample's body with the fields that others go with.
func (s sample) full() string {
	const token, message = `"token":{"kind":"url","url":"https://token.example.com"},"guards":{"per_day":1,"quiet":{"from":"22:00","until":"08:00"}}`, `"message":{"template":"` + tmplID + `","values":{"thing1":"x"}}`
	switch {
	case s.path == "/v1/apps":
		return `{"app_id":"wxnewnewnewnewnew1",` + token + `}`
	case s.method == "PATCH":
		return `{"stopped":true,"stopped_why":{"code":"x"},` + token + `}`
	case strings.HasSuffix(s.path, "/checks"):
		return `{"openid":"` + openid + `",` + message + `}`
	}
	return s.body
}

// wrongValues are values that no field of a schema takes.
func wrongValues(t *testing.T, doc openAPI, f *schema) map[string]any {
	t.Helper()
	many := make([]any, 10_000)
	entries := map[string]any{}
	for i := range many {
		many[i] = fmt.Sprint("x", i)
		entries[fmt.Sprint("x", i)] = "x"
	}
	switch {
	case f.is("string"):
		return map[string]any{"as a number": 7, "as an object": map[string]any{}, "64 KiB long": strings.Repeat("x", 64<<10)}
	case f.is("integer"):
		return map[string]any{"as a text": "7", "as a fraction": 1.5, "as a list": []int{1}, "far out": json.Number("1e300")}
	case f.is("number"):
		return map[string]any{"as a text": "0.1", "as a list": []int{1}, "too much": 1.5, "below none": -0.1, "far out": json.Number("1e308")}
	case f.is("boolean"):
		return map[string]any{"as a text": "true", "as a number": 1}
	case f.is("array"):
		if items := doc.resolve(f.Items); items.is("object") {
			for i := range many {
				many[i] = map[string]any{}
			}
		}
		return map[string]any{"as an object": map[string]any{}, "as a text": "x", "10 000 items": many}
	case f.is("object"):
		return map[string]any{"as a list": []int{1}, "as a text": "x", "10 000 entries": entries}
	case f.Type == nil: // an expression
		deep := any(map[string]any{"has_uid": true})
		for range 5000 {
			deep = map[string]any{"not": deep}
		}
		return map[string]any{"as a text": "x", "10 000 conditions": map[string]any{"any": many}, "5 000 deep": deep, "an unknown word": map[string]any{"sql": "1=1"}}
	}
	t.Fatalf("no attack on %+v", f)
	return nil
}

// placed is a copy of a body with a value at a place.
func placed(whole map[string]any, at []string, value any) map[string]any {
	out := maps.Clone(whole)
	if out == nil {
		out = map[string]any{}
	}
	if len(at) == 1 {
		out[at[0]] = value
		return out
	}
	inner, _ := out[at[0]].(map[string]any)
	out[at[0]] = placed(inner, at[1:], value)
	return out
}

// queryAttacks are query parameters that break their rule, of every call that has some.
func queryAttacks(t *testing.T, x *target, s sample) (list []attack) {
	doc := x.doc
	if !s.open && !s.session && !s.lenient {
		list = append(list,
			attack{name: "unknown parameter", path: s.path + "?dry-run=true", number: api.NumUnknownField, location: "query.dry-run"},
			attack{name: "half a query", path: s.path + "?a=%zz", number: api.NumInvalid, location: "query"},
			attack{name: "semicolons", path: s.path + "?a=1;b=2", number: api.NumInvalid, location: "query"})
	}
	for _, p := range doc.Paths[s.pattern()][strings.ToLower(s.method)].Parameters {
		location := p.In + "." + p.Name
		switch {
		case p.In == "query":
			list = append(list, attack{name: location + " twice", path: s.path + "?" + p.Name + "=&" + p.Name + "=", number: api.NumInvalid, location: location})
			for _, v := range []string{"%00%FF", strings.Repeat("9", 100), "-1%20", "%E5%AF%BC%0A", "%7B%7D", "1%2C1"} {
				if p.Name == "import_id" && v == "%7B%7D" || p.Name == "import_id" && v == "1%2C1" || p.Name == "cursor" && x.takesCursor(s, v) {
					continue
				}
				list = append(list, attack{name: location + " " + clipped(v), path: s.path + "?" + p.Name + "=" + v, number: api.NumInvalid, location: location})
			}
		case p.Name == api.IdempotencyKey:
			for _, v := range []string{"a b", "\u7528", "\x7f", strings.Repeat("k", 129)} {
				list = append(list, attack{name: location + " " + clipped(v), headers: []string{p.Name, v}, number: api.NumInvalid, location: location})
			}
		}
	}
	return list
}

// takesCursor tells cursors that might be ids of campaigns: the page after them is empty, or not.
func (*target) takesCursor(s sample, v string) bool {
	return (s.path == base+"/campaigns" || s.path == base+"/schedules") && (v == "%7B%7D" || v == "1%2C1")
}
