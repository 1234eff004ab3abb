// Package redisstore is the store of minapush on Redis, Redis Cluster or Valkey, for several processes at a time.
//
// All keys of a shard carry one hash tag, so that a step of the contract touches one slot. A step reads what it needs, lets the pure
// transitions of store/record happen, and hands all its changes to one script, which writes them if what was read is still so, and
// nothing otherwise (many rows go by MULTI and EXEC under WATCH); then the step begins anew. So there is one place that knows what may
// happen to a permit, whatever the store, and the server, whose one thread everybody shares, has little to do. Deposits, which are many
// and small, are a script of their own: it adds what is plainly new without a look at the rest.
//
// What a caller learned was written to the server's append-only file; whether that is on disk is the server's configuration. With
// Config.WaitReplicas, rows are only sent once their marks have reached so many replicas. docs/storage.md describes keys and formats,
// scripts/ each script.
//
// This package may change at any release, the formats only with their versions.
package redisstore

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Config says where the server is, and how it is used.
type Config struct {
	// Addresses are those of one server, "127.0.0.1:6379", or of some nodes of a cluster, which tell of the others. At least one.
	Addresses []string
	// TLS, if not nil, is used to connect.
	TLS *tls.Config
	// Username and Password are those of the server's access list. Without a Username it is the default user; without both nobody is
	// named.
	Username, Password string
	// DB is the number of the database; 0 in a cluster.
	DB int
	// Prefix is what all keys begin with, so that others may use the server too: letters, digits and _ . : -. Defaults to "minapush".
	Prefix string
	// WaitReplicas is how many replicas must have what was marked before it may be sent. 0: it is not waited for them. FindOut: for 1
	// if there are any when the store is opened.
	WaitReplicas int
	// Timeout bounds every call, whatever its context says, and the connecting. Defaults to 5 s.
	Timeout time.Duration
	// Logger gets what is noticed on the way. Defaults to slog.DiscardHandler.
	Logger *slog.Logger

	lifetime time.Duration // of a connection; tests do not wait for connLifetime
}

// FindOut leaves Config.WaitReplicas to what the servers have.
const FindOut = -1

const (
	defaultPrefix  = "minapush"
	defaultTimeout = 5 * time.Second
)

func (c *Config) setDefaults() {
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.lifetime <= 0 {
		c.lifetime = connLifetime
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

func (c *Config) validate() error {
	switch {
	case len(c.Addresses) == 0:
		return minapush.FieldError("addresses", "must name at least one server")
	case !prefixes.MatchString(c.Prefix):
		return minapush.FieldError("prefix", "must be 1 to 64 letters, digits or _ . : -, not %q", c.Prefix)
	case c.DB < 0:
		return minapush.FieldError("db", "must not be below 0")
	case c.WaitReplicas < FindOut:
		return minapush.FieldError("wait_replicas", "must not be below 0")
	}
	return nil
}

// Store is one open store. It may be used by any number of goroutines, and any number of processes may have one over the same data.
type Store struct {
	client  rueidis.Client
	scripts *scripts
	prefix  string
	timeout time.Duration
	wait    int
	log     *slog.Logger

	watchFrom int         // tests watch with fewer rows, too
	transacts atomic.Bool // MULTI and EXEC are known to be taken

	// gate is held shared by every call, and alone by Close.
	gate   sync.RWMutex
	closed bool // guarded by gate

	stamps  atomic.Uint32 // the stamp of the last user made here; starts anywhere
	members members
	recalls recalls

	again atomic.Int64 // how often a step began anew since somebody else was first
}

var _ store.Store = (*Store)(nil)

// Open connects to the server and makes sure that it can be used: that it is not a replica, not older than 6.2, and that what it has
// under the prefix is a store of a format that this release knows, or nothing. Errors: Invalid (none of these), Unauthorized (user,
// password), Unavailable.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	texts, err := loadScripts()
	if err != nil {
		return nil, err
	}
	client, err := connect(cfg)
	if err != nil {
		return nil, understand("connect to Redis", err)
	}
	s := &Store{client: client, scripts: texts, prefix: cfg.Prefix, timeout: cfg.Timeout, wait: cfg.WaitReplicas, log: cfg.Logger, watchFrom: watchFrom}
	var seed [4]byte
	if _, err = rand.Read(seed[:]); err == nil {
		s.stamps.Store(binary.BigEndian.Uint32(seed[:]))
		err = s.checkServer(ctx)
	}
	if err != nil {
		client.Close()
		return nil, understand("open the store", err)
	}
	return s, nil
}

// Close waits for steps under way and ends the connections. Later calls return Unavailable; closing again does nothing.
func (s *Store) Close() error {
	s.gate.Lock()
	defer s.gate.Unlock()
	if !s.closed {
		s.closed = true
		s.client.Close()
	}
	return nil
}

// enter lets a call in; leave ends it.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return &minapush.Error{Kind: minapush.Unavailable, Err: err}
	}
	s.gate.RLock()
	if s.closed {
		s.gate.RUnlock()
		return minapush.Errorf(minapush.Unavailable, "the store is closed")
	}
	return nil
}

func (s *Store) leave() { s.gate.RUnlock() }

// newStamp is the stamp of a user who is new. If somebody reads a user, and meanwhile the user goes and comes back, the two stamps must
// differ: they do but for one in four billion, and only then.
func (s *Store) newStamp() uint32 { return s.stamps.Add(0x9E3779B1) }

// newVersion is by how much a write moves the version of its shard. It is another number each time, so that no version comes back: not
// even where a server has forgotten the last writes that it had acknowledged, and others came in their place.
func (s *Store) newVersion() int64 { return int64(s.newStamp()>>12) + 1 }
