package sandbox

import (
	"crypto/subtle"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// checkToken answers zero, 41001, 40014, 42001 or 40001 for the access token of the query (fact sheet §1.1.4).
func (c *call) checkToken() int {
	switch {
	case c.raw == "":
		return codeNoToken
	case c.token == nil:
		return codeToken
	}
	if ts := &c.app.tokens; ts.rogue.Load() {
		ts.mu.Lock()
		c.sandbox.stealOnTime(c.app, c.now)
		ts.mu.Unlock()
	}
	return c.token.check(c.now)
}

// checkSecret answers zero, 41002, 40013, 41004 or 40125. c.app is the app that the request names.
func (c *call) checkSecret(appid, secret string) int {
	switch {
	case appid == "":
		return codeNoAppID
	case c.app == nil || c.app.id != appid:
		return codeAppID
	case secret == "":
		return codeNoSecret
	case subtle.ConstantTimeCompare([]byte(secret), []byte(c.app.snapshot().Secret)) == 0:
		return codeSecret
	}
	return 0
}

// checkFetch is common to both token endpoints (fact sheet §1.1.3).
func (c *call) checkFetch(grant, appid, secret string) reply {
	if grant != "client_credential" {
		return refuse(codeGrantType)
	}
	if code := c.checkSecret(appid, secret); code != 0 {
		return refuse(code)
	}
	info := c.app.snapshot()
	switch {
	case info.Flags.SecretFrozen:
		return refuse(codeSecretFrozen)
	case info.Flags.AccountFrozen:
		return refuse(codeFrozen)
	case info.Flags.TokenForbidden:
		return refuse(codeTokenForbidden)
	case len(info.IPWhitelist) > 0 && !slices.Contains(info.IPWhitelist, c.ip):
		return reply{code: codeIP, msg: "invalid ip " + c.ip + mappedIP(c.ip) + ", not in whitelist"}
	}
	return refuse(c.app.quotas[c.ep.id].take(c.now))
}

// mappedIP adds the IPv6 form that WeChat's text carries beside an IPv4 address.
func mappedIP(ip string) string {
	if addr, err := netip.ParseAddr(ip); err == nil && addr.Is4() {
		return " ipv6 ::ffff:" + ip
	}
	return ""
}

func serveClassicToken(c *call) reply {
	q := c.values
	if r := c.checkFetch(q.Get("grant_type"), q.Get("appid"), q.Get("secret")); r.code != 0 {
		return r
	}
	return tokenReply(c.sandbox.fetchClassic(c.app, c.now), c.now)
}

func serveStableToken(c *call) reply {
	var req struct {
		Grant  string `json:"grant_type"`
		AppID  string `json:"appid"`
		Secret string `json:"secret"`
		Force  bool   `json:"force_refresh"`
	}
	if !c.decode(&req) {
		return refuse(codeJSON)
	}
	if r := c.checkFetch(req.Grant, req.AppID, req.Secret); r.code != 0 {
		return r
	}
	if !req.Force {
		return tokenReply(c.sandbox.fetchStable(c.app, c.now), c.now)
	}
	t, code := c.sandbox.forceStable(c.app, c.now)
	if code != 0 {
		return refuse(code)
	}
	return tokenReply(t, c.now)
}

// tokenReply has no errcode, as the real answer (fact sheet §1.0). expires_in is what is left.
func tokenReply(t *issued, now time.Time) reply {
	left := time.Duration(t.expires - now.UnixNano())
	b := append([]byte(nil), `{"access_token":"`...)
	b = append(b, t.value...)
	b = append(b, `","expires_in":`...)
	b = strconv.AppendInt(b, int64(left/time.Second), 10)
	return reply{body: append(b, '}')}
}
