package storetest

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// checkUser holds one user against its rows of all batches.
type checkUser struct {
	place  checkUserPlace
	user   store.User
	report *checkReport

	rows      []minapush.Delivery
	inHand    []minapush.Delivery // held or being sent
	suspected []minapush.Delivery
	used      map[checkCode]int // how often each code was sent for good
}

// checkCode names one code in one life: after its expiry the same code would be another permit.
type checkCode struct {
	kind     minapush.PermitKind
	identity string
	expires  int64
}

func checkCodeOf(p minapush.Permit) checkCode {
	return checkCode{p.Kind, p.Identity, p.ExpiresAt.Unix()}
}

func (c *checkUser) say(invariant, format string, args ...any) {
	c.report.say(invariant, c.place, format, args...)
}

func (c *checkUser) row(d minapush.Delivery) {
	c.rows = append(c.rows, d)
	switch d.State {
	case minapush.HeldState, minapush.Sending:
		c.inHand = append(c.inHand, d)
		if d.Attempt == 0 {
			c.say("I2", "row of %q is %v without an attempt", d.Batch, d.State)
		}
	case minapush.Suspected:
		c.suspected = append(c.suspected, d)
	}
	if d.Outcome == minapush.Skipped && d.Reason == minapush.ReasonOptedOut && d.Permit.Kind != 0 {
		c.say("I4", "row of %q is skipped since the user opted out, but has a %v permit", d.Batch, d.Permit.Kind)
	}
	if d.Permit.Kind.HasCode() && (d.Outcome == minapush.Accepted || d.Outcome == minapush.Unknown) {
		if c.used == nil {
			c.used = map[checkCode]int{}
		}
		c.used[checkCodeOf(d.Permit)]++
	}
}

func (c *checkUser) check() {
	c.checkSeen()
	c.checkCounts()
	c.checkCodes()
	c.checkBusy()
	if n := c.match(minapush.Held, c.inHand); n > 1 {
		c.say("I2", "%d permits are held at a time", n)
	}
	c.match(minapush.Suspect, c.suspected)
	c.checkRecent()
}

// checkSkew is how far clocks of nodes that are told of a user may differ. It decides nothing but what checkSeen calls wrong.
const checkSkew = time.Minute

// checkSeen: who was told of before it was seen, by a profile, an event or a void, may have been first seen then, and has nothing until a deposit
// comes. Nobody says of a user that it was a void.
func (c *checkUser) checkSeen() {
	p := c.user.Profile
	switch told := p.Version > 0 || len(c.user.Events) > 0 || c.user.LastSeen.IsZero(); {
	case c.user.LastSeen.Before(c.user.FirstSeen.Add(-checkSkew)) && !told:
		c.say("I5", "was last seen at %v, before it was first seen at %v", c.user.LastSeen, c.user.FirstSeen)
	case c.user.LastSeen.IsZero() && (c.user.Counts != minapush.Counts{} || len(c.user.Permits) > 0):
		c.say("I5", "was never seen, but has or had permits: %+v", c.user.Counts)
	case p.Version == 0 && (p.UID != "" || len(p.Tags)+len(p.Attributes) > 0 || p.OptOut != minapush.OptOutNone):
		c.say("I5", "has a profile of version 0")
	}
	if err := p.Validate(); err != nil {
		c.say("I5", "has a profile that is not valid: %v", err)
	}
}

// checkCounts: I1, from the counters and again from the permits.
func (c *checkUser) checkCounts() {
	n := c.user.Counts
	if !n.Closes() {
		c.say("I1", "counts do not close: %+v", n)
	}
	if min(n.Deposited, n.Available, n.Held, n.Suspect, n.Spent, n.Dead, n.Expired, n.Evicted, n.Erased) < 0 {
		c.say("I1", "a count is negative: %+v", n)
	}
	var has minapush.Counts
	for _, h := range c.user.Permits {
		if h.Evidence > minapush.ByBoth || h.Evidence == minapush.ByBoth && h.Kind != minapush.Subscription {
			c.say("I5", "%v permit %q has evidence %d", h.Kind, h.Identity, h.Evidence)
		}
		if h.Kind == minapush.Standing {
			continue
		}
		if h.Uses < 1 {
			c.say("I1", "%v permit %q is live with %d uses", h.Kind, h.Identity, h.Uses)
		}
		has.Available += int64(h.Uses)
		switch h.State {
		case minapush.Held:
			has.Available--
			has.Held++
		case minapush.Suspect:
			has.Available--
			has.Suspect++
		}
	}
	if has.Available != n.Available || has.Held != n.Held || has.Suspect != n.Suspect {
		c.say("I1", "counts say %d available, %d held, %d suspect; its permits are %d, %d, %d",
			n.Available, n.Held, n.Suspect, has.Available, has.Held, has.Suspect)
	}
}

// checkCodes: no code is there twice, and none is there with uses that went out already.
func (c *checkUser) checkCodes() {
	seen := map[checkCode]bool{}
	for _, h := range c.user.Permits {
		if !h.Kind.HasCode() {
			continue
		}
		code := checkCodeOf(h.Permit)
		if seen[code] {
			c.say("I2", "has the %v permit %q twice", h.Kind, h.Identity)
		}
		seen[code] = true
		if used := c.used[code]; used > 0 && used+h.Uses > h.Kind.Uses() {
			c.say("I2", "%v permit %q has %d uses left although it went out %d times", h.Kind, h.Identity, h.Uses, used)
		}
	}
	for code, used := range c.used {
		if used > code.kind.Uses() {
			c.say("I2", "%v permit %q went out %d times", code.kind, code.identity, used)
		}
	}
}

// checkBusy: one delivery in hand at most, and the user knows which.
func (c *checkUser) checkBusy() {
	if len(c.inHand) > 1 {
		c.say("I2", "%d deliveries are in hand at a time, of %q and %q", len(c.inHand), c.inHand[0].Batch, c.inHand[1].Batch)
	}
	busy := c.user.Busy
	switch {
	case busy == nil && len(c.inHand) > 0:
		c.say("I2", "is not busy, but its row of %q is %v", c.inHand[0].Batch, c.inHand[0].State)
	case busy != nil && len(c.inHand) == 0:
		c.say("I2", "is busy with %+v, which is not in hand", *busy)
	case busy != nil && *busy != store.RefOf(c.inHand[0]):
		c.say("I2", "is busy with %+v, but in hand is %+v", *busy, store.RefOf(c.inHand[0]))
	}
	if c.user.Erasing && busy == nil {
		c.say("I5", "is being erased, but nothing is in hand that this could wait for")
	}
}

// match pairs the permits in a state with the rows that must have them, and returns how many there are.
func (c *checkUser) match(state minapush.PermitState, rows []minapush.Delivery) int {
	left := make([]minapush.Holding, 0, 1)
	for _, h := range c.user.Permits {
		if h.State == state {
			left = append(left, h)
		}
	}
	n := len(left)
	for _, d := range rows {
		if d.Permit.Kind == 0 {
			c.say("I2", "row of %q is %v without a permit", d.Batch, d.State)
			continue
		}
		if i := checkFind(left, d.Permit); i >= 0 {
			left = append(left[:i], left[i+1:]...)
		} else {
			c.lost(d)
		}
	}
	for _, h := range left {
		c.say("I2", "permit %v %q of template %q is %v, but no row has it", h.Kind, h.Identity, h.Template, state)
	}
	return n
}

func checkFind(list []minapush.Holding, p minapush.Permit) int {
	for i, h := range list {
		if checkSame(h.Permit, p) {
			return i
		}
	}
	return -1
}

// checkSame tells whether two readings name one permit. Of a permit without a code the identity may be given in another form.
func checkSame(a, b minapush.Permit) bool {
	return a.Kind == b.Kind && a.Template == b.Template && a.TakenAt.Equal(b.TakenAt) && a.ExpiresAt.Equal(b.ExpiresAt) &&
		(!a.Kind.HasCode() || a.Identity == b.Identity)
}

// lost looks for the permit of a row that has none. A refusal that is believed, or an openid that is no good, voids permits that
// other deliveries of the user have: then the permit is gone and counted as dead. Anything else is a violation.
func (c *checkUser) lost(d minapush.Delivery) {
	if d.Permit.Kind.HasCode() {
		for _, h := range c.user.Permits {
			if h.Kind == d.Permit.Kind && h.Identity == d.Permit.Identity {
				c.say("I2", "row of %q is %v, but its permit %q is %v", d.Batch, d.State, h.Identity, h.State)
				return
			}
		}
	}
	if c.user.Counts.Dead == 0 && d.Permit.Kind != minapush.Standing {
		c.say("I2", "row of %q is %v, but its %v permit %q is not in its hand", d.Batch, d.State, d.Permit.Kind, d.Permit.Identity)
	}
}

// checkFlow sums what the users of one shard have.
type checkFlow struct {
	users map[minapush.PermitKind]int64 // uses by kind
	past  minapush.Counts               // what their own counters say
}

func (f *checkFlow) add(u store.User) {
	f.past = f.past.Add(u.Counts)
	for _, h := range u.Permits {
		if h.Kind != minapush.Standing {
			f.users[h.Kind] += int64(h.Uses)
		}
	}
}

// compare holds the counters of a shard against its users. Users of the past are in the counters too.
func (f *checkFlow) compare(r *checkReport, place checkShardPlace, flow map[minapush.PermitKind]minapush.Counts) {
	var sum minapush.Counts
	for _, kind := range minapush.PermitKinds {
		c := flow[kind]
		sum = sum.Add(c)
		if min(c.Deposited, c.Spent, c.Dead, c.Expired, c.Evicted, c.Erased) < 0 {
			r.say("I1", place, "a flow of %v permits is negative: %+v", kind, c)
		}
		if c.Available != 0 || c.Held != 0 || c.Suspect != 0 {
			r.say("I1", place, "flow of %v permits has states in it: %+v", kind, c)
		}
		if kind == minapush.Standing && c != (minapush.Counts{}) {
			r.say("I1", place, "standing permits are counted: %+v", c)
		}
		if left := c.Deposited - c.Spent - c.Dead - c.Expired - c.Evicted - c.Erased; left != f.users[kind] {
			r.say("I1", place, "flow leaves %d uses of %v permits, but users have %d", left, kind, f.users[kind])
		}
	}
	p := f.past
	if p.Deposited > sum.Deposited || p.Spent > sum.Spent || p.Dead > sum.Dead || p.Expired > sum.Expired || p.Evicted > sum.Evicted {
		r.say("I1", place, "users count more than flowed: %+v of %+v", p, sum)
	}
}
