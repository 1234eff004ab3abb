package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"context"

	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/minapush/minapush/store/redisstore"
)

// place is where everything is kept: what --store says.
type place struct {
	dir   string             // of the embedded store; empty: it is in Redis
	redis *redisstore.Config // nil: it is embedded
}

// parsePlace reads --store.
func parsePlace(s string) (place, error) {
	if dir, ok := strings.CutPrefix(s, "pebble:"); ok && dir != "" {
		return place{dir: dir}, nil
	}
	if strings.HasPrefix(s, "redis://") || strings.HasPrefix(s, "rediss://") {
		cfg, err := redisstore.ParseURL(s)
		if err != nil {
			return place{}, fmt.Errorf("--store: %w", err)
		}
		return place{redis: &cfg}, nil
	}
	return place{}, errors.New("--store: must be pebble:DIR, redis://HOST:PORT or rediss://HOST:PORT") // it may hold a password: it is not repeated
}

// opened is a store that is open.
type opened struct {
	store.Store
	// checkpoint copies the store while it is in use; nil: it cannot.
	checkpoint func(ctx context.Context, dir string) error
}

func (p place) open(ctx context.Context, log *slog.Logger) (opened, error) {
	if p.redis != nil {
		cfg := *p.redis
		cfg.Logger = log
		st, err := redisstore.Open(ctx, cfg)
		return opened{Store: st}, err
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return opened{}, err
	}
	st, err := pebblestore.Open(filepath.Join(p.dir, "db"), pebblestore.Config{Logger: log})
	if err != nil {
		return opened{}, err
	}
	return opened{Store: st, checkpoint: st.Checkpoint}, nil
}
