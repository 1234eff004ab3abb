package sandbox

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// decodeSend reads the body of a send. Most are plain: known fields once, strings without escapes, values that are strings.
// Those are read in one pass, for which the benchmarks pay least; whatever else there is goes to encoding/json, which also
// decides what is an error.
func (c *call) decodeSend() {
	c.text = string(c.body)
	s := scanner{text: c.text}
	if utf8.ValidString(s.text) && s.message(&c.send, &c.data) {
		return
	}
	c.send, c.data = sendBody{}, nil
	c.broken = json.Unmarshal(c.body, &c.send) != nil
}

// scanner walks plain JSON. Its methods report false on anything that is not plain.
type scanner struct {
	text string
	at   int
}

func (s *scanner) message(m *sendBody, data *map[string]string) bool {
	var seen uint8
	known := s.object(func(key string) bool {
		bit, field := m.field(key)
		if bit == 0 || seen&bit != 0 {
			return false
		}
		seen |= bit
		if field == nil {
			*data = make(map[string]string, 4)
			return s.values(*data)
		}
		var ok bool
		*field, ok = s.str()
		return ok
	})
	s.space()
	return known && s.at == len(s.text)
}

// field numbers the fields of a message by a bit each; the data has no string.
func (m *sendBody) field(key string) (uint8, *string) {
	switch key {
	case "touser":
		return 1, &m.ToUser
	case "template_id":
		return 2, &m.TemplateID
	case "page":
		return 4, &m.Page
	case "miniprogram_state":
		return 8, &m.State
	case "lang":
		return 16, &m.Lang
	case "form_id":
		return 32, &m.FormID
	case "data":
		return 64, nil
	}
	return 0, nil
}

// values is {"thing1":{"value":"…"}}.
func (s *scanner) values(data map[string]string) bool {
	return s.object(func(key string) bool {
		if _, again := data[key]; again {
			return false
		}
		members := 0
		plain := s.object(func(member string) bool {
			v, ok := s.str()
			data[key] = strings.TrimSpace(v)
			members++
			return ok && member == "value"
		})
		return plain && members == 1
	})
}

// object calls each with every key, to read the value.
func (s *scanner) object(each func(key string) bool) bool {
	if !s.next('{') {
		return false
	}
	if s.next('}') {
		return true
	}
	for {
		key, ok := s.str()
		if !ok || !s.next(':') || !each(key) {
			return false
		}
		if s.next('}') {
			return true
		}
		if !s.next(',') {
			return false
		}
	}
}

// str is a string without escapes and control characters.
func (s *scanner) str() (string, bool) {
	if !s.next('"') {
		return "", false
	}
	for i := s.at; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			v := s.text[s.at:i]
			s.at = i + 1
			return v, true
		case c == '\\' || c < ' ':
			return "", false
		}
	}
	return "", false
}

// next skips white space and takes c, if it comes now.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}
