package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// patience is how long a listener waits for its callers, so that none of them holds a connection for nothing. The work on a request is
// bounded by its handler, which also moves these times along with a stream that gets on. Zero fields have the defaults of listen.
type patience struct {
	// header is the time for the head of a request, from the start of the connection or from the first byte of a later request.
	// Defaults to 10 s.
	header time.Duration
	// read is the time for a whole request. Defaults to 1 min.
	read time.Duration
	// write is the time from the end of the head to the end of the answer. Defaults to 2 min.
	write time.Duration
	// idle is the time between two requests. Defaults to 2 min.
	idle time.Duration
}

func (p patience) withDefaults() patience {
	for _, t := range []struct {
		value  *time.Duration
		normal time.Duration
	}{{&p.header, 10 * time.Second}, {&p.read, time.Minute}, {&p.write, 2 * time.Minute}, {&p.idle, 2 * time.Minute}} {
		if *t.value == 0 {
			*t.value = t.normal
		}
	}
	return p
}

// maxHeader is how many bytes the head of a request may have; more are answered 431.
const maxHeader = 64 << 10

// listener is one HTTP server on an address that is already open, so that port 0 has become a number.
type listener struct {
	server *http.Server
	net.Listener
}

// listen opens an address. Half-open and slow clients are cut off; the handlers bound their own work.
func listen(addr string, h http.Handler, log *slog.Logger) (*listener, error) {
	return listenFor(addr, h, log, patience{})
}

// listenFor is listen with a patience of its own.
func listenFor(addr string, h http.Handler, log *slog.Logger, p patience) (*listener, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	p = p.withDefaults()
	return &listener{
		Listener: l,
		server: &http.Server{
			Handler: h, ReadHeaderTimeout: p.header, ReadTimeout: p.read, WriteTimeout: p.write, IdleTimeout: p.idle,
			MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}, nil
}

// url is where the listener is reached.
func (l *listener) url() string { return "http://" + l.Addr().String() }

// serve answers until shut down.
func (l *listener) serve() error {
	if err := l.server.Serve(l.Listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// shut waits for the requests under way, at most for the time given, and closes.
func (l *listener) shut(wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	if l.server.Shutdown(ctx) != nil {
		_ = l.server.Close()
	}
}
