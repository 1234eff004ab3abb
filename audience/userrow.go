package audience

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minapush/minapush"
)

// told is a row of Profiles.Import: what is to be changed of one user. What is nil stays.
type told struct {
	line   int64
	name   string // an openid or "uid:…"
	uid    *string
	tags   []string // not nil: they replace
	optOut *minapush.OptOut
	// set and gone are attributes by name.
	set  map[string]minapush.Attribute
	gone []string

	openid  minapush.OpenID // whom name names
	done    bool            // the row has its answer:
	changed bool
	wrong   *Problem
}

// apply is the rule that changes a profile.
func (t *told) apply(p *minapush.Profile) error {
	if t.uid != nil {
		p.UID = *t.uid
	}
	if t.tags != nil {
		p.Tags = slices.Clone(t.tags)
	}
	if t.optOut != nil {
		p.OptOut = *t.optOut
	}
	maps.Copy(p.Attributes, t.set)
	for _, name := range t.gone {
		delete(p.Attributes, name)
	}
	return nil
}

// readUser reads a row. What it keeps shares no memory with the row.
func readUser(row Row, f Format) (*told, error) {
	t := &told{line: row.Line, set: map[string]minapush.Attribute{}}
	for _, name := range slices.Sorted(maps.Keys(row.Values)) {
		if err := t.read(name, row.Values[name], f); err != nil {
			return nil, err
		}
	}
	if uid, ok := strings.CutPrefix(t.name, UIDPrefix); ok {
		if err := minapush.CheckUID(uid); err != nil {
			return nil, rename("openid", err)
		}
	} else if err := minapush.OpenID(t.name).Validate(); err != nil {
		return nil, err
	}
	check := minapush.Profile{Tags: t.tags, Attributes: t.set}
	if t.uid != nil {
		check.UID = *t.uid
	}
	return t, check.Validate()
}

// read takes one value of a row.
func (t *told) read(name string, v any, f Format) (err error) {
	switch {
	case name == "openid":
		t.name, err = textOf(name, v)
	case name == "uid":
		if v != nil {
			var uid string
			uid, err = textOf(name, v)
			t.uid = &uid
		}
	case name == "tags":
		err = t.readTags(v, f)
	case name == "opt_out":
		if v != nil {
			err = t.readOptOut(v)
		}
	case f == CSV:
		s, _ := v.(string)
		t.set[strings.Clone(name)] = guess(strings.Clone(s))
	case name == "attributes":
		err = t.readAttributes(v)
	default:
		err = minapush.FieldError(clip(name), "is not known here; a row has openid, uid, tags, attributes and opt_out")
	}
	return err
}

func (t *told) readTags(v any, f Format) error {
	var tags []string
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if f != CSV {
			return minapush.FieldError("tags", "must be a list of texts")
		}
		for tag := range strings.SplitSeq(v, "|") {
			if tag = strings.TrimSpace(tag); tag != "" {
				tags = append(tags, strings.Clone(tag))
			}
		}
	case []any:
		for _, tag := range v {
			s, ok := tag.(string)
			if !ok {
				return minapush.FieldError("tags", "must be a list of texts")
			}
			tags = append(tags, strings.Clone(s))
		}
	default:
		return minapush.FieldError("tags", "must be a list of texts")
	}
	slices.Sort(tags)
	t.tags = append([]string{}, slices.Compact(tags)...)
	return nil
}

func (t *told) readOptOut(v any) error {
	s, err := textOf("opt_out", v)
	if err != nil {
		return err
	}
	o, err := minapush.ParseOptOut(s)
	t.optOut = &o
	return err
}

func (t *told) readAttributes(v any) error {
	if v == nil {
		return nil
	}
	all, ok := v.(map[string]any)
	if !ok {
		return minapush.FieldError("attributes", "must be an object")
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] == nil {
			t.gone = append(t.gone, name)
			continue
		}
		a, ok := attributeOf(all[name])
		if !ok {
			return minapush.FieldError("attributes."+clip(name), "must be a text, a finite number, true, false or null")
		}
		t.set[name] = a
	}
	return nil
}

// attributeOf makes an attribute of what a JSON row has.
func attributeOf(v any) (minapush.Attribute, bool) {
	switch v := v.(type) {
	case string:
		return minapush.Attribute{Text: v}, true
	case bool:
		return flag(v), true
	case json.Number:
		n, err := v.Float64()
		return minapush.Attribute{Kind: minapush.Number, Number: n}, err == nil
	}
	return minapush.Attribute{}, false
}

// guess makes an attribute of a value of a CSV column.
func guess(s string) minapush.Attribute {
	if s == "true" || s == "false" {
		return flag(s == "true")
	}
	n, err := strconv.ParseFloat(s, 64)
	if err == nil && !math.IsInf(n, 0) && !math.IsNaN(n) && strconv.FormatFloat(n, 'f', -1, 64) == s {
		return minapush.Attribute{Kind: minapush.Number, Number: n}
	}
	return minapush.Attribute{Text: s}
}

func flag(is bool) minapush.Attribute {
	a := minapush.Attribute{Kind: minapush.Flag}
	if is {
		a.Number = 1
	}
	return a
}

func textOf(field string, v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", minapush.FieldError(field, "must be a text")
	}
	return strings.Clone(s), nil
}
