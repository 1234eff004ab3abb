// Package pebblestore is the embedded store of minapush, on Pebble: the default, one process and one directory.
//
// Every step reads under the lock of its shard, puts all its changes into one Pebble batch, applies that before it unlocks, and
// waits for the log to be synced before it returns; steps that wait at the same time share one sync. A step that changed nothing
// waits until what it read is synced. So what a caller learned is there after kill -9 and after a power loss.
//
// The process owns the directory, so leases live in memory. docs/storage.md describes keys and formats.
//
// This package may change at any release, the formats only with their versions.
package pebblestore

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Config is what a Store can do without.
type Config struct {
	// Now is the clock of leases. Defaults to time.Now.
	Now func() time.Time
	// Logger gets what goes wrong in the background. Defaults to slog.DiscardHandler.
	Logger *slog.Logger
	// CacheBytes bounds the cache of table blocks. Defaults to 64 MiB.
	CacheBytes int64
	// MemTableBytes is how much is written before it becomes a table; up to four times that is in memory. Defaults to 16 MiB.
	MemTableBytes uint64
	// FS is the file system, for tests. Defaults to the operating system's.
	FS vfs.FS
}

const (
	defaultCache    = 64 << 20
	defaultMemTable = 16 << 20
)

func (c *Config) setDefaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.CacheBytes <= 0 {
		c.CacheBytes = defaultCache
	}
	if c.MemTableBytes == 0 {
		c.MemTableBytes = defaultMemTable
	}
	if c.FS == nil {
		c.FS = vfs.Default
	}
	c.FS = private{c.FS}
}

// Store is one open store. It may be used by any number of goroutines.
type Store struct {
	db    *pebble.DB
	files vfs.FS
	lock  *pebble.Lock
	now   func() time.Time
	log   *slog.Logger

	// gate is held shared by every call, and alone by Close.
	gate   sync.RWMutex
	closed bool // guarded by gate

	// broken is set once and for all when a sync was refused: what was applied since the last one may be lost.
	broken atomic.Bool

	lanes []lane
	steps sync.Pool // of *step

	rates rates

	documents lane
	version   uint64 // the last one given to a document; guarded by documents.mu
}

var _ store.Store = (*Store)(nil)

// lanes is over how many locks the shards are spread. Shards that share one wait for each other, and nothing else.
const lanes = 1024

// Open opens the store in a directory, and makes both if they are not there; the directory is then the store's own, with mode
// 0700. Errors: Conflict (another process has it open), Invalid (it is not a store, or of a newer format), Unavailable.
func Open(dir string, cfg Config) (*Store, error) {
	cfg.setDefaults()
	lock, err := claim(dir, cfg.FS)
	if err != nil {
		return nil, err
	}
	db, err := openPebble(dir, lock, cfg)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	s := &Store{db: db, files: cfg.FS, lock: lock, now: cfg.Now, log: cfg.Logger, lanes: make([]lane, lanes)}
	s.steps.New = func() any { return new(step) }
	if s.version, err = readVersion(db); err != nil {
		_ = db.Close()
		_ = lock.Close()
		return nil, interpret("open", err)
	}
	return s, nil
}

// Close waits for steps under way, writes what is in memory into tables, so that the next Open has no log to replay, and releases
// the directory. Later calls return Unavailable; closing again does nothing.
func (s *Store) Close() error {
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var first error
	keep := func(err error) {
		if err != nil && first == nil {
			first = interpret("close", err)
		}
	}
	if !s.broken.Load() {
		keep(s.db.Flush())
	}
	keep(s.db.Close())
	keep(s.lock.Close())
	return first
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
	if s.broken.Load() {
		s.gate.RUnlock()
		return minapush.Errorf(minapush.Unavailable, "the store stopped after its log could not be synced; restart it")
	}
	return nil
}

func (s *Store) leave() { s.gate.RUnlock() }
