package server

import (
	"net/http"
	"net/netip"
)

// ClientOf is where a request came from, if these proxies are trusted.
func ClientOf(trusted []netip.Prefix, r *http.Request) netip.Addr { return proxies(trusted).client(r) }

// NetworkOf is what an address counts as.
func NetworkOf(a netip.Addr) netip.Prefix { return network(a) }

// AnswerError answers with the problem of an error.
func AnswerError(w http.ResponseWriter, err error) { writeProblem(w, problemOf(err)) }

// AddressesRemembered is how many addresses a server remembers the requests of, and the most that it would.
func (s *Server) AddressesRemembered() (now, most int) {
	l := s.floods.requests
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.now) + len(l.old), 2 * l.most
}

// Inside is how many requests of how many addresses are being worked on behind the public door.
func (s *Server) Inside() (requests, addresses int) {
	d := s.doors.public
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inside, len(d.by)
}

// BearerOf is the credential of a request.
func BearerOf(r *http.Request) (string, error) { return bearer(r) }
