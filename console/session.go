package console

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

// sessionLife is how long an operator stays signed in.
const sessionLife = 24 * time.Hour

// What a session holds.
const (
	sessionOperator = "operator"
	sessionStamp    = "stamp"
	sessionFlash    = "flash"
)

func (c *Console) newSessions() *scs.SessionManager {
	s := scs.New()
	s.Store = c.parts.Accounts.ConsoleSessions()
	s.Lifetime = sessionLife
	s.HashTokenInStore = true
	s.Cookie = scs.SessionCookie{
		Name: "minapush_session", Path: c.cfg.BasePath + root, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: c.cfg.HTTPS, Persist: true,
	}
	s.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) { c.request(w, r).problem(err) }
	return s
}

// signedIn lets a handler answer only who is signed in; all others are sent to the sign-in page, and back from there.
func (c *Console) signedIn(h handler) handler {
	return func(ctx context.Context, rq *request) error {
		ok, err := c.recognise(ctx, rq)
		if err != nil {
			return err
		}
		if !ok {
			return c.askToSignIn(rq)
		}
		if rq.apps, err = c.parts.Accounts.Apps(ctx); err != nil {
			return err
		}
		return h(ctx, rq)
	}
}

// recognise finds the operator of the session. One who was removed, or has another password since, is not signed in.
func (c *Console) recognise(ctx context.Context, rq *request) (bool, error) {
	name := c.sessions.GetString(ctx, sessionOperator)
	if name == "" {
		return false, nil
	}
	o, err := c.parts.Accounts.Operator(ctx, name)
	if errors.Is(err, minapush.NotFound) || err == nil && o.Stamp != c.sessions.GetString(ctx, sessionStamp) {
		return false, c.sessions.Destroy(ctx)
	}
	rq.operator = o.Name
	return err == nil, err
}

func (c *Console) askToSignIn(rq *request) error {
	if rq.r.Header.Get("HX-Request") != "" { // a part of a page that is open: what is in it stays, and the next click leads there
		rq.w.WriteHeader(http.StatusUnauthorized)
		return nil
	}
	address := c.path("signin")
	if rq.r.Method == http.MethodGet {
		address += "?" + url.Values{"to": {rq.r.URL.RequestURI()}}.Encode()
	}
	return rq.goTo(address)
}

// enter begins a session. The token is a new one, so that nobody can have planted it.
func (c *Console) enter(ctx context.Context, o account.Operator) error {
	if err := c.sessions.RenewToken(ctx); err != nil {
		return err
	}
	c.sessions.Put(ctx, sessionOperator, o.Name)
	c.sessions.Put(ctx, sessionStamp, o.Stamp)
	return nil
}

// tell keeps a sentence for the next page that is shown to the operator.
func (rq *request) tell(ctx context.Context, name string, values ...any) {
	rq.c.sessions.Put(ctx, sessionFlash, rq.say(name, values...))
}

// address is whom a request comes from, for counting wrong passwords.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
