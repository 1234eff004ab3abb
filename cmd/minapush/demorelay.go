package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/sandbox"
)

// shop is the backend of the example mini program, as a team would have one: its own login, its own orders, and a few lines that pass
// the SDK's reports on to minapush. What it knows of a user comes from its login, never from the phone.
type shop struct {
	mux    *http.ServeMux
	client *client.Client // with the shop's own key: report, push and campaign
	relay  func(openid string, r *http.Request) (*http.Response, error)
	wechat *sandbox.Sandbox // WeChat's servers: jscode2session and WeChat Pay
	app    string
	secret string

	mu       sync.Mutex        // guards what follows, of which the demo's life is the bound
	sessions map[string]string // the shop's token -> openid
	orders   map[string]*order
	signed   map[string]*signIn // by openid
}

// newShop wires the backend of an app: private and public are the addresses of minapush, key is an API key for this app with the
// scopes report, push and campaign.
func newShop(app, secret string, wechat *sandbox.Sandbox, private, public, key string) (*shop, error) {
	c, err := client.New(private, key, client.Config{})
	if err != nil {
		return nil, err
	}
	phones, err := url.Parse(public)
	if err != nil {
		return nil, err
	}
	s := &shop{
		mux: http.NewServeMux(), client: c, wechat: wechat, app: app, secret: secret,
		sessions: make(map[string]string), orders: make(map[string]*order), signed: make(map[string]*signIn),
	}
	s.relay = func(openid string, r *http.Request) (*http.Response, error) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, private+"/v1/apps/"+app+"/reports", r.Body)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(api.OpenIDHeader, openid)
		return http.DefaultClient.Do(req)
	}
	s.mux.HandleFunc("POST /login", s.login)
	for pattern, handle := range map[string]func(http.ResponseWriter, *http.Request, string){
		"POST /push-reports": s.reports, "GET /me": s.me, "POST /push-token": s.pushToken, "GET /goods": s.goods, "POST /orders": s.order,
		"GET /orders/{id}": s.showOrder, "POST /orders/{id}/paid": s.paid, "POST /sign-in": s.signIn, "GET /sign-in": s.signedIn,
	} {
		s.mux.HandleFunc(pattern, s.loggedIn(handle))
	}
	// An SDK in token or login mode talks to minapush itself, here under the shop's domain.
	s.mux.Handle("/v1/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(phones) }})
	return s, nil
}

// ServeHTTP answers the mini program.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	s.mux.ServeHTTP(w, r)
}

func tell(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // a caller that is gone needs no answer
}

func refuse(w http.ResponseWriter, status int, why string) {
	tell(w, status, map[string]string{"error": why})
}

// loggedIn finds out who calls.
func (s *shop) loggedIn(handle func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		s.mu.Lock()
		openid := s.sessions[token]
		s.mu.Unlock()
		if openid == "" {
			refuse(w, http.StatusUnauthorized, "log in first")
			return
		}
		handle(w, r, openid)
	}
}

// login trades the code of wx.login at WeChat for an openid, and makes a session of the shop's own.
func (s *shop) login(w http.ResponseWriter, r *http.Request) {
	var req struct{ Code string }
	if !s.read(w, r, &req) {
		return
	}
	q := url.Values{"appid": {s.app}, "secret": {s.secret}, "js_code": {req.Code}, "grant_type": {"authorization_code"}}
	ask, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "https://api.weixin.qq.com"+sandbox.PathLogin+"?"+q.Encode(), nil)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	answer, err := s.wechat.RoundTrip(ask)
	if err != nil {
		refuse(w, http.StatusBadGateway, "WeChat cannot be reached")
		return
	}
	defer answer.Body.Close()
	var who struct{ OpenID string }
	if json.NewDecoder(answer.Body).Decode(&who) != nil || who.OpenID == "" {
		refuse(w, http.StatusUnauthorized, "WeChat does not know this code")
		return
	}
	token := rand.Text()
	s.mu.Lock()
	s.sessions[token] = who.OpenID
	s.mu.Unlock()
	tell(w, http.StatusOK, map[string]string{"token": token})
}

func (s *shop) read(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, "the body is not the JSON expected")
		return false
	}
	return true
}

// reports is the relay: body, status and answer go through unchanged.
func (s *shop) reports(w http.ResponseWriter, r *http.Request, openid string) {
	answer, err := s.relay(openid, r)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, "try again") // the SDK keeps the report and does
		return
	}
	defer answer.Body.Close()
	for _, name := range []string{"Content-Type", "Retry-After"} {
		if v := answer.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

func (s *shop) me(w http.ResponseWriter, r *http.Request, openid string) {
	session, err := s.client.SessionToken(r.Context(), s.app, openid)
	if err != nil {
		unanswered(w, err)
		return
	}
	as, err := s.client.As(session.SessionToken)
	if err != nil {
		unanswered(w, err)
		return
	}
	me, err := as.Me(r.Context(), s.app)
	if err != nil {
		unanswered(w, err)
		return
	}
	tell(w, http.StatusOK, me)
}

// unanswered passes on that minapush could not do it.
func unanswered(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	var problem *client.Error
	if errors.As(err, &problem) && problem.Status >= 400 {
		status = problem.Status
	}
	refuse(w, status, err.Error())
}

func (s *shop) pushToken(w http.ResponseWriter, r *http.Request, openid string) {
	session, err := s.client.SessionToken(r.Context(), s.app, openid)
	if err != nil {
		unanswered(w, err)
		return
	}
	tell(w, http.StatusOK, session)
}
