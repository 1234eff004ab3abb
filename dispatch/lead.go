package dispatch

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
)

// lead is the lease by which one node at a time leads an app: it alone sends first waves, and judges refusals. It is the lease of a
// shard that no app has, so it lapses like any other when its node is gone.
type lead struct {
	lease delivery.Lease            // of the goroutine that keeps it
	ends  atomic.Pointer[time.Time] // until when it is surely ours, by the clock of this process; nil: it is not
}

// leadShard is the shard whose lease it is. Apps have far fewer.
const leadShard = math.MaxUint32

// leads tells whether this node leads the app now.
func (r *runner) leads() bool {
	ends := r.lead.ends.Load()
	return ends != nil && time.Now().Before(*ends) //arch:allow a duration inside the process
}

// keepLead takes the lead when nobody has it, and keeps it until ctx ends. again is when to try next.
func (r *runner) keepLead(ctx context.Context, again time.Duration) {
	for sleep(ctx, again) {
		again = r.tryLead(ctx)
	}
	if r.lead.ends.Swap(nil) != nil {
		if err := r.d.ledger.Release(context.WithoutCancel(ctx), r.lead.lease); err != nil {
			r.d.cfg.Logger.Debug("lead not released, it will lapse", "app", r.id, "err", err)
		}
	}
}

// tryLead takes or renews the lead and says when to try again.
func (r *runner) tryLead(ctx context.Context) time.Duration {
	ttl := r.d.cfg.Lease
	asked := time.Now() //arch:allow a duration inside the process
	led := r.leads()
	var err error
	if led {
		err = r.d.ledger.Renew(ctx, r.lead.lease, ttl)
	} else {
		r.lead.ends.Store(nil)
		r.lead.lease, err = r.d.ledger.Acquire(ctx, minapush.Shard{App: r.number, N: leadShard}, r.d.cfg.Owner, ttl)
	}
	switch {
	case err == nil:
		ends := asked.Add(ttl * 9 / 10)
		r.lead.ends.Store(&ends)
		if !led {
			r.d.Kick()
		}
		return ttl / 3
	case led && errors.Is(err, minapush.Conflict):
		r.lead.ends.Store(nil)
	}
	return time.Second
}
