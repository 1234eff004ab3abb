package audience

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	// MaxSample is the largest sample that a Counter draws.
	MaxSample = 10_000
	// countPage is how many users are read at a time.
	countPage = 256
)

// Walker reads users in order, as store.Permits does.
type Walker interface {
	Walk(ctx context.Context, s minapush.Shard, after minapush.OpenID, limit int, beside ...string) ([]store.User, error)
}

// Counter counts for whom expressions hold. It may be used by any number of goroutines.
type Counter struct {
	st  Walker
	now func() time.Time
}

// NewCounter makes a counter over a store, with the clock by which its questions are asked.
func NewCounter(st Walker, now func() time.Time) *Counter { return &Counter{st: st, now: now} }

// Question is what a Counter is asked.
type Question struct {
	// Where is who is counted; nil: everybody.
	Where *Expression
	// Kind and Template are those of the message's template; without them Reachable is not told.
	Kind     minapush.TemplateKind
	Template string
	// Sample is how many users are drawn by chance, up to MaxSample; 0: none. Rand is what they are drawn with: needed for a sample, and
	// used by this question alone.
	Sample int
	Rand   *rand.Rand
}

// Count is what a Counter found up to now.
type Count struct {
	// Walked counts the users looked at, and Matched those for whom it holds. Users being erased are not counted at all.
	Walked, Matched int64
	// Reachable counts those of Matched who have not opted out and hold a permit that serves the template and could be spent at At. It is
	// 0 without a template.
	Reachable int64
	// OptedOut counts those of Matched who opted out of campaigns.
	OptedOut int64
	// ShardsDone of Shards are through.
	ShardsDone, Shards int
	// At is when the count began: the time for which the question is asked.
	At time.Time
	// Sample are some of Matched, in no particular order: each has the same chance. Only the last Count has it.
	Sample []minapush.OpenID
}

// Count looks at every user of an app once, page by page, so its memory does not grow with the users. report, unless it is nil, is
// called after each page, from the same goroutine. What changes while it goes on may be counted as it was or as it is. Beside an error
// Count is as far as it came, without a sample. Errors: Invalid, naming the field; Unavailable; the end of ctx.
func (c *Counter) Count(ctx context.Context, app minapush.App, q Question, report func(Count)) (Count, error) {
	if err := q.check(app); err != nil {
		return Count{}, err
	}
	if q.Where == nil {
		q.Where = new(Expression)
	}
	p := pass{q: q, sum: Count{At: c.now().UTC(), Shards: app.Shards}, report: report}
	for n := range uint32(app.Shards) {
		if err := p.shard(ctx, c.st, minapush.Shard{App: app.Number, N: n}); err != nil {
			return p.sum, fmt.Errorf("count users of app %s, shard %d: %w", app.ID, n, err)
		}
	}
	p.sum.Sample = p.sample
	return p.sum, nil
}

func (q Question) check(app minapush.App) error {
	switch {
	case q.Sample < 0 || q.Sample > MaxSample:
		return minapush.FieldError("sample", "must be from 0 to %d, not %d", MaxSample, q.Sample)
	case q.Sample > 0 && q.Rand == nil:
		return minapush.FieldError("rand", "must be given for a sample")
	}
	return checkApp(app)
}

// pass is one count under way.
type pass struct {
	q      Question
	sum    Count
	sample []minapush.OpenID
	report func(Count)
}

func (p *pass) shard(ctx context.Context, st Walker, s minapush.Shard) error {
	beside := p.q.Where.Campaigns()
	for after := minapush.OpenID(""); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		users, err := st.Walk(ctx, s, after, countPage, beside...)
		if err != nil {
			return err
		}
		for i := range users {
			p.user(&users[i])
		}
		if len(users) == 0 { // a store may return less than there is
			p.sum.ShardsDone++
		} else {
			after = users[len(users)-1].OpenID
		}
		if p.report != nil {
			p.report(p.sum)
		}
		if len(users) == 0 {
			return nil
		}
	}
}

func (p *pass) user(u *store.User) {
	if u.Erasing {
		return
	}
	p.sum.Walked++
	a := Asked{Now: p.sum.At, Kind: p.q.Kind, Template: p.q.Template}
	if !p.q.Where.Holds(u, a) {
		return
	}
	p.sum.Matched++
	if u.Profile.OptOut != minapush.OptOutNone {
		p.sum.OptedOut++
	} else if a.Kind != "" && canReach(u, &a) {
		p.sum.Reachable++
	}
	p.draw(u.OpenID)
}

// canReach tells whether a user holds a permit that serves the message and could be spent now.
func canReach(u *store.User, a *Asked) bool {
	for i := range u.Permits {
		if h := &u.Permits[i]; serves(h, a) && spendable(h, a.Now) > 0 {
			return true
		}
	}
	return false
}

// draw lets the newest of Matched take its chance: the first ones are in the sample, and each later one takes the place of one of them as
// often as leaves all the same chance (reservoir sampling).
func (p *pass) draw(o minapush.OpenID) {
	if len(p.sample) < p.q.Sample {
		p.sample = append(p.sample, minapush.OpenID(strings.Clone(string(o)))) // its page is not kept
		return
	}
	if p.q.Sample == 0 {
		return
	}
	if place := p.q.Rand.Int64N(p.sum.Matched); place < int64(p.q.Sample) {
		p.sample[place] = minapush.OpenID(strings.Clone(string(o)))
	}
}
