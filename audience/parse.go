package audience

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/minapush/minapush"
)

const (
	// MaxExpression is the longest expression, in bytes.
	MaxExpression = 16 << 10
	// MaxDepth is how deep objects may stand in each other, and MaxNodes how many there may be, each value of a one_of counted too.
	MaxDepth = 8
	MaxNodes = 200
	// MaxCampaigns is of how many campaigns an expression may ask.
	MaxCampaigns = 4
)

const (
	words        = "all, any, not, seen_within, not_seen_within, tag, attribute, has_uid, list, got, opened, event, permits or share"
	comparisons  = "is, at_least, at_most or one_of"
	longestWait  = 3650 * 24 * time.Hour
	durationRule = `must be a whole number of s, m, h, d or w from "1s" to "3650d", such as "7d"`
)

// Parse reads an expression; the package comment has its grammar. Errors: Invalid; its Field is the path inside the expression, such as
// "all[1].seen_within", and empty for the expression as a whole.
func Parse(raw []byte) (*Expression, error) {
	if len(raw) > MaxExpression {
		return nil, minapush.FieldError("", "must have at most %d bytes, has %d", MaxExpression, len(raw))
	}
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return nil, minapush.FieldError("", "must be JSON in UTF-8")
	}
	var p parser
	root, err := p.node("", raw, 1)
	if err != nil {
		return nil, err
	}
	return &Expression{root: root, campaigns: p.campaigns, named: p.named}, nil
}

// parser counts what it has read. All that it is given is valid JSON.
type parser struct {
	nodes int
	// campaigns are those asked of, each once, and named the places where.
	campaigns []string
	named     []Named
	// zones are the time zones read by now, by name: each is a file.
	zones map[string]*time.Location
}

func (p *parser) count(path string) error {
	if p.nodes++; p.nodes > MaxNodes {
		return minapush.FieldError(path, "is one too many: an expression may have %d conditions and values", MaxNodes)
	}
	return nil
}

func (p *parser) node(path string, raw json.RawMessage, depth int) (node, error) {
	if depth > MaxDepth {
		return node{}, minapush.FieldError(path, "must not stand deeper than %d", MaxDepth)
	}
	if err := p.count(path); err != nil {
		return node{}, err
	}
	all, ok := members(raw)
	if !ok || len(all) != 1 {
		return node{}, minapush.FieldError(path, "must be an object with exactly one of %s", words)
	}
	word, value := all[0].name, all[0].value
	at := join(path, word)
	switch word {
	case "all":
		return p.list(at, value, opAll, depth)
	case "any":
		return p.list(at, value, opAny, depth)
	case "not":
		kid, err := p.node(at, value, depth+1)
		return node{op: opNot, kids: []node{kid}}, err
	case "seen_within":
		return seen(at, value)
	case "not_seen_within":
		kid, err := seen(at, value)
		return node{op: opNot, kids: []node{kid}}, err
	case "tag":
		return tag(at, value)
	case "attribute":
		return p.attribute(at, value)
	case "has_uid":
		return hasUID(at, value)
	case "list":
		return p.campaign(at, value, opList)
	case "got":
		return p.campaign(at, value, opGot)
	case "opened":
		return p.campaign(at, value, opOpened)
	case "event":
		return p.event(at, value)
	case "permits":
		return readPermits(at, value)
	case "share":
		return readShare(at, value)
	}
	return node{}, minapush.FieldError(join(path, clip(word)), "is not a word of audiences; they are %s", words)
}

func (p *parser) list(path string, raw json.RawMessage, o op, depth int) (node, error) {
	var list []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return node{}, minapush.FieldError(path, "must be a list of one or more conditions")
	}
	n := node{op: o}
	for i, raw := range list {
		kid, err := p.node(path+"["+strconv.Itoa(i)+"]", raw, depth+1)
		if err != nil {
			return node{}, err
		}
		n.kids = append(n.kids, kid)
	}
	return n, nil
}

func seen(path string, raw json.RawMessage) (node, error) {
	d, err := within(path, raw)
	return node{op: opSeen, within: d}, err
}

func within(path string, raw json.RawMessage) (time.Duration, error) {
	text, _ := text(raw)
	d, ok := duration(text)
	if !ok {
		return 0, minapush.FieldError(path, durationRule)
	}
	return d, nil
}

// duration reads "90s", "15m", "12h", "7d", "2w".
func duration(s string) (time.Duration, bool) {
	if len(s) < 2 {
		return 0, false
	}
	var unit time.Duration
	switch s[len(s)-1] {
	case 's':
		unit = time.Second
	case 'm':
		unit = time.Minute
	case 'h':
		unit = time.Hour
	case 'd':
		unit = 24 * time.Hour
	case 'w':
		unit = 7 * 24 * time.Hour
	default:
		return 0, false
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	if err != nil || n == 0 || n > uint64(longestWait/unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

func tag(path string, raw json.RawMessage) (node, error) {
	name, ok := text(raw)
	if !ok {
		return node{}, minapush.FieldError(path, "must be a text")
	}
	if err := minapush.CheckTag(path, name); err != nil {
		return node{}, err
	}
	return node{op: opTag, name: name}, nil
}

func hasUID(path string, raw json.RawMessage) (node, error) {
	switch string(raw) {
	case "true":
		return node{op: opHasUID}, nil
	case "false":
		return node{op: opNot, kids: []node{{op: opHasUID}}}, nil
	}
	return node{}, minapush.FieldError(path, "must be true or false")
}

func (p *parser) attribute(path string, raw json.RawMessage) (node, error) {
	all, ok := members(raw)
	if !ok {
		return node{}, minapush.FieldError(path, "must be an object with name and exactly one of %s", comparisons)
	}
	var n node
	var named, compared bool
	for _, m := range all {
		at := join(path, m.name)
		var err error
		switch m.name {
		case "name":
			if n.name, ok = text(m.value); !ok || named {
				return node{}, minapush.FieldError(at, "must be a text, given once")
			}
			named = true
			err = rename(at, minapush.Profile{Attributes: map[string]minapush.Attribute{n.name: {}}}.Validate())
		case "is", "at_least", "at_most", "one_of":
			if compared {
				return node{}, minapush.FieldError(path, "must have exactly one of %s", comparisons)
			}
			compared = true
			n.op, n.values, err = p.values(at, m.name, m.value)
		default:
			return node{}, minapush.FieldError(join(path, clip(m.name)), "is not known here; an attribute has name and one of %s", comparisons)
		}
		if err != nil {
			return node{}, err
		}
	}
	if !named || !compared {
		return node{}, minapush.FieldError(path, "must have name and exactly one of %s", comparisons)
	}
	return n, nil
}

// values reads what an attribute is compared with.
func (p *parser) values(path, word string, raw json.RawMessage) (op, []minapush.Attribute, error) {
	if word == "one_of" {
		var list []json.RawMessage
		if raw[0] != '[' || json.Unmarshal(raw, &list) != nil || len(list) == 0 {
			return 0, nil, minapush.FieldError(path, "must be a list of one or more values")
		}
		values := make([]minapush.Attribute, 0, min(len(list), MaxNodes))
		for i, raw := range list {
			at := path + "[" + strconv.Itoa(i) + "]"
			if err := p.count(at); err != nil {
				return 0, nil, err
			}
			v, err := value(at, raw)
			if err != nil {
				return 0, nil, err
			}
			values = append(values, v)
		}
		return opIs, values, nil
	}
	v, err := value(path, raw)
	if err != nil {
		return 0, nil, err
	}
	o := opIs
	if word != "is" {
		if v.Kind == minapush.Flag {
			return 0, nil, minapush.FieldError(path, "must be a number or a text")
		}
		if o = opAtLeast; word == "at_most" {
			o = opAtMost
		}
	}
	return o, []minapush.Attribute{v}, nil
}

func value(path string, raw json.RawMessage) (minapush.Attribute, error) {
	var v minapush.Attribute
	if v.UnmarshalJSON(raw) != nil {
		return v, minapush.FieldError(path, "must be a text, a finite number, true or false")
	}
	return v, rename(path, minapush.Profile{Attributes: map[string]minapush.Attribute{"a": v}}.Validate())
}

// member is one name of an object with its value.
type member struct {
	name  string
	value json.RawMessage
}

// members lists what an object holds, in its order, a name that stands twice twice. ok is false for what is no object.
func members(raw json.RawMessage) (all []member, ok bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		t, err := d.Token()
		name, is := t.(string)
		m := member{name: name}
		if err != nil || !is || d.Decode(&m.value) != nil {
			return nil, false
		}
		all = append(all, m)
	}
	return all, true
}

// text reads a JSON text.
func text(raw json.RawMessage) (s string, ok bool) {
	ok = raw[0] == '"' && json.Unmarshal(raw, &s) == nil
	return s, ok
}

func join(path, word string) string { return strings.TrimPrefix(path+"."+word, ".") }

// clip bounds what an error repeats.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// rename calls the field of an Invalid error what it is called here.
func rename(field string, err error) error {
	if err == nil {
		return nil
	}
	p := problemOf(0, err)
	return minapush.FieldError(field, "%s", p.Message)
}
