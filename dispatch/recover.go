package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/minapush/minapush"
)

// recoverAll recovers every shard once, before anything is sent. A shard whose lease another node holds is that node's to recover.
func (r *runner) recoverAll(ctx context.Context) bool {
	for n := range r.shards {
		for {
			err := r.recoverShard(ctx, uint32(n))
			if err == nil || errors.Is(err, minapush.Conflict) {
				break
			}
			r.later(err, "shard not recovered", uint32(n))
			if !sleep(ctx, time.Second) {
				return false
			}
		}
	}
	return ctx.Err() == nil
}

// recoverShard deals with what an owner that is gone left in a shard.
func (r *runner) recoverShard(ctx context.Context, n uint32) error {
	l, now := r.d.ledger, r.d.cfg.Now()
	shard := minapush.Shard{App: r.number, N: n}
	if _, err := l.RecoverPushes(ctx, shard, now); err != nil {
		return err
	}
	lease, err := l.Acquire(ctx, shard, r.d.cfg.Owner, r.d.cfg.Lease)
	if err != nil {
		return err
	}
	found, err := l.Recover(ctx, lease, now)
	if err == nil && found.Released+found.Resend+found.Unknown > 0 {
		r.d.cfg.Logger.Info("shard recovered", "app", r.id, "shard", n, "released", found.Released, "resend", found.Resend, "unknown", found.Unknown)
	}
	return errors.Join(err, l.Release(ctx, lease))
}

// janitor ends pushes whose caller is gone, and recovers shards of nodes that are gone.
func (r *runner) janitor(ctx context.Context) {
	for sleep(ctx, r.d.cfg.RecoverEvery) {
		for n := range r.shards {
			r.mu.Lock()
			active := r.active[n] != free
			if !active {
				r.active[n] = kept // the workers keep away meanwhile
			}
			r.mu.Unlock()
			if active {
				if _, err := r.d.ledger.RecoverPushes(ctx, minapush.Shard{App: r.number, N: uint32(n)}, r.d.cfg.Now()); err != nil {
					r.later(err, "pushes not recovered", uint32(n))
				}
				continue
			}
			if err := r.recoverShard(ctx, uint32(n)); err != nil {
				r.later(err, "shard not recovered", uint32(n))
			}
			r.left(n, time.Time{})
		}
	}
}

// runCtx is the context of the runner's life.
func (r *runner) runCtx() context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ctx
}
