package wechat

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// grant is a token as a source gave it, and for how long it is good.
type grant struct {
	token           string
	renewIn, endsIn time.Duration
}

const (
	// leastLife is for how long a token is used at least, however little is left of it: WeChat renews a stable token about 5 minutes
	// before its end, and both are good meanwhile. [O] server API, getStableAccessToken, read 2026-06.
	leastLife = 60 * time.Second
	// stableMargin and classicMargin are how long before its end a token is renewed. [S] silenceper/wechat; [C] 2026.
	stableMargin  = 300 * time.Second
	classicMargin = 1500 * time.Second
)

func newGrant(token string, expiresIn int64, margin time.Duration) grant {
	life := time.Duration(expiresIn) * time.Second
	renew := max(life-margin, leastLife)
	return grant{token: token, renewIn: renew, endsIn: max(life, renew)}
}

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
}

// fetchStable asks for the stable token. In normal mode the same token comes again while it is good; by force it is ended and a
// new one made. 10 000 calls a minute and 500 000 a day, by force 20 a day. [O] server API, getStableAccessToken, read 2026-06.
func (c *Client) fetchStable(ctx context.Context, v *view, force bool) (grant, error) {
	secret, err := c.secret(ctx, v)
	if err != nil {
		return grant{}, err
	}
	body, err := json.Marshal(struct {
		GrantType string         `json:"grant_type"`
		AppID     minapush.AppID `json:"appid"`
		Secret    string         `json:"secret"`
		Force     bool           `json:"force_refresh"`
	}{"client_credential", v.app.ID, secret, force})
	if err != nil {
		return grant{}, err
	}
	r := request{call: callStableToken, url: v.at(callStableToken, ""), header: jsonHeader, body: body, hide: hidden{secret: secret}}
	return c.fetchGrant(ctx, r, stableMargin)
}

// fetchClassic asks for a token that ends the one before; both are good for some 5 minutes. [O] server API, getAccessToken, read 2026-06.
func (c *Client) fetchClassic(ctx context.Context, v *view) (grant, error) {
	secret, err := c.secret(ctx, v)
	if err != nil {
		return grant{}, err
	}
	query := url.Values{"grant_type": {"client_credential"}, "appid": {string(v.app.ID)}, "secret": {secret}}.Encode()
	r := request{call: callToken, url: v.at(callToken, query), header: plainHeader, hide: hidden{secret: secret}}
	return c.fetchGrant(ctx, r, classicMargin)
}

func (c *Client) fetchGrant(ctx context.Context, r request, margin time.Duration) (grant, error) {
	body, err := c.exchange(ctx, r)
	if err != nil {
		return grant{}, err
	}
	var a tokenAnswer
	if json.Unmarshal(body, &a) != nil || a.AccessToken == "" || a.ExpiresIn <= 0 || a.ExpiresIn > int64(30*24*time.Hour/time.Second) {
		return grant{}, noGrant(r.call, "the answer lacks access_token or expires_in")
	}
	return newGrant(a.AccessToken, a.ExpiresIn, margin), nil
}

func noGrant(k call, text string) error {
	e := minapush.Errorf(minapush.Unavailable, "%s", text)
	e.Op, e.Reason, e.Extent = k.String(), minapush.ReasonBadAnswer, minapush.OneApp
	return e
}

// fetchURL asks the team's own token service. An expires_in beside the token, in seconds, is honoured; without one the token is
// used for 60 s before it is asked for again.
func (c *Client) fetchURL(ctx context.Context, v *view) (grant, error) {
	source := v.app.Token
	u, err := url.Parse(source.URL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return grant{}, minapush.FieldError("token.url", "must be an http or https address")
	}
	header := plainHeader
	hide := hidden{code: source.URL}
	if source.Header != "" {
		name, value, ok := strings.Cut(source.Header, ":")
		value = strings.TrimSpace(value)
		if !ok || !headerName(name) || strings.ContainsAny(value, "\r\n\x00") {
			return grant{}, minapush.FieldError("token.header", `must have the form "Name: value"`)
		}
		header = plainHeader.Clone()
		header.Set(name, value)
		hide.secret = value
	}
	body, err := c.exchange(ctx, request{call: callTokenURL, url: u, header: header, hide: hide})
	if err != nil {
		return grant{}, err
	}
	path := source.Path
	if path == "" {
		path = "access_token"
	}
	token, _ := dig(body, path).(string)
	if token == "" {
		return grant{}, noGrant(callTokenURL, "the answer has no text at "+path)
	}
	beside := "expires_in"
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		beside = path[:i+1] + beside
	}
	n, _ := dig(body, beside).(json.Number)
	seconds, err := n.Int64()
	switch {
	case err != nil || seconds <= 0:
		return grant{token: token, renewIn: leastLife, endsIn: leastLife}, nil
	case time.Duration(seconds)*time.Second <= leastLife:
		life := time.Duration(seconds) * time.Second
		return grant{token: token, renewIn: life, endsIn: life}, nil
	}
	return newGrant(token, min(seconds, int64(30*24*time.Hour/time.Second)), stableMargin), nil
}

// headerName tells whether s may name an HTTP header: letters, digits and dashes.
func headerName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) && http.CanonicalHeaderKey(s) != "Host"
}

// dig finds the value at a dotted path of a JSON document; nil when there is none.
func dig(body []byte, path string) any {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	var at any
	if d.Decode(&at) != nil {
		return nil
	}
	for name := range strings.SplitSeq(path, ".") {
		object, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = object[name]
	}
	return at
}
