package sandbox

import (
	"embed"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// phonePrefix is where the phone's page and its API begin; phone/API.md describes them for callers.
const phonePrefix = "/phone/"

// Bodies of the phone's API: a request of the mini program may be larger than the others.
const (
	maxPhoneBody   = 64 << 10
	maxPhoneUpload = 7 << 20 // 1 MiB, of which JSON may write each byte as \u0001
)

// phoneCSP lets the page load its own files only. The component runtime sets styles inline.
const phoneCSP = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; frame-src 'self'; frame-ancestors 'self'; form-action 'self'; base-uri 'none'"

// phoneFiles are the page, which sdk/ builds, and the inbox.
//
//go:embed phone/static phone/inbox.html phone/inbox.css phone/inbox.js
var phoneFiles embed.FS

// phoneCall is one call of the phone's API.
type phoneCall struct {
	sandbox *Sandbox
	w       http.ResponseWriter
	r       *http.Request
	q       url.Values
	body    []byte
	phone   *phone // nil if the call is not of one
}

// phoneRoute is one call that the API has.
type phoneRoute struct {
	parameters []string // beside app and user
	anybody    bool     // needs no open phone
	limit      int64    // of the body; zero: maxPhoneBody
	serve      func(c *phoneCall) (any, error)
}

// streamed is the answer of a call that has written its own.
type streamed struct{}

func phoneRoutes() map[string]map[string]phoneRoute {
	return map[string]map[string]phoneRoute{
		"phone":            {"POST": {anybody: true, serve: openPhone}, "GET": {serve: showPhone}},
		"login":            {"POST": {serve: body(phoneLogin)}},
		"form-id":          {"POST": {serve: body(phoneFormID)}},
		"subscribe":        {"POST": {serve: body(phoneAsk)}},
		"subscribe/answer": {"POST": {serve: body(phoneAnswer)}},
		"settings":         {"GET": {serve: showSettings}, "PUT": {serve: body(changeSettings)}},
		"order":            {"GET": {parameters: []string{"package"}, serve: phoneOrder}},
		"pay":              {"POST": {serve: body(phonePay)}},
		"request":          {"POST": {limit: maxPhoneUpload, serve: body(phoneRequest)}},
		"chat":             {"GET": {serve: phoneChat}},
		"read":             {"POST": {serve: body(phoneRead)}},
		"events":           {"GET": {anybody: true, parameters: []string{"since"}, serve: phoneEvents}},
		"messages": {
			"GET":    {anybody: true, parameters: []string{"template", "q", "since", "limit", "wait"}, serve: listMessages},
			"DELETE": {anybody: true, parameters: []string{"template", "q"}, serve: deleteMessages},
		},
	}
}

// body decodes a request body of type T, refusing fields that it does not have.
func body[T any](do func(c *phoneCall, req T) (any, error)) func(*phoneCall) (any, error) {
	return func(c *phoneCall) (any, error) {
		var req T
		if len(c.body) > 0 {
			if err := decodeStrict(c.body, &req); err != nil {
				return nil, err
			}
		}
		return do(c, req)
	}
}

func isPhone(path string) bool {
	return strings.HasPrefix(path, phonePrefix) || path+"/" == phonePrefix
}

// servePhone serves the page, the inbox and the API. Other sites may not call it through somebody's browser.
func (s *Sandbox) servePhone(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", phoneCSP)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		writePhone(w, nil, &ArgError{Field: "origin", Problem: "only pages from here may do this", status: http.StatusForbidden})
		return
	}
	name := strings.TrimPrefix(r.URL.Path, phonePrefix)
	call, isAPI := strings.CutPrefix(name, "api/")
	switch {
	case isAPI:
		answer, err := s.callPhone(w, r, call)
		writePhone(w, answer, err)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		writePhone(w, nil, &ArgError{Field: "method", Problem: "must be GET, HEAD", status: http.StatusMethodNotAllowed})
	case name == "inbox":
		s.serveInbox(w, r)
	case r.URL.Path+"/" == phonePrefix:
		http.Redirect(w, r, "phone/", http.StatusMovedPermanently)
	case name == "":
		s.servePage(w, r)
	default:
		serveFile(w, r, name)
	}
}

// callPhone finds and serves a call of the API.
func (s *Sandbox) callPhone(w http.ResponseWriter, r *http.Request, name string) (any, error) {
	methods := s.phoneRoutes[name]
	if methods == nil {
		return nil, &ArgError{Field: "path", Problem: quote(r.URL.Path) + " is not of the phone's API", status: http.StatusNotFound}
	}
	route, known := methods[r.Method]
	if !known {
		allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		return nil, &ArgError{Field: "method", Problem: "must be " + allowed, status: http.StatusMethodNotAllowed}
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &ArgError{Field: "query", Problem: err.Error()}
	}
	if err := onlyParameters(q, append([]string{"app", "user"}, route.parameters...)...); err != nil {
		return nil, err
	}
	c := &phoneCall{sandbox: s, w: w, r: r, q: q}
	if c.body, err = readPhoneBody(w, r, route.limit); err != nil {
		return nil, err
	}
	// The body is read: from here on the server's time for requests would only cut off those who wait for an answer.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	if !route.anybody {
		if c.phone, err = s.openedPhone(q.Get("app"), q.Get("user")); err != nil {
			return nil, err
		}
	}
	return route.serve(c)
}

func readPhoneBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if limit == 0 {
		limit = maxPhoneBody
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &ArgError{Field: "body", Problem: "is too large", status: http.StatusRequestEntityTooLarge}
	case err != nil:
		return nil, &ArgError{Field: "body", Problem: "was cut off"}
	}
	return b, nil
}

// writePhone writes the answer of a call, or its error.
func writePhone(w http.ResponseWriter, answer any, err error) {
	if _, done := answer.(streamed); done {
		return
	}
	status := http.StatusOK
	b, merr := json.Marshal(answer)
	if err == nil && merr != nil {
		err = merr
	}
	if err != nil {
		status, b = phoneError(err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a caller that is gone needs no answer
}

// wxError is the fail callback of a function of wx.
type wxError struct {
	ErrMsg  string `json:"errMsg"`
	ErrCode int    `json:"errCode,omitempty"`
	Errno   int    `json:"errno,omitempty"`
}

func (e *wxError) Error() string { return e.ErrMsg }

// phoneError is controlError, with what a fail callback gets.
func phoneError(err error) (int, []byte) {
	var tap *TapError
	var wx *wxError
	switch {
	case errors.As(err, &tap):
		wx = &wxError{ErrMsg: "requestSubscribeMessage:fail " + tap.Msg, ErrCode: tap.Code}
	case errors.As(err, &wx):
	default:
		return controlError(err)
	}
	b, merr := json.Marshal(struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
		*wxError
	}{struct {
		Message string `json:"message"`
	}{wx.ErrMsg}, wx})
	if merr != nil {
		return http.StatusInternalServerError, nil
	}
	return http.StatusUnprocessableEntity, b
}

// HangUp ends every event stream and long poll, now and from now on. It is for the shutdown of the server that they hold up:
// server.RegisterOnShutdown(sb.HangUp).
func (s *Sandbox) HangUp() { s.hangUp.Do(func() { close(s.hungUp) }) }
