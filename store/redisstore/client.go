package redisstore

import (
	"context"
	"net"
	"time"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
)

// connLifetime is how long a connection is used. One address may lead to another server after a fail-over, while connections that are
// open still lead to the old one, which has become a replica and refuses to write: so long it may take until it is left.
const connLifetime = time.Minute

// connBuffer is how much a connection reads and writes at once: a batch of some hundred users.
const connBuffer = 128 << 10

// connect makes the client. It speaks RESP2, which every server and proxy knows, and keeps nothing in memory that could be stale.
func connect(cfg Config) (rueidis.Client, error) {
	option := rueidis.ClientOption{
		InitAddress:         append([]string(nil), cfg.Addresses...),
		TLSConfig:           cfg.TLS,
		Username:            cfg.Username,
		Password:            cfg.Password,
		SelectDB:            cfg.DB,
		ClientSetInfo:       rueidis.DisableClientSetInfo,
		AlwaysRESP2:         true,
		DisableCache:        true,
		Dialer:              net.Dialer{Timeout: cfg.Timeout, KeepAlive: time.Second},
		ConnWriteTimeout:    cfg.Timeout,
		ReadBufferEachConn:  connBuffer,
		WriteBufferEachConn: connBuffer,
		RingScaleEachConn:   9,
		ConnLifetime:        cfg.lifetime,
	}
	client, err := rueidis.NewClient(option)
	if err == nil || len(cfg.Addresses) > 1 {
		return client, err
	}
	if e, ok := rueidis.IsRedisErr(err); !ok || isAuth(e) {
		return nil, err
	}
	// A proxy in front of many servers that looks like one, and will not hear of clusters.
	option.ForceSingleClient = true
	return rueidis.NewClient(option)
}

// bound ends a call after the store's timeout, or when its context ends.
func (s *Store) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout)
}

// writing is the context of a write: once on its way it is waited for even if the caller has gone, until the caller's deadline or the
// store's timeout, whichever is first. So a caller who gave up seldom leaves a step behind of which nobody knows what became of it.
func (s *Store) writing(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	within, cancel := context.WithTimeout(ctx, s.timeout)
	if own, _ := within.Deadline(); !bounded || own.Before(deadline) {
		return within, cancel
	}
	cancel()
	return context.WithDeadline(ctx, deadline)
}

// write runs a script that is a step by itself.
func (s *Store) write(ctx context.Context, c *script, keys, args []string) (rueidis.RedisMessage, error) {
	if err := s.enter(ctx); err != nil {
		return rueidis.RedisMessage{}, err
	}
	defer s.leave()
	ctx, cancel := s.writing(ctx)
	defer cancel()
	m, err := c.run(ctx, s.client, keys, args)
	if rueidis.IsRedisNil(err) {
		return m, nil // an answer like any other
	}
	return m, interpret("", err)
}

// read does one read.
func (s *Store) read(ctx context.Context, f func(ctx context.Context) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	ctx, cancel := s.bound(ctx)
	defer cancel()
	return interpret("", f(ctx))
}

// fenced does a write and, with Config.WaitReplicas, waits until as many replicas have it, and with it all that was written to the
// same server before. It asks on the connection of the write, as the server wants it.
func (s *Store) fenced(ctx context.Context, write func(context.Context, doer) error) error {
	ctx, cancel := s.writing(ctx)
	defer cancel()
	if s.wait == 0 {
		return write(ctx, s.client)
	}
	on, release := s.client.Dedicate()
	defer release()
	if err := write(ctx, on); err != nil {
		return err
	}
	return s.waitReplicas(ctx, on)
}

// waitReplicas waits until as many replicas as are configured have what was written on a connection.
func (s *Store) waitReplicas(ctx context.Context, on doer) error {
	if s.wait == 0 {
		return nil
	}
	// Half of the store's timeout, so that the answer, how many there are, comes before the context ends.
	n, err := on.Do(ctx, on.B().Wait().Numreplicas(int64(s.wait)).Timeout(s.timeout.Milliseconds()/2).Build()).AsInt64()
	if e, ok := rueidis.IsRedisErr(err); ok {
		return minapush.Errorf(minapush.Unavailable, "Redis does not wait for replicas (WAIT), which the configuration asks for: %w", e)
	}
	if err == nil && n < int64(s.wait) {
		return minapush.Errorf(minapush.Unavailable, "%d of %d replicas have what was marked: nothing of it may be sent", n, s.wait)
	}
	return err
}
