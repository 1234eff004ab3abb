package dispatch

import (
	"context"
	"slices"
	"time"

	"github.com/minapush/minapush"
)

// Several nodes send one campaign. The one that leads the app sends the first wave, while the others wait; then all send. Answers of all
// make one window of refusals: the others tell theirs by counts in the campaign's document, and the one that leads rules, tells its
// rulings there, and each node carries them out in the shards where it has suspects. In a storm only the one that leads sends, suspects
// that it tries again. What is told is read with every look at the campaigns.

// leader tells whether this node decides for the campaign. The caller holds mu.
func (c *campaignRun) leader() bool { return c.led && c.leads() }

// waits tells that this node has to wait for the one that leads. The caller holds mu.
func (c *campaignRun) waits() bool { return !c.leader() && (!c.fleet.Opened || c.fleet.Storm) }

// confer brings together what this node knows of a campaign and what its document said at the last look: see above. Changed tells that
// every shard is to be looked at.
func (r *runner) confer(c *campaignRun, now time.Time) (changed bool) {
	c.mu.Lock()
	if c.state != minapush.Running || c.ctx.Err() != nil {
		c.mu.Unlock()
		return false
	}
	if leads := c.leads(); leads != c.led {
		changed = true
		c.turn(leads)
	}
	others := counted(c.told).less(c.heard)
	c.heard = counted(c.told)
	var what ruling
	var shards []uint32
	if c.led {
		// What this node had not told before it led is part of the window, too.
		what = c.storm.add(others.accepted+c.untold.accepted, others.refused+c.untold.refused, now)
		c.sawInStage(others)
		c.untold = count{}
		c.rule(what, now)
	} else {
		shards = c.obey()
	}
	tell := what == noRuling && c.differs() // a ruling is told as it is made
	if tell {
		c.writing++
	}
	c.mu.Unlock()
	r.ruled(c, what)
	r.nowDue(shards)
	if tell {
		r.share(c)
	}
	r.judgeFailures(c)
	return changed
}

// count is some answers: those that tell of a storm, or of none, and those that tell of something broken.
type count struct{ accepted, refused, failed int64 }

func counted(f minapush.Fleet) count { return count{f.Accepted, f.Refused, f.Failed} }

// countOf is one answer.
func countOf(o minapush.Outcome, refused bool) (n count) {
	switch {
	case refused:
		n.refused = 1
	case o == minapush.Accepted:
		n.accepted = 1
	case o == minapush.Failed:
		n.failed = 1
	}
	return n
}

func (n *count) add(m count) {
	*n = count{n.accepted + m.accepted, n.refused + m.refused, n.failed + m.failed}
}

func (n count) all() int64 { return n.accepted + n.refused + n.failed }

func (n count) less(m count) count {
	return count{n.accepted - m.accepted, n.refused - m.refused, n.failed - m.failed}
}

// turn begins or ends the lead. The caller holds mu.
func (c *campaignRun) turn(leads bool) {
	c.led = leads
	c.asked = map[uint32]bool{}
	switch {
	case leads && c.fleet.Storm && c.storm.phase == calm:
		c.storm.phase, c.storm.share = storming, c.fleet.Share // that of the node that led before, or of before a stop
		for shard := range c.shards {
			c.suspected[uint32(shard)] = c.judgedAt
		}
	case !leads:
		c.fleet = c.told
		c.storm = storm{cfg: c.storm.cfg, baseline: c.storm.baseline}
	}
}

// obey carries out the rulings that came since the last look, and returns the shards where there is something to do. The caller holds mu.
func (c *campaignRun) obey() (shards []uint32) {
	for _, r := range c.fleet.Rulings {
		if !r.Until.After(c.ruledAt) {
			continue
		}
		c.ruledAt = r.Until
		shards = append(shards, c.carryOut(ruledAs(r).ruling, r.Until)...)
	}
	return shards
}

// carryOut puts a ruling before the shards that have suspects. The caller holds mu.
func (c *campaignRun) carryOut(r ruling, until time.Time) (shards []uint32) {
	for shard, last := range c.suspected {
		c.toRule[shard] = append(c.toRule[shard], ruled{r, until})
		delete(c.drained, shard)
		shards = append(shards, shard)
		if !last.After(until) {
			delete(c.suspected, shard)
		}
	}
	return shards
}

// differs tells whether the document lacks something that this node is to tell. The caller holds mu.
func (c *campaignRun) differs() bool {
	if !c.led {
		return c.untold != (count{})
	}
	c.fleet.Opened = c.fleet.Opened || c.judged >= c.firstWave
	c.fleet.Storm = c.storm.phase != calm
	same := func(a, b minapush.Ruling) bool { return a.Believe == b.Believe && a.Until.Equal(b.Until) }
	return c.fleet.Opened != c.told.Opened || c.fleet.Storm != c.told.Storm || !slices.EqualFunc(c.fleet.Rulings, c.told.Rulings, same)
}

// share tells the other nodes, for which the caller raised c.writing.
func (r *runner) share(c *campaignRun) {
	c.mu.Lock()
	c.differs()
	led, mine, more := c.led, c.fleet, c.untold
	c.untold = count{} // if the write is lost, so are they: better than twice
	c.mu.Unlock()
	err := r.write(c, "share", func(ctx context.Context) error {
		return r.d.planner.Share(ctx, r.id, c.id, func(f *minapush.Fleet) {
			if led {
				f.Opened, f.Storm, f.Rulings = mine.Opened, mine.Storm, mine.Rulings
			}
			f.Accepted += more.accepted
			f.Refused += more.refused
			f.Failed += more.failed
		})
	})
	if err == nil && led {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.told.Opened, c.told.Storm, c.told.Rulings = mine.Opened, mine.Storm, mine.Rulings
	}
}

// opens tells once that the first wave has been answered, so that the other nodes hear of it soon.
func (c *campaignRun) opens() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fleet.Opened || c.judged < c.firstWave || !c.led {
		return false
	}
	c.fleet.Opened = true
	return true
}

// lastCall gives the other nodes time to tell their last answers before the last window is closed: it returns when to come back, or zero if
// that was done.
func (c *campaignRun) lastCall(now time.Time, alone bool) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if alone {
		return time.Time{}
	}
	if c.called.IsZero() {
		c.called = now.Add(lastCallTime)
	}
	if now.Before(c.called) {
		return c.called
	}
	c.called = time.Time{}
	return time.Time{}
}

// lastCallTime is how long that is: a few looks at campaigns.
const lastCallTime = 2 * time.Second
