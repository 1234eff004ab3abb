package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"
)

// logins holds the js_codes of an app. Used and expired ones are swept once as many as sweepAt have piled up.
type logins struct {
	mu      sync.Mutex
	codes   map[string]*loginCode
	sweepAt int
}

type loginCode struct {
	user    *user
	expires time.Time // zero: never
	used    bool
}

// LoginCode is wx.login as the user: a js_code that works once, within 5 minutes.
func (s *Sandbox) LoginCode(appid, openid string) (string, error) {
	a, u, err := s.user(appid, openid)
	if err != nil {
		return "", err
	}
	now := s.Now()
	code := &loginCode{user: u}
	if s.cfg.LoginCodeLife > 0 {
		code.expires = now.Add(s.cfg.LoginCodeLife)
	}
	text := "0" + s.rand.text(31)
	a.logins.mu.Lock()
	defer a.logins.mu.Unlock()
	a.logins.sweep(now)
	a.logins.codes[text] = code
	return text, nil
}

func (l *logins) sweep(now time.Time) {
	if len(l.codes) < max(l.sweepAt, 1024) {
		return
	}
	for text, code := range l.codes {
		if code.expired(now) {
			delete(l.codes, text)
		}
	}
	l.sweepAt = 2 * len(l.codes)
}

func (c *loginCode) expired(now time.Time) bool {
	return !c.expires.IsZero() && !now.Before(c.expires)
}

// serveLogin: fact sheet §1.2.
func serveLogin(c *call) reply {
	q := c.values
	if q.Get("grant_type") != "authorization_code" {
		return refuse(codeGrantType)
	}
	if code := c.checkSecret(q.Get("appid"), q.Get("secret")); code != 0 {
		return refuse(code)
	}
	if q.Get("js_code") == "" {
		return refuse(codeNoLoginCode)
	}
	if code := c.app.quotas[endpointLogin].take(c.now); code != 0 {
		return refuse(code)
	}
	u, code := c.redeem(q.Get("js_code"))
	if code != 0 {
		return refuse(code)
	}
	answer := struct {
		OpenID  string `json:"openid"`
		Key     string `json:"session_key"`
		UnionID string `json:"unionid,omitempty"`
	}{OpenID: u.openid, Key: c.sandbox.rand.sessionKey()}
	if c.app.snapshot().UnionID {
		sum := sha256.Sum256([]byte("unionid of " + u.openid))
		answer.UnionID = "o" + base64.RawURLEncoding.EncodeToString(sum[:])[:27]
	}
	return answerJSON(answer)
}

// redeem answers 40029, 40163, 40226 or 45011, or uses the code up. A refusal for the user's minute quota keeps the code.
func (c *call) redeem(text string) (*user, int) {
	l := &c.app.logins
	l.mu.Lock()
	defer l.mu.Unlock()
	code := l.codes[text]
	if code == nil || code.expired(c.now) {
		return nil, codeLoginCode
	}
	if code.used {
		return nil, codeLoginUsed
	}
	u := code.user
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.logins.take(c.now, c.sandbox.cfg.LoginPerMinute) {
		return nil, codeMinute
	}
	code.used = true
	if u.blocked {
		return nil, codeLoginBlocked
	}
	return u, 0
}
