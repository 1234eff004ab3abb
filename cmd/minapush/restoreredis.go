package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/minapush/minapush/account"
)

// where is what restore works on. A file goes with an embedded store, the time of the copy with one in Redis.
func (r *restoration) where(args []string) (place, error) {
	p, err := r.place()
	switch {
	case err != nil:
	case p.redis == nil && len(args) == 0:
		err = errors.New("FILE: must be given with --store pebble:DIR")
	case p.redis == nil && r.takenAt != "":
		err = errors.New("--taken-at: goes with a --store in Redis; a backup file knows when it was taken")
	case p.redis != nil && len(args) > 0:
		err = errors.New("FILE: goes with --store pebble:DIR; Redis is brought back from its own backup: see docs/operating.md")
	case p.redis != nil && r.takenAt == "":
		err = errors.New("--taken-at: must be given with a --store in Redis: when the copy was taken")
	}
	return p, err
}

// stopRedis stops every app of a store that Redis was brought back with. No server runs on it yet.
func (r *restoration) stopRedis(ctx context.Context, p place) (err error) {
	at, err := time.Parse(time.RFC3339, r.takenAt)
	if err != nil {
		return fmt.Errorf("--taken-at: must look like 2026-11-22T03:00:00+08:00, not %.64q", r.takenAt)
	}
	if err := p.readFiles(r.settings); err != nil {
		return err
	}
	key, err := account.LoadKeyFile(r.keyFile, false)
	if err != nil {
		return fmt.Errorf("--sealing-key-file: %w", err)
	}
	sealer, err := account.OpenSealer(key)
	if err != nil {
		return err
	}
	st, err := p.open(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	accounts, err := account.New(st, sealer, account.Config{})
	if err != nil {
		return err
	}
	sealed, err := account.Sealed(ctx, st)
	if err == nil && !sealed {
		err = errors.New("--store: there is no minapush store: is this the Redis that was brought back, and the prefix right?")
	}
	if err == nil {
		err = accounts.CheckSeal(ctx)
	}
	if err != nil {
		return p.refused(err)
	}
	stopped, err := stopAll(ctx, accounts, at)
	if err != nil {
		return p.refused(err)
	}
	where := hidePassword(r.store)
	return r.tell(restored{Store: where, TakenAt: at.UTC(), Version: version, Apps: stopped, SecretsKept: true}, where)
}
