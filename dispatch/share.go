package dispatch

import (
	"context"
	"time"

	"github.com/minapush/minapush/delivery"
)

// beat tells the other nodes that this one is there, and counts them, while there is work and until ctx ends.
func (d *Dispatcher) beat(ctx context.Context) {
	nodes := d.ledger.Nodes(d.cfg.Owner, d.cfg.Lease)
	next := time.NewTimer(d.cfg.Lease / 3)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			d.leave(context.WithoutCancel(ctx), nodes)
			return
		case <-next.C:
			next.Reset(d.cfg.Lease / 3)
		case <-d.begun:
			next.Reset(2 * d.cfg.Poll) // until then the others have begun, too
		}
		if !d.working.Load() {
			continue
		}
		n, err := nodes.Beat(ctx, d.cfg.Now())
		if err == nil {
			d.nodes.Store(int32(n))
		} else if ctx.Err() == nil {
			d.cfg.Logger.Warn("nodes not counted", "err", err)
		}
	}
}

// works notes whether a look found campaigns to work on.
func (d *Dispatcher) works(now bool) {
	if now && !d.working.Swap(now) {
		select {
		case d.begun <- struct{}{}:
		default:
		}
	}
	d.working.Store(now)
}

// leave tells the other nodes that this one has ended; if it cannot, they find out.
func (d *Dispatcher) leave(ctx context.Context, nodes *delivery.Nodes) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := nodes.Leave(ctx); err != nil {
		d.cfg.Logger.Debug("node not taken away", "err", err)
	}
}

// alone tells that this node has seen no other.
func (d *Dispatcher) alone() bool { return d.nodes.Load() <= 1 }

// fair is how many shards of the app this node may hold at a time: all if it is alone, else its part. The caller holds mu or not.
func (r *runner) fair() int {
	n := max(1, int(r.d.nodes.Load()))
	return (r.shards + n - 1) / n
}

// occupation says who of this node is in a shard.
type occupation uint8

const (
	free occupation = iota
	kept            // by the janitor
	visited
	leaving // visited, and on its way out for another node
)

// yield tells a visit that this node holds more shards than its part, and counts it as gone: it is to leave, so that another node can
// take the shard.
func (r *runner) yield(shard uint32) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.visits <= r.fair() || r.active[shard] != visited {
		return false
	}
	r.active[shard] = leaving
	r.visits--
	return true
}
