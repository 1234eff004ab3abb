package wechat

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/minapush/minapush"
)

const (
	// MaxPush bounds the body of a push, encrypted or not, in bytes. Events have one or two KiB.
	MaxPush = 64 << 10
	// maxPushDepth bounds how deep a body is nested. WeChat's have three levels.
	maxPushDepth = 16
)

// node is a part of a pushed body, the same for JSON and XML: a text, an object, or a list. A JSON number is its text, as is an XML
// element without others in it; true, false and null are neither.
type node struct {
	kind   nodeKind
	text   string
	fields map[string]*node
	items  []*node
}

type nodeKind uint8

const (
	noNode nodeKind = iota
	textNode
	objectNode
	listNode
)

// PushFormat is how a body is written.
type PushFormat uint8

const (
	// PushJSON is the zero value.
	PushJSON PushFormat = iota
	PushXML
)

// readTree reads a body of either format, told by its first byte.
func readTree(body []byte) (*node, PushFormat, error) {
	if len(body) > MaxPush {
		return nil, PushJSON, bodyError("must have at most %d bytes, has %d", MaxPush, len(body))
	}
	if !utf8.Valid(body) {
		return nil, PushJSON, bodyError("must be UTF-8")
	}
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, PushJSON, bodyError("must not be empty")
	}
	switch trimmed[0] {
	case '{':
		n, err := readJSON(trimmed)
		return n, PushJSON, err
	case '<':
		n, err := readXML(trimmed)
		return n, PushXML, err
	}
	return nil, PushJSON, bodyError("must be a JSON object or XML")
}

func bodyError(format string, args ...any) error { return minapush.FieldError("body", format, args...) }

func readJSON(body []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	n, err := jsonNode(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, bodyError("must be one JSON object and nothing else")
	}
	return n, nil
}

func jsonNode(d *json.Decoder, depth int) (*node, error) {
	if depth > maxPushDepth {
		return nil, bodyError("must be nested at most %d deep", maxPushDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, bodyError("must be a JSON object")
	}
	switch t := t.(type) {
	case string:
		return &node{kind: textNode, text: t}, nil
	case json.Number:
		return &node{kind: textNode, text: t.String()}, nil
	case json.Delim:
		if t == '[' {
			return jsonList(d, depth)
		}
		return jsonObject(d, depth)
	}
	return &node{}, nil
}

func jsonObject(d *json.Decoder, depth int) (*node, error) {
	n := &node{kind: objectNode, fields: map[string]*node{}}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, bodyError("must be a JSON object")
		}
		if n.fields[key] != nil { // which of the two counts differs from reader to reader
			return nil, bodyError("must not have %.64q twice", key)
		}
		if n.fields[key], err = jsonNode(d, depth+1); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, bodyError("must be a whole JSON object")
	}
	return n, nil
}

func jsonList(d *json.Decoder, depth int) (*node, error) {
	n := &node{kind: listNode}
	for d.More() {
		item, err := jsonNode(d, depth+1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	if _, err := d.Token(); err != nil {
		return nil, bodyError("must be a whole JSON object")
	}
	return n, nil
}

// readXML reads <xml>…</xml>. There is no document type and with it no entity of the sender's own: those that a body uses are refused.
func readXML(body []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	var root *node
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && root != nil {
			return root, nil
		}
		if err != nil {
			return nil, bodyError("must be whole XML")
		}
		switch t := t.(type) {
		case xml.StartElement:
			if root != nil || elementName(t.Name) != "xml" {
				return nil, bodyError("must be one <xml> element and nothing else")
			}
			if root, err = xmlNode(d, 0); err != nil {
				return nil, err
			}
		case xml.Directive:
			return nil, bodyError("must not have a document type")
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, bodyError("must be one <xml> element and nothing else")
			}
		}
	}
}

// xmlNode reads what is in an element, up to its end. Elements of the same name make a list.
func xmlNode(d *xml.Decoder, depth int) (*node, error) {
	if depth > maxPushDepth {
		return nil, bodyError("must be nested at most %d deep", maxPushDepth)
	}
	n := &node{kind: textNode}
	var text strings.Builder
	for {
		t, err := d.Token()
		if err != nil {
			return nil, bodyError("must be whole XML")
		}
		switch t := t.(type) {
		case xml.StartElement:
			child, err := xmlNode(d, depth+1)
			if err != nil {
				return nil, err
			}
			n.add(elementName(t.Name), child)
		case xml.CharData:
			text.Write(t)
		case xml.Directive:
			return nil, bodyError("must not have a document type")
		case xml.EndElement:
			if n.kind == textNode {
				n.text = strings.TrimSpace(text.String())
			}
			return n, nil
		}
	}
}

func (n *node) add(name string, child *node) {
	if n.kind == textNode {
		n.kind, n.fields = objectNode, map[string]*node{}
	}
	switch before := n.fields[name]; {
	case before == nil:
		n.fields[name] = child
	case before.kind == listNode:
		before.items = append(before.items, child)
	default:
		n.fields[name] = &node{kind: listNode, items: []*node{before, child}}
	}
}

// elementName keeps names of a namespace apart from those of none.
func elementName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}
