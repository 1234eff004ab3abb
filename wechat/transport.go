package wechat

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/minapush/minapush"
)

const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
	idleTimeout      = 30 * time.Second
	maxAnswerHeader  = 64 << 10
)

// NewTransport makes the transport of a Client that has up to maxInFlight requests unanswered at a time, over all apps;
// 1024 if it is not positive. Its connections stay open for reuse for 30 s, well below what common servers allow, and none is
// closed for want of room, since handshakes cost far more than messages. It speaks HTTP/1.1 only: one lost segment of an HTTP/2
// connection would hold many messages. A proxy is taken from the environment as net/http does. The answer's time is
// bounded by the Client, and so is everything else; dialling and the TLS handshake have 5 s each. The cloud's own service for this
// machine (minapush.CloudMetadata) is never dialled.
//
// Its connections tell the Client whether a byte of a request was taken. Through an HTTPS proxy they tell it less exactly: a
// message that did not leave may then count as one that may have.
func NewTransport(maxInFlight int) *http.Transport {
	return newTransport(maxInFlight, (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Control: refuseMetadata}).DialContext)
}

// refuseMetadata keeps connections from the cloud's own service for this machine, whatever name led there.
func refuseMetadata(_, addr string, _ syscall.RawConn) error {
	if at, err := netip.ParseAddrPort(addr); err == nil && minapush.CloudMetadata(at.Addr()) {
		return fmt.Errorf("%s is the cloud's own service for this machine, and never asked", addr)
	}
	return nil
}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

func newTransport(maxInFlight int, dial dialFunc) *http.Transport {
	if maxInFlight <= 0 {
		maxInFlight = defaultInFlight
	}
	http1 := new(http.Protocols)
	http1.SetHTTP1(true)
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		MaxIdleConnsPerHost:    maxInFlight, // MaxIdleConns stays 0: no other limit
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    handshakeTimeout, // of proxied connections; the others are below
		MaxResponseHeaderBytes: maxAnswerHeader,
		DisableCompression:     true,
		Protocols:              http1,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(64)},
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: conn}, nil
	}
	// The TLS connection is wrapped from outside, so that its own records (alerts, key updates) are not taken for the request's.
	t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		secured, err := handshake(ctx, conn, addr, t.TLSClientConfig)
		if err != nil {
			_ = conn.Close()
			return nil, err
		}
		return &countedConn{Conn: secured}, nil
	}
	return t
}

func handshake(ctx context.Context, conn net.Conn, addr string, cfg *tls.Config) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	cfg = cfg.Clone()
	cfg.NextProtos = []string{"http/1.1"}
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		cfg.ServerName = host
	}
	secured := tls.Client(conn, cfg)
	return secured, secured.HandshakeContext(ctx)
}

// countedConn knows whether bytes written to it were taken. Over TLS a byte counts once its whole record was taken: the far side
// can read no part of one.
type countedConn struct {
	net.Conn
	taken atomic.Int64 // writes that took a byte or are under way
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.taken.Add(1)
	n, err := c.Conn.Write(p)
	if n == 0 {
		c.taken.Add(-1)
	}
	return n, err
}

// counted finds the countedConn below a connection of net/http, nil if there is none.
func counted(conn net.Conn) *countedConn {
	for {
		switch c := conn.(type) {
		case *countedConn:
			return c
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}

// trail follows one request to its connection.
type trail struct {
	mu      sync.Mutex
	got     bool
	reused  bool
	conn    *countedConn
	start   int64
	earlier bool // an earlier connection of the same request, tried by a foreign transport, took bytes or may have
	answer  bool // the first byte of an answer was read
}

func (t *trail) onAnswer() {
	t.mu.Lock()
	t.answer = true
	t.mu.Unlock()
}

func (t *trail) answered() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.answer
}

// onConn notes the connection that the request got, just before it is written.
func (t *trail) onConn(conn net.Conn, reused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.earlier = t.earlier || (t.got && !t.untouched())
	t.got, t.reused, t.conn = true, reused, counted(conn)
	if t.conn != nil {
		t.start = t.conn.taken.Load()
	}
}

func (t *trail) untouched() bool { return t.conn != nil && t.conn.taken.Load() == t.start }

// notSent tells that no byte of the request left, and whether it was to go over a connection used before.
//
// net/http returns an error only after its writer of that connection ended, so the count is final. It never repeats one of our
// requests by itself, not even a GET: all have a body without GetBody, and none an Idempotency-Key (Transport.shouldRetryRequest).
func (t *trail) notSent(err error, native bool) (unsent, reused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.earlier:
		return false, t.reused
	case t.conn != nil:
		return t.untouched(), t.reused
	case !t.got && native:
		return true, false
	}
	return dialFailed(err), t.reused
}
