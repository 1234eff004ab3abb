package wechat

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/minapush/minapush"
)

// maxRendered is how many campaigns are kept rendered.
const maxRendered = 64

// renderer makes the bodies of messages. What is the same for every user of a campaign is rendered once; per user only the openid
// and the permit's code are put in front of it.
type renderer struct {
	mu    sync.RWMutex
	tails map[rendered][]byte
	order []rendered // oldest first
}

type rendered struct {
	app    minapush.AppID
	batch  string
	legacy bool
}

// body renders a message to one user.
func (r *renderer) body(out minapush.Outgoing) []byte {
	tail := r.tail(out)
	b := make([]byte, 0, len(`{"touser":"","form_id":"",`)+len(out.OpenID)+len(out.Code)+len(tail)+16)
	b = appendString(append(b, `{"touser":`...), string(out.OpenID))
	if out.Legacy {
		b = appendString(append(b, `,"form_id":`...), out.Code)
	}
	return append(b, tail...)
}

// tail is the rest of the body, from the comma before template_id to the end.
func (r *renderer) tail(out minapush.Outgoing) []byte {
	if out.Batch == "" {
		return appendTail(nil, out.Message, out.ID, out.Legacy)
	}
	key := rendered{out.App, out.Batch, out.Legacy}
	r.mu.RLock()
	tail, ok := r.tails[key]
	r.mu.RUnlock()
	if ok {
		return tail
	}
	tail = appendTail(nil, out.Message, out.ID, out.Legacy)
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept, ok := r.tails[key]; ok {
		return kept
	}
	if r.tails == nil {
		r.tails = make(map[rendered][]byte, maxRendered)
	}
	if len(r.order) == maxRendered {
		delete(r.tails, r.order[0])
		r.order = append(r.order[:0], r.order[1:]...)
	}
	r.tails[key] = tail
	r.order = append(r.order, key)
	return tail
}

// appendTail renders what every user of the message gets.
//
// Fields: [O] server API, sendMessage; data is an object, not text; page has no leading slash and is left out when the card is not to
// be clickable; miniprogram_state and lang are called required. Read 2026-06. Legacy: [O-old] templateMessage.send; data may be
// empty, emphasis_keyword is "keywordN.DATA", there is no state and no language.
func appendTail(b []byte, m *minapush.Message, id string, legacy bool) []byte {
	b = appendString(append(b, `,"template_id":`...), m.Template)
	if page := strings.TrimLeft(m.PageFor(id), "/"); page != "" {
		b = appendString(append(b, `,"page":`...), page)
	}
	if !legacy {
		b = appendString(append(b, `,"miniprogram_state":`...), orElse(m.State, "formal"))
		b = appendString(append(b, `,"lang":`...), orElse(m.Lang, "zh_CN"))
	}
	b = appendData(append(b, `,"data":`...), m.Values)
	if legacy && m.Emphasis != "" {
		b = appendString(append(b, `,"emphasis_keyword":`...), strings.TrimSuffix(m.Emphasis, ".DATA")+".DATA")
	}
	return append(b, '}')
}

func appendData(b []byte, values map[string]string) []byte {
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, k)
		b = appendString(append(b, `:{"value":`...), values[k])
		b = append(b, '}')
	}
	return append(b, '}')
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// appendString appends s as a JSON string. Unlike encoding/json it leaves &, < and > as they are: the card shows them, and a page's
// query needs them. Bytes that are not UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf:
			i++
			continue
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size != 1 {
				i += size
				continue
			}
			b = append(append(b, s[start:i]...), "\uFFFD"...)
		case c == '"' || c == '\\':
			b = append(append(b, s[start:i]...), '\\', c)
		case c == '\n':
			b = append(append(b, s[start:i]...), `\n`...)
		default:
			b = append(append(b, s[start:i]...), '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
