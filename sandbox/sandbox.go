package sandbox

import (
	"hash/maphash"
	"net/http"
	"sync"
	"sync/atomic"
)

// Sandbox is one simulated WeChat. It is an http.Handler, an http.RoundTripper, and a set of Go methods that do what the
// control API does. All methods may be called concurrently. It starts no goroutine and needs no closing, unless an app has a push URL:
// then events are sent by goroutines that end when none waits, and Close ends them at once.
type Sandbox struct {
	cfg       Config
	rand      random
	latency   atomic.Pointer[Latency]
	offset    atomic.Int64 // nanoseconds advanced
	endpoints map[string]*endpoint
	control   map[string]map[string]controlFunc // path, then method
	seed      maphash.Seed

	mu     sync.RWMutex // guards apps and ids
	apps   map[string]*app
	ids    []string // app ids in the order of AddApp
	nobody *app     // counts the calls that belong to no app

	tokens sync.Map // access token -> *issued
	faults faults
	rids   ridLog

	phoneRoutes map[string]map[string]phoneRoute // path, then method
	backend     http.RoundTripper                // reaches Config.PhoneBackend
	phones      phones
	inbox       inbox
	hungUp      chan struct{}
	hangUp      sync.Once

	pusher        pusher
	knobs         atomic.Pointer[PushKnobs]
	pushTransport http.RoundTripper
	pushConns     *http.Transport // our own transport; nil if the Config has one
}

// New returns an empty sandbox: add an app, templates and users to it, by its methods or by the control API.
func New(cfg Config) (*Sandbox, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	s := &Sandbox{cfg: cfg, seed: maphash.MakeSeed(), hungUp: make(chan struct{})}
	s.rand.rng = cfg.Rand
	s.latency.Store(&cfg.Latency)
	s.endpoints = endpoints()
	s.control = controlRoutes()
	s.phoneRoutes = phoneRoutes()
	s.backend = newBackendTransport(cfg)
	if s.pushTransport = cfg.PushTransport; s.pushTransport == nil {
		s.pushConns = newPushTransport(cfg)
		s.pushTransport = s.pushConns
	}
	s.Reset()
	return s, nil
}

// Reset forgets everything but the Config: apps, users, faults, records, and how far the clock was advanced.
// Events that wait are not sent.
func (s *Sandbox) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		a.push.Store(nil)
	}
	s.pusher.reset()
	knobs := s.cfg.Push
	s.knobs.Store(&knobs)
	s.apps = make(map[string]*app)
	s.ids = nil
	s.nobody = s.newApp(App{})
	s.tokens.Clear()
	s.faults.removeAll()
	s.rids.reset(s.cfg.MaxRIDs)
	s.phones.reset()
	s.inbox.reset()
	s.offset.Store(0)
	latency := s.cfg.Latency
	s.latency.Store(&latency)
}

// app returns the app of that id, or an *ArgError.
func (s *Sandbox) app(appid string) (*app, error) {
	if a := s.findApp(appid); a != nil {
		return a, nil
	}
	return nil, notFound("appid", appid)
}

func (s *Sandbox) findApp(appid string) *app {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.apps[appid]
}

func (s *Sandbox) noApp() *app {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.nobody
}

// user returns a user of an app, or an *ArgError.
func (s *Sandbox) user(appid, openid string) (*app, *user, error) {
	a, err := s.app(appid)
	if err != nil {
		return nil, nil, err
	}
	u := a.user(openid)
	if u == nil {
		return nil, nil, notFound("openid", openid)
	}
	return a, u, nil
}
