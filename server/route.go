package server

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
)

// below every app.
const appPath = "/v1/apps/{appid}"

// route is one call of the API.
type route struct {
	method, path string
	// id and summary document it.
	id, summary string
	// scopes are those of which the key needs one, in the app of the path. None: the handler looks at the key itself.
	scopes []account.Scope
	// open routes need no key.
	open bool
	// session routes need a session token instead of a key; the handler looks at it itself.
	session bool
	// public routes are served on the public listener too.
	public bool
	// perAddress bounds how often one address may make the call on the public listener; nil: as often as all calls together.
	perAddress *flood
	// unbounded routes have a time limit of their own.
	unbounded bool
	// keyed routes take an Idempotency-Key.
	keyed bool
	// query documents the query parameters, and also names answers besides 200.
	query []*huma.Param
	also  map[int]string
	// rows is the type of the rows of a streamed body, and lines that of the rows of an answer that may be had as lines.
	rows, lines reflect.Type
	// instead is the type of another answer that status 200 may have.
	instead reflect.Type
	// status is that of a good answer; 0 means 200, or 204 without a body.
	status int
}

// call is one request on its way through a handler.
type call struct {
	r   *http.Request
	key account.Key
	// app is the app of the path, if there is one.
	app minapush.App
	// status of the answer; a handler may change it. instead, if not nil, is answered instead of what the handler returns.
	status  int
	instead any
	// idempotency is the caller's Idempotency-Key, empty for none, and fingerprint the hash of the body that goes with it.
	idempotency string
	fingerprint uint64
}

func (c *call) path(name string) string  { return c.r.PathValue(name) }
func (c *call) query(name string) string { return c.r.URL.Query().Get(name) }

// none is the body of a call, or of an answer, that has none.
type none struct{}

// handle puts a call on the mux: authentication, then the body, then f. Whatever fails before f has changed nothing.
func handle[In, Out any](s *Server, rt route, f func(ctx context.Context, c *call, in *In) (Out, error)) {
	schema := s.document(rt, typeOf[In](), typeOf[Out]())
	empty := typeOf[Out]() == typeOf[none]()
	if rt.status == 0 {
		rt.status = http.StatusOK
		if empty {
			rt.status = http.StatusNoContent
		}
	}
	s.mount(rt, func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		if !rt.unbounded {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, s.cfg.RequestTimeout)
			defer cancel()
		}
		c := &call{r: r, status: rt.status}
		if err := s.admit(ctx, c, rt); err != nil {
			return err
		}
		var in In
		if schema != nil {
			if err := s.readBody(w, c, schema, &in); err != nil {
				return err
			}
		}
		if rt.unbounded {
			s.takeTime(w)
		}
		out, err := f(ctx, c, &in)
		if rt.unbounded {
			s.mayWrite(w)
		}
		switch {
		case err != nil:
			return err
		case c.instead != nil:
			write(w, api.ContentType, c.status, c.instead)
		case empty || c.status == http.StatusNoContent:
			w.WriteHeader(c.status)
		default:
			write(w, api.ContentType, c.status, out)
		}
		return nil
	})
}

// admit lets a request in: who it is, which app, and its Idempotency-Key.
func (s *Server) admit(ctx context.Context, c *call, rt route) (err error) {
	id := minapush.AppID(c.path("appid"))
	if !rt.open && !rt.session {
		if c.key, err = s.authenticate(ctx, c.r); err != nil {
			return err
		}
	}
	switch {
	case rt.scopes != nil:
		c.app, err = s.allowed(ctx, c.key, id, rt.scopes)
	case id != "" && !rt.session:
		c.app, err = s.parts.Accounts.App(ctx, id)
	}
	if err == nil {
		err = c.checkQuery(rt)
	}
	if err != nil || !rt.keyed {
		return err
	}
	c.idempotency = c.r.Header.Get(api.IdempotencyKey)
	if len(c.idempotency) > api.MaxIdempotencyKey || strings.ContainsFunc(c.idempotency, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return wrong("header."+api.IdempotencyKey, "must be printable ASCII without spaces, at most 128 bytes")
	}
	return nil
}

// pathMethods are the methods that a path takes, on each listener.
type pathMethods struct{ public, private []string }

// mount puts a handler on the muxes that serve it.
func (s *Server) mount(rt route, h func(w http.ResponseWriter, r *http.Request) error) {
	pattern := rt.method + " " + s.cfg.BasePath + rt.path
	handler := s.observed(rt.method+" "+rt.path, h)
	methods := s.paths[rt.path]
	if methods == nil {
		methods = &pathMethods{}
		s.paths[rt.path] = methods
	}
	methods.private = append(methods.private, rt.method)
	s.private.HandleFunc(pattern, handler)
	if rt.public {
		methods.public = append(methods.public, rt.method)
		if rt.perAddress != nil {
			handler = s.observed(rt.method+" "+rt.path, s.perAddress(rt.perAddress, h))
		}
		s.public.HandleFunc(pattern, handler)
	}
}

// refuseOthers answers what no route takes: 405 on known paths, 404 on others.
func (s *Server) refuseOthers() {
	for path, methods := range s.paths {
		if wider := s.wider(path); wider != nil {
			s.refuseBelow(path, methods.private, wider.private)
			continue
		}
		s.private.HandleFunc(s.cfg.BasePath+path, s.wrongMethod(methods.private))
		if methods.public != nil {
			s.public.HandleFunc(s.cfg.BasePath+path, s.wrongMethod(methods.public))
		}
	}
	notFound := s.observed(noRoute, func(http.ResponseWriter, *http.Request) error {
		return refuse(rowNoRoute, "see docs/api.md for the calls that there are")
	})
	s.private.HandleFunc("/", notFound)
	s.public.HandleFunc("/", notFound)
}

// wider is the path that has a wildcard where this one ends in a name: users/{openid} for users/import. Nil if there is none.
func (s *Server) wider(path string) *pathMethods {
	head := path[:strings.LastIndex(path, "/")+1]
	for other, methods := range s.paths {
		if rest, ok := strings.CutPrefix(other, head+"{"); ok && other != path && strings.Index(rest, "}") == len(rest)-1 {
			return methods
		}
	}
	return nil
}

// refuseBelow answers the methods that neither a path nor the wider one takes. They are named one by one, as ServeMux takes no pattern
// for all methods of a path beside one for some methods of a wider path. No such path is public.
func (s *Server) refuseBelow(path string, methods, wider []string) {
	all := slices.Concat(methods, wider)
	for _, method := range []string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace,
	} {
		if !slices.Contains(all, method) {
			s.private.HandleFunc(method+" "+s.cfg.BasePath+path, s.wrongMethod(all))
		}
	}
}

func (s *Server) wrongMethod(methods []string) http.HandlerFunc {
	slices.Sort(methods)
	allow := strings.Join(methods, ", ")
	return s.observed(noRoute, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", allow)
		return refuse(rowMethod, "allowed here: "+allow)
	})
}
