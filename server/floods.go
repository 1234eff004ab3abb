package server

import (
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// What one client address may do on the public listener. Phones share addresses, in cafés and behind carriers: these are the coarse
// last line, and the limits of sessions and users come before them.
const (
	// DefaultRequestsPerAddress is how many requests a minute one address may make.
	DefaultRequestsPerAddress = 6000
	// DefaultLoginsPerAddress is how many login codes a minute one address may trade.
	DefaultLoginsPerAddress = 60
	// DefaultMaxConcurrent is how many requests a listener works on at a time.
	DefaultMaxConcurrent = 1024
	// maxAddresses is how many addresses are remembered at a time, twice.
	maxAddresses = 1 << 17
)

func (c *Config) limitDefaults() error {
	for _, p := range c.TrustedProxies {
		if err := checkProxies(p); err != nil {
			return err
		}
	}
	for _, limit := range []struct {
		value  *int
		normal int
	}{
		{&c.ReportsPerMinute, DefaultReportsPerMinute}, {&c.RequestsPerAddress, DefaultRequestsPerAddress},
		{&c.LoginsPerAddress, DefaultLoginsPerAddress}, {&c.MaxConcurrent, DefaultMaxConcurrent},
	} {
		if *limit.value == 0 {
			*limit.value = limit.normal
		}
	}
	return nil
}

// flood bounds how often one address may do something.
type flood struct {
	*limiter[netip.Prefix]
	what string
}

// floods bounds what one address may do.
type floods struct {
	proxies          proxies
	requests, logins *flood
	// hints are what was logged within the last minute.
	hints *limiter[string]
}

func newFloods(c Config) *floods {
	return &floods{
		proxies:  c.TrustedProxies,
		requests: &flood{newLimiter[netip.Prefix](c.RequestsPerAddress, maxAddresses), "requests"},
		logins:   &flood{newLimiter[netip.Prefix](c.LoginsPerAddress, maxAddresses), "logins"},
		hints:    newLimiter[string](1, 16),
	}
}

// perAddress lets a call through as often as an address may make it.
func (s *Server) perAddress(f *flood, h handlerFunc) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := s.count(f, r); err != nil {
			return err
		}
		return h(w, r)
	}
}

// handlerFunc is a handler that may fail.
type handlerFunc = func(w http.ResponseWriter, r *http.Request) error

// count takes one off what the address of a request may do.
func (s *Server) count(f *flood, r *http.Request) error {
	from := s.floods.proxies.client(r)
	if !from.IsValid() {
		return nil
	}
	wait := f.take(network(from), s.cfg.Now())
	if wait <= 0 {
		return nil
	}
	s.hintAt(r)
	p := refuse(rowAddress, "at most "+strconv.Itoa(f.perMinute)+" "+f.what+" a minute are taken of one address")
	p.wait = wait
	return p
}

// hintAt logs, once a minute, that what looks like one address may be a proxy that nobody named.
func (s *Server) hintAt(r *http.Request) {
	if r.Header.Get(forwardedFor) != "" {
		s.hint(r, "an address is over its limit; if it is that of a proxy, it belongs into the trusted proxies", "address", r.RemoteAddr)
		return
	}
	s.hint(r, "an address is over its limit", "address", r.RemoteAddr)
}

// hint logs what many requests would say, once a minute.
func (s *Server) hint(r *http.Request, text string, args ...any) {
	if s.floods.hints.take(text, s.cfg.Now()) == 0 {
		s.cfg.Logger.WarnContext(r.Context(), text, args...)
	}
}

// minWait is told as Retry-After where nothing better is known: a 429 or 503 always has one.
const minWait = time.Second

// waitOf is how long a caller is asked to wait; 0: nothing is said.
func (p *problem) waitOf() time.Duration {
	switch status := p.row.status(); {
	case p.wait > 0:
		return p.wait
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return minWait
	}
	return 0
}
