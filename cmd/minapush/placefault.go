package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/minapush/minapush"
)

// exitConfig is the exit status when a store cannot be used before somebody changes something: starting again would not help, and
// deploy/minapush.service does not. Everything else that is wrong at the start ends with 1: it may mend by itself.
const exitConfig = 78

const slowTodo = "is Redis running there? check host, port and firewall"

// remedies say what to do about a Redis that cannot be used, by what its error holds; the first that fits.
var remedies = []struct{ holds, todo string }{
	{"may not do this", "give its user the rights that docs/operating.md names under Redis"},
	{"one is configured here", "leave the password out of --store, or set one in Redis (requirepass, or a user)"},
	{"look like a TLS handshake", "this port speaks no TLS: write redis:// instead of rediss://, or give the TLS port"},
	{"unknown authority", "name the authority's certificate by --store-ca-file"},
	{"x509:", "name the host as its certificate does, or renew the certificate"},
	{"is a replica", "give the address of its master, or those of the cluster"},
	{"is too old", "bring it to 6.2 or newer"},
	{"this binary knows up to", "start the release of minapush that wrote it, or a newer one; nothing was changed"},
	{"newer release wrote", "start the release of minapush that wrote it, or a newer one; nothing was changed"},
	{"are not a minapush store", "choose another prefix: --store redis://…?prefix=NAME; nothing was changed"},
	{"out of memory", "raise maxmemory, or make room in it"},
	{"Cluster is down", "see which masters are missing (redis-cli --cluster check HOST:PORT) and start them"},
	{"no such host", "check the name of the host"},
	{"connection refused", "is Redis running there? check host and port"},
	{"does not know, or does not allow", "minapush needs the commands of Redis 6.2 with EVALSHA: see docs/operating.md under Redis"},
	{"EOF", "check host and port; if the port speaks TLS, write rediss://"},
	{"connection reset", "check host and port; if the port speaks TLS, write rediss://"},
	{"in time", slowTodo},
	{"timeout", slowTodo},
}

// fault says on one line what is wrong with a store in Redis, and what to do about it. Neither holds the password.
func (p place) fault(err error) error {
	if err == nil || p.redis == nil {
		return err
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	status, todo := 1, "see docs/operating.md under Redis"
	if errors.Is(err, minapush.Unauthorized) {
		status, todo = exitConfig, "put user and password right: in --store, or --store-password-file"
	}
	for _, part := range []string{"tls: ", "x509: ", "may not do this", "newer release wrote"} {
		if errors.Is(err, minapush.Invalid) || strings.Contains(text, part) {
			status = exitConfig
		}
	}
	for _, r := range remedies {
		if strings.Contains(text, r.holds) {
			todo = r.todo
			break
		}
	}
	if todo == slowTodo && p.redis.TLS != nil { // a Redis without TLS waits for the end of a line that never comes
		todo += "; if the port speaks no TLS, write redis://"
	}
	return exitError{status: status, err: fmt.Errorf("--store: Redis at %s: %w", strings.Join(p.redis.Addresses, ","), told{text + "; what to do: " + todo, err})}
}

// refused is fault for errors of a store that was opened: those that are not its own pass.
func (p place) refused(err error) error {
	var exit exitError
	if errors.As(err, &exit) || !errors.Is(err, minapush.Unavailable) {
		return err
	}
	return p.fault(err)
}

// told is an error in other words.
type told struct {
	text string
	err  error
}

func (t told) Error() string { return t.text }
func (t told) Unwrap() error { return t.err }
