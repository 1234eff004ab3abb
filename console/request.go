package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// request is one request for a page.
type request struct {
	w http.ResponseWriter
	r *http.Request
	c *Console

	lang  lang
	theme string
	// operator is who is signed in; empty on the pages before that.
	operator string
	// apps are all apps, and app is the one that the page is of; its ID is empty where the page is of none.
	apps []minapush.App
	app  minapush.App
}

// handler answers a request. An error that it returns becomes a page of its own.
type handler func(ctx context.Context, rq *request) error

// page adds a page of no app, for who is signed in.
func (c *Console) page(pattern string, h handler) { c.route(pattern, c.signedIn(h)) }

// appPage adds a page below apps/{appid}: pattern is a method and the rest of the path, such as "GET campaigns".
func (c *Console) appPage(pattern string, h handler) { c.appPageWithin(pattern, c.usual(), h) }

// appPageWithin is appPage with bounds of its own, for what takes long or takes much in.
func (c *Console) appPageWithin(pattern string, b bounds, h handler) {
	method, rest, _ := strings.Cut(pattern, " ")
	c.routeWithin(method+" apps/{appid}/"+rest, b, c.signedIn(func(ctx context.Context, rq *request) error {
		app, err := c.parts.Accounts.App(ctx, minapush.AppID(rq.r.PathValue("appid")))
		if err != nil {
			return err
		}
		rq.app = app
		return h(ctx, rq)
	}))
}

// route adds a page that needs nobody signed in.
func (c *Console) route(pattern string, h handler) { c.routeWithin(pattern, c.usual(), h) }

// bounds say how long a request may take, and how many bytes its body may have.
type bounds struct {
	within time.Duration
	body   int64
}

func (c *Console) usual() bounds { return bounds{c.cfg.RequestTimeout, maxForm} }

func (c *Console) routeWithin(pattern string, b bounds, h handler) {
	method, rest, _ := strings.Cut(pattern, " ")
	if rest == "" || strings.HasSuffix(rest, "/") {
		rest += "{$}"
	}
	c.mux.HandleFunc(method+" "+c.cfg.BasePath+root+rest, func(w http.ResponseWriter, r *http.Request) {
		ctx, stop := context.WithTimeout(r.Context(), b.within)
		defer stop()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, b.body)
		rq := c.request(w, r)
		if err := h(ctx, rq); err != nil {
			rq.problem(err)
		}
	})
}

// maxForm is the largest form accepted, in bytes. Files that are uploaded have a bound of their own.
const maxForm = 1 << 20

func (c *Console) request(w http.ResponseWriter, r *http.Request) *request {
	return &request{w: w, r: r, c: c, lang: langOf(r), theme: themeOf(r)}
}

// path is the address of a page: the parts are escaped, and joined by slashes.
func (c *Console) path(parts ...string) string {
	b := strings.Builder{}
	b.WriteString(c.cfg.BasePath + root)
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(url.PathEscape(p))
	}
	return b.String()
}

// appPath is the address of a page of the request's app.
func (rq *request) appPath(parts ...string) string {
	return rq.c.path(append([]string{"apps", string(rq.app.ID)}, parts...)...)
}

// goTo answers a form with another page, so that a reload does not send the form again.
func (rq *request) goTo(address string) error {
	http.Redirect(rq.w, rq.r, address, http.StatusSeeOther)
	return nil
}

// problem answers with a page that says what went wrong.
func (rq *request) problem(err error) {
	status, name := http.StatusInternalServerError, "internal"
	switch kind := minapush.KindOf(err); {
	case errors.Is(err, minapush.NotFound):
		status, name = http.StatusNotFound, "not_found"
	case kind == minapush.Invalid:
		status, name = http.StatusUnprocessableEntity, "invalid"
	case kind == minapush.Conflict:
		status, name = http.StatusConflict, "conflict"
	case kind == minapush.Throttled:
		status, name = http.StatusTooManyRequests, "throttled"
	case kind == minapush.Unavailable:
		status, name = http.StatusServiceUnavailable, "unavailable"
	}
	if status >= http.StatusInternalServerError {
		rq.c.cfg.Logger.Error("console page failed", "path", rq.r.URL.Path, "err", err)
	}
	text := ""
	if status < http.StatusInternalServerError {
		text = err.Error()
	}
	rq.showProblem(status, name, text)
}

// fail answers a request that did not come to a handler.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, status int, name string) {
	c.request(w, r).showProblem(status, name, "")
}
