package dispatch

import (
	"maps"
	"slices"
	"time"

	"github.com/minapush/minapush"
)

// What is ruled of refusals in doubt (storm.go) is carried out shard by shard, in the order of the rulings.

// rule begins to carry out a ruling in the shards that have suspects, or the wait of a storm. The caller holds mu.
func (c *campaignRun) rule(r ruling, now time.Time) {
	switch r {
	case believe, disbelieve:
		if r == disbelieve {
			c.stageSaw.refused = 0 // they were not the users'
		}
		c.ruledAt = latest(now, c.judgedAt).UTC().Truncate(time.Millisecond)
		c.carryOut(r, c.ruledAt)
		c.fleet.Rule(minapush.Ruling{Believe: r == believe, Until: c.ruledAt})
		c.writing++
		// After a recheck every shard goes on where the storm stopped it.
		c.over, c.asked = c.over || len(c.asked) > 0, map[uint32]bool{}
	case wait:
		if c.doubted = c.rollout != nil; !c.doubted { // else it is stopped
			c.hold = minapush.Hold{Why: minapush.Reason{Code: reasonStorm}, Until: now.Add(c.storm.cfg.Wait)}
		}
		c.writing++
	}
}

// shardsToRule lists the shards in which the last ruling is still to be carried out; all tells that every shard is to be looked at.
func (c *campaignRun) shardsToRule() (shards []uint32, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, c.over = c.over, false
	return slices.Collect(maps.Keys(c.toRule)), all
}

// unresolved tells which ruling is to be carried out next in a shard. A shard may be slow: a ruling does not replace the one before it,
// which may be another.
func (c *campaignRun) unresolved(shard uint32, skip string, now time.Time) ruled {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case skip != "" && c.doubts():
		return ruled{disbelieve, latest(now, c.judgedAt)} // skipped like all who are left, with their permits
	case skip != "":
		return ruled{believe, latest(now, c.judgedAt)} // nobody is tried again
	case len(c.toRule[shard]) == 0:
		return ruled{}
	}
	return c.toRule[shard][0]
}

// resolvedIn says that a ruling was carried out in a shard.
func (c *campaignRun) resolvedIn(shard uint32, r ruled) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if left := c.toRule[shard]; len(left) > 1 && left[0] == r {
		c.toRule[shard] = left[1:]
	} else if len(left) == 1 && left[0] == r {
		delete(c.toRule, shard)
	}
}

// handOut asks how many suspects of a shard to try again. A shard that comes while all are handed out is turned away: it was not asked, and
// comes again when some are taken back.
func (c *campaignRun) handOut(shard uint32) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.storm.phase != rechecking || c.asked[shard] {
		return 0
	}
	n := c.storm.handOut(c.storm.recheckLeft)
	if n == 0 {
		c.turnedAway[shard] = true
		return 0
	}
	c.asked[shard] = true
	return n
}

// takeBack says that n of those were not there, or, if it failed, that nobody knows: then the shard is to be asked again. When every shard
// was asked the recheck ends with what it has; until then those that were turned away are to come again.
func (c *campaignRun) takeBack(shard uint32, n int, failed bool, now time.Time) (r ruling, again []uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.storm.takeBack(n)
	if failed {
		delete(c.asked, shard)
	}
	if len(c.asked) < c.shards {
		if n > 0 {
			again = slices.Collect(maps.Keys(c.turnedAway))
			clear(c.turnedAway)
		}
		return noRuling, again
	}
	r = c.storm.noMore()
	c.rule(r, now)
	return r, nil
}

// closeWindow ends the window of refusals if it is time, or if suspects are left and nothing else is: then left are the sums.
func (c *campaignRun) closeWindow(now time.Time, left *minapush.Tally) ruling {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.leader() {
		return noRuling
	}
	r := c.storm.idle(now, left != nil)
	switch {
	case left == nil || r == wait:
	case c.mistrusts(*left):
		r, c.storm.phase = wait, storming
	case c.storm.phase == calm:
		r = believe // those left by a node that is gone, too: no window speaks against them, and they may be in any shard
		for shard := range uint32(c.shards) {
			c.suspected[shard] = c.judgedAt
			c.ruleAgain(shard)
		}
	}
	c.rule(r, now)
	return r
}

// ruleAgain puts the rulings so far before a shard once more: the node whose suspects they are may be slow to carry them out, or gone. The
// caller holds mu.
func (c *campaignRun) ruleAgain(shard uint32) {
	if len(c.toRule[shard]) > 0 {
		return
	}
	for _, r := range c.fleet.Rulings {
		c.toRule[shard] = append(c.toRule[shard], ruledAs(r))
	}
}

// askAnew lets n more suspects be drawn, in any shard, instead of as many that told nothing. The caller holds mu.
func (c *campaignRun) askAnew(n int) {
	c.storm.takeBack(n)
	c.asked = map[uint32]bool{}
}

// untried says that n rows were given back without being sent. In a recheck others must be drawn instead.
func (c *campaignRun) untried(n int) ruling {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n == 0 || c.storm.phase != rechecking {
		return noRuling
	}
	c.askAnew(n)
	return askAgain
}

// ruled is a ruling on the suspects up to a time.
type ruled struct {
	ruling ruling
	until  time.Time
}

// ruledAs is a ruling as the campaign's document has it.
func ruledAs(r minapush.Ruling) ruled {
	if r.Believe {
		return ruled{believe, r.Until}
	}
	return ruled{disbelieve, r.Until}
}
