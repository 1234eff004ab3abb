package sandbox

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// call is one request to the platform.
type call struct {
	sandbox *Sandbox
	method  string
	path    string
	query   string
	body    []byte
	ip      string

	ep     *endpoint
	now    time.Time
	tally  *tally
	app    *app    // nil if the request shows none
	token  *issued // nil if unknown
	raw    string  // the access token as sent
	values url.Values
	send   sendBody
	text   string            // the body of a send
	data   map[string]string // values of a plain send, trimmed; nil if encoding/json is to read them
	broken bool              // the body of a send is not JSON

	owner *user // whose in-flight mark this call holds
}

// identify finds out whose call it is, so that faults and counters can tell; it refuses nothing.
func (c *call) identify() {
	switch c.ep.auth {
	case byQuery:
		c.values, _ = url.ParseQuery(c.query)
		c.app = c.sandbox.findApp(c.values.Get("appid"))
	case byAppID:
		var req struct {
			AppID string `json:"appid"`
		}
		if json.Unmarshal(c.body, &req) == nil {
			c.app = c.sandbox.findApp(req.AppID)
		}
	default:
		c.raw = queryValue(c.query, "access_token")
		if v, ok := c.sandbox.tokens.Load(c.raw); ok {
			c.token = v.(*issued)
			c.app = c.token.app
		}
	}
	if c.ep.auth == bySender {
		c.decodeSend()
	}
	if c.app != nil {
		c.tally = &c.app.tally
	} else {
		c.tally = &c.sandbox.noApp().tally
	}
}

// queryValue is the first value of a key in a raw query, without building a map.
func queryValue(query, key string) string {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		if name != key {
			continue
		}
		if !strings.ContainsAny(value, "%+") {
			return value
		}
		if plain, err := url.QueryUnescape(value); err == nil {
			return plain
		}
		return ""
	}
	return ""
}

func (c *call) decode(v any) bool { return json.Unmarshal(c.body, v) == nil }

// process checks what is common to all endpoints and serves the call. The sends do all checks themselves, in their order.
func (c *call) process() reply {
	if c.ep.auth == bySender {
		return c.ep.serve(c)
	}
	if code := c.checkMethod(); code != 0 {
		return refuse(code)
	}
	if c.ep.auth == byToken {
		if code := c.checkToken(); code != 0 {
			return refuse(code)
		}
		if !c.ep.unpaced {
			if code := c.app.quotas[c.ep.id].take(c.now); code != 0 {
				return refuse(code)
			}
		}
	}
	return c.ep.serve(c)
}

func (c *call) checkMethod() int {
	switch {
	case c.method == c.ep.method:
		return 0
	case c.ep.method == "POST":
		return codeNeedPost
	}
	return codeNeedGet
}

// finish ends the call once its answer is out of the sandbox's hands.
func (c *call) finish() {
	c.release()
	if c.ep != nil && c.ep.auth == bySender {
		c.tally.end()
	}
}

// release lets the next send to the same openid in.
func (c *call) release() {
	if u := c.owner; u != nil {
		c.owner = nil
		u.mu.Lock()
		u.busy = false
		u.mu.Unlock()
	}
}
