package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// phone is WeChat's client in the hand of one user.
type phone struct {
	app  *app
	user *user
	name string // as in the page's address: the user's name, or its openid

	mu      sync.Mutex // guards what follows; taken before user.mu
	offline bool
	device  device
	popup   *popup // the last one; nil if there was none
}

// phones are those that were opened.
type phones struct {
	mu     sync.Mutex
	byUser map[*user]*phone
}

func (p *phones) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byUser = make(map[*user]*phone)
}

// of returns a user's phone, or nil.
func (p *phones) of(u *user) *phone {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byUser[u]
}

// PhoneOpenID is the openid of the phone's user of that name in an app: always the same one.
func (s *Sandbox) PhoneOpenID(appid, name string) string {
	sum := sha256.Sum256([]byte(appid + "\x00" + name))
	return openIDPrefix(appid) + base64.RawURLEncoding.EncodeToString(sum[:])[:22]
}

// OpenPhone opens the phone of a user, whom it makes if there is none, and returns the openid. name is the user's name, or an
// openid that the app has. Opening a phone again changes nothing.
func (s *Sandbox) OpenPhone(appid, name string) (string, error) {
	a, err := s.app(appid)
	if err != nil {
		return "", named(err, "app")
	}
	if err := s.checkPhoneName(a, name); err != nil {
		return "", err
	}
	s.phones.mu.Lock()
	defer s.phones.mu.Unlock()
	u := s.phoneUser(a, name)
	if u != nil && s.phones.byUser[u] != nil {
		return u.openid, nil
	}
	if limit := s.cfg.MaxPhones; limit > 0 && len(s.phones.byUser) >= limit {
		return "", &ArgError{Field: "user", Problem: "too many phones are open", status: http.StatusTooManyRequests}
	}
	if u == nil {
		u = &user{openid: s.PhoneOpenID(appid, name)}
		if !a.add(u) { // somebody added this openid just now
			u = a.user(u.openid)
		}
	}
	s.phones.byUser[u] = &phone{app: a, user: u, name: name}
	return u.openid, nil
}

// checkPhoneName refuses what is neither a name nor an openid of the app. What looks like an openid that is not there is a mistake,
// not a name.
func (s *Sandbox) checkPhoneName(a *app, name string) error {
	switch n := utf8.RuneCountInString(name); {
	case a.user(name) != nil:
		return nil
	case n < 1 || n > 32 || strings.ContainsFunc(name, notOfName):
		return &ArgError{Field: "user", Problem: "must be 1 to 32 letters, digits, _ - or ."}
	case len(name) == 28 && strings.HasPrefix(name, "o"):
		return notFound("user", name)
	}
	return nil
}

func notOfName(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.", r) || r == utf8.RuneError
}

// phoneUser is the user of an openid or of a phone's name, or nil.
func (s *Sandbox) phoneUser(a *app, name string) *user {
	if u := a.user(name); u != nil {
		return u
	}
	return a.user(s.PhoneOpenID(a.id, name))
}

// openedPhone is the phone that a call names by its parameters.
func (s *Sandbox) openedPhone(appid, name string) (*phone, error) {
	a, u, err := s.namedUser(appid, name)
	if err != nil {
		return nil, err
	}
	p := s.phones.of(u)
	if p == nil || p.app != a {
		return nil, &ArgError{Field: "user", Problem: "has no open phone: POST /phone/api/phone first", status: http.StatusNotFound}
	}
	return p, nil
}

// namedUser resolves the parameters app and user.
func (s *Sandbox) namedUser(appid, name string) (*app, *user, error) {
	a, err := s.app(appid)
	if err != nil {
		return nil, nil, named(err, "app")
	}
	u := s.phoneUser(a, name)
	if u == nil {
		return nil, nil, notFound("user", name)
	}
	return a, u, nil
}

// named tells an error of another field by the parameter's name.
func named(err error, field string) error {
	var arg *ArgError
	if errors.As(err, &arg) {
		return &ArgError{Field: field, Problem: strings.Replace(arg.Problem, arg.Field, field, 1), status: arg.status}
	}
	return err
}

// phoneInfo is what a page needs to know at its start.
type phoneInfo struct {
	App     string    `json:"app"`
	User    string    `json:"user"`
	OpenID  string    `json:"openid"`
	Now     time.Time `json:"now"`
	Offset  int64     `json:"offset_ms"`
	Domain  string    `json:"domain"`
	Device  device    `json:"device"`
	Offline bool      `json:"offline"`
	Unread  int       `json:"unread"`
	Last    int64     `json:"last"`
}

func openPhone(c *phoneCall) (any, error) {
	if len(c.body) > 0 {
		if err := decodeStrict(c.body, &struct{}{}); err != nil {
			return nil, err
		}
	}
	appid, name := c.q.Get("app"), c.q.Get("user")
	if _, err := c.sandbox.OpenPhone(appid, name); err != nil {
		return nil, err
	}
	var err error
	if c.phone, err = c.sandbox.openedPhone(appid, name); err != nil {
		return nil, err
	}
	c.phone.drop()
	return showPhone(c)
}

// drop ends an open popup: the page that showed it is gone.
func (p *phone) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.popup = nil
}

func showPhone(c *phoneCall) (any, error) {
	p, s := c.phone, c.sandbox
	_, last, _ := s.inbox.watch()
	unread := p.user.unread()
	p.mu.Lock()
	defer p.mu.Unlock()
	return phoneInfo{
		App: p.app.id, User: p.name, OpenID: p.user.openid, Now: s.Now().UTC().Truncate(time.Millisecond), Offset: s.Offset().Milliseconds(),
		Domain: s.cfg.PhoneDomain, Device: p.device.name(), Offline: p.offline, Unread: unread, Last: last,
	}, nil
}

func (p *phone) isOffline() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.offline
}
