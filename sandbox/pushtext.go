package sandbox

import (
	"bytes"
	"encoding/json"
	"strings"
)

// shape is how one event is written; it is drawn once.
type shape struct {
	array   bool   // one item is an array too
	wrapper string // of the items in XML; in JSON too, if inJSON
	inJSON  bool
	quoted  func(fieldKind) bool // whether JSON writes this number as a string
}

// wrapperOf is the name that XML gives the items of an event.
func wrapperOf(kind string) string {
	switch kind {
	case eventPopup:
		return "SubscribeMsgPopupEvent"
	case eventChange:
		return "SubscribeMsgChangeEvent"
	}
	return "SubscribeMsgSentEvent"
}

func (k *PushKnobs) shape(e *event) shape {
	sh := shape{array: k.Lists == ShapeArray, wrapper: wrapperOf(e.kind)}
	if k.Lists == ShapeMixed {
		sh.array = e.rolls(0.5)
	}
	switch k.Numbers {
	case ShapeString:
		sh.quoted = func(fieldKind) bool { return true }
	case ShapeMixed:
		sh.quoted = func(fieldKind) bool { return e.rolls(0.5) }
	default:
		sh.quoted = func(kind fieldKind) bool { return kind == asDigits }
	}
	if k.Wrappers == ShapeMixed {
		kinds := []string{eventPopup, eventChange, eventSent}
		sh.wrapper = wrapperOf(kinds[e.rng.IntN(len(kinds))])
		sh.inJSON = e.rolls(0.5)
	}
	return sh
}

// write writes the message once and for all tries.
func (e *event) write(set *pushSetting, k *PushKnobs) error {
	if e.text != nil {
		return nil
	}
	var err error
	sh := k.shape(e)
	e.format = set.Format
	if e.format == PushXML {
		e.text = e.xml(set, sh)
	} else {
		e.text, err = e.json(set, sh)
	}
	return err
}

// header are the fields that every event begins with.
func (e *event) header(set *pushSetting) []field {
	head := []field{{"ToUserName", set.ToUserName, asText}, {"FromUserName", e.from, asText}, {"CreateTime", itoa(e.at.Unix()), asNumber},
		{"MsgType", "event", asText}, {"Event", e.kind, asText}}
	return append(head, e.fields...)
}

// json has its keys in alphabetical order, as captures have (fact sheet §2.6.1).
func (e *event) json(set *pushSetting, sh shape) ([]byte, error) {
	object := sh.object(e.header(set))
	var items []any
	for _, item := range e.items {
		items = append(items, sh.object(item))
	}
	key := "List"
	if sh.inJSON {
		key = sh.wrapper
	}
	switch {
	case len(items) == 0:
	case len(items) == 1 && !sh.array:
		object[key] = items[0]
	default:
		object[key] = items
	}
	return marshal(object)
}

// marshal leaves < > & as they are, as WeChat does.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (sh shape) object(fields []field) map[string]any {
	object := make(map[string]any, len(fields)+1)
	for _, f := range fields {
		switch {
		case f.kind == asList:
			object[f.name] = []string{f.value}
		case f.kind == asText || sh.quoted(f.kind):
			object[f.name] = f.value
		default:
			object[f.name] = json.Number(f.value)
		}
	}
	return object
}

func (e *event) xml(set *pushSetting, sh shape) []byte {
	b := appendFields([]byte("<xml>"), e.header(set))
	if len(e.items) > 0 {
		b = append(b, "<"+sh.wrapper+">"...)
		for _, item := range e.items {
			b = append(b, "<List>"...)
			b = appendFields(b, item)
			b = append(b, "</List>"...)
		}
		b = append(b, "</"+sh.wrapper+">"...)
	}
	return append(b, "</xml>"...)
}

func appendFields(b []byte, fields []field) []byte {
	for _, f := range fields {
		value := f.value
		if f.kind == asText || f.kind == asList {
			value = cdata(value)
		}
		b = append(b, "<"+f.name+">"+value+"</"+f.name+">"...)
	}
	return b
}

func cdata(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return '\uFFFD' // XML has no way to say it
		}
		return r
	}, s)
	return "<![CDATA[" + strings.ReplaceAll(s, "]]>", "]]]]><![CDATA[>") + "]]>"
}

// envelope is the body that goes out: the message, the message encrypted, or both (fact sheet §2.1 and §2.4).
func (e *event) envelope(set *pushSetting, encrypted string) ([]byte, error) {
	switch {
	case set.Mode == PushPlain:
		return e.text, nil
	case e.format == PushXML && set.Mode == PushSecurity:
		b := appendFields([]byte("<xml>"), []field{{"ToUserName", set.ToUserName, asText}, {"Encrypt", encrypted, asText}})
		return append(b, "</xml>"...), nil
	case e.format == PushXML:
		b := bytes.TrimSuffix(e.text, []byte("</xml>"))
		b = appendFields(bytes.Clone(b), []field{{"Encrypt", encrypted, asText}})
		return append(b, "</xml>"...), nil
	case set.Mode == PushSecurity:
		return marshal(struct{ ToUserName, Encrypt string }{set.ToUserName, encrypted})
	}
	b := bytes.Clone(bytes.TrimSuffix(e.text, []byte("}")))
	return append(b, `,"Encrypt":"`+encrypted+`"}`...), nil // base64 needs no escapes
}
