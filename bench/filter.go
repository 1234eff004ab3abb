package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
)

const (
	filterUsers = 1_000_000 // for which the target is set
	// filterWhere holds for everybody in the store, so that each of its conditions is looked at.
	filterWhere = `{"all": [{"seen_within": "30d"}, {"tag": "member"}, {"event": {"name": "checkin", "within": "30d"}}]}`
)

// filter is how many users a second a campaign walks whose audience has three conditions that everybody meets. Its limit is the same
// walk of the same store without an audience. Nobody has a permit for the message, so that nothing but the walk is measured.
func filter(ctx context.Context, b *bench) (res Result, err error) {
	res = Result{Unit: UsersPerSecond, LimitUnit: UsersPerSecond, Target: Target{RatioAtLeast: 0.7}}
	if b.FilterUsers < filterUsers {
		res.Unjudged = TooSmall
	}
	dir, done, err := b.place()
	if err != nil {
		return res, err
	}
	defer done()
	app := storeApp(b.FilterUsers)
	res.Sizes = map[string]float64{
		"users": float64(b.FilterUsers), "permits_per_user": filterPermits, "batch": claimBatch, "workers": claimWorkers, "shards": float64(app.Shards),
		"rounds": float64(b.Rounds), "conditions": 3,
	}
	path := filepath.Join(dir, "db")
	if err := b.filterRounds(ctx, path, app, &res); err != nil {
		return res, err
	}
	return res, b.filterMemory(ctx, path, &res)
}

// filterPermits is how many permits, of another template, each user has.
const filterPermits = 3

// filterRounds fills a store, and walks it with the audience and without in turns.
func (b *bench) filterRounds(ctx context.Context, dir string, app minapush.App, res *Result) (err error) {
	st, err := pebblestore.Open(dir, pebblestore.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := fillPeople(ctx, st, app, b.FilterUsers); err != nil {
		return err
	}
	f, err := filterAudience()
	if err != nil {
		return err
	}
	w := walker{st: st, app: app, users: b.FilterUsers}
	if _, err := w.walk(ctx, filtering{}, nil); err != nil { // so that what is read from disk is in the system's cache for both
		return err
	}
	rounds, err := b.interleave(ctx,
		func(ctx context.Context) (float64, error) { return w.walk(ctx, filtering{}, nil) },
		func(ctx context.Context) (float64, error) { return w.walk(ctx, f, nil) })
	res.sum(rounds)
	return err
}

// fillPeople makes users of whom something is known: permits, a tag, an event, and when they were seen.
func fillPeople(ctx context.Context, st store.Store, app minapush.App, n int) error {
	return each(ctx, n, loaders, func(ctx context.Context, r *rand.Rand, i int) error {
		now, o := time.Now().UTC(), openID(i)
		permits := forms(r, filterPermits, now)
		if err := deposit(ctx, st, app, o, permits, now); err != nil {
			return err
		}
		p := minapush.Profile{
			Tags: []string{"member"}, Attributes: map[string]minapush.Attribute{"level": {Kind: minapush.Number, Number: float64(i % 10)}},
		}
		if _, err := st.PutProfile(ctx, app.Shard(o), o, p, now); err != nil {
			return err
		}
		_, err := st.NoteEvents(ctx, app.Shard(o), o, []minapush.NamedEvent{{Name: "checkin", At: now}}, true, now)
		return err
	})
}

// filterAudience is what a campaign asks of each user.
func filterAudience() (filtering, error) {
	e, err := audience.Parse(json.RawMessage(filterWhere))
	if err != nil {
		return filtering{}, fmt.Errorf("the audience of the benchmark: %w", err)
	}
	return filtering{e.Looks(), func(u *store.User) bool {
		return e.Holds(u, audience.Asked{Now: time.Now(), Kind: minapush.OneTimeTemplate, Template: template})
	}}, nil
}

// filtering is an audience as a batch has it; the zero filtering is everybody.
type filtering struct {
	looks store.Looks
	holds func(*store.User) bool
}

// walker lets campaigns walk all users of a store.
type walker struct {
	st        store.Store
	app       minapush.App
	users     int
	campaigns int
}

// walk is one campaign, and returns how many users a second it met. Each shard that is through is told to passed, unless that is nil.
func (w *walker) walk(ctx context.Context, f filtering, passed func()) (float64, error) {
	w.campaigns++
	id := fmt.Sprintf("01FILTER%018d", w.campaigns)
	var met atomic.Int64
	began := time.Now()
	err := each(ctx, w.app.Shards, claimWorkers, func(ctx context.Context, _ *rand.Rand, n int) error {
		k, err := w.walkShard(ctx, minapush.Shard{App: w.app.Number, N: uint32(n)}, id, f, began.UTC())
		met.Add(int64(k))
		if passed != nil {
			passed()
		}
		return err
	})
	took := time.Since(began).Seconds()
	if n := met.Load(); err == nil && n != int64(w.users) {
		err = fmt.Errorf("%d of %d users were met", n, w.users)
	}
	return float64(met.Load()) / took, err
}

func (w *walker) walkShard(ctx context.Context, sh minapush.Shard, id string, f filtering, now time.Time) (met int, err error) {
	lease, err := w.st.Acquire(ctx, sh, "bench", time.Hour)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.st.Release(ctx, lease)) }()
	batch := store.Batch{
		Campaign: id, Need: store.Need{Kind: minapush.OneTimeTemplate, Template: template, Content: 1}, Started: now.Add(time.Second), Now: now,
		Limit: claimBatch, Audience: f.holds, Looks: f.looks,
	}
	for {
		got, err := w.st.ReserveBatch(ctx, lease, batch)
		if err != nil {
			return met, err
		}
		if met += got.Examined; got.Done {
			return met, nil
		}
	}
}

// filterMemory walks the store once more with the audience, in a process of its own, and notes how much memory that took when a quarter of
// the shards were through, and at the end.
func (b *bench) filterMemory(ctx context.Context, dir string, res *Result) error {
	c, err := b.spawn(ctx, task{Do: "walk", Dir: dir, Users: b.FilterUsers})
	if err != nil {
		return err
	}
	r, err := c.reply()
	if err != nil {
		return err
	}
	res.Notes = map[string]string{"memory": "untold"}
	if r.QuarterBytes > 0 && r.PeakBytes > 0 {
		res.Notes["memory"] = strconv.FormatFloat(float64(r.PeakBytes)/float64(r.QuarterBytes), 'f', 2, 64)
		res.Sizes["memory_quarter_mb"], res.Sizes["memory_mb"] = float64(r.QuarterBytes/1e6), float64(r.PeakBytes/1e6)
	}
	return c.end()
}

// childWalk walks a store with the audience of the row filter and tells how much memory that took. Where the system does not tell of
// memory, none is told of.
func childWalk(ctx context.Context, t task) (r reply, err error) {
	st, err := pebblestore.Open(t.Dir, pebblestore.Config{CacheBytes: filterCache})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	f, err := filterAudience()
	if err != nil {
		return r, err
	}
	w := walker{st: st, app: storeApp(t.Users), users: t.Users, campaigns: childCampaigns}
	var through atomic.Int64
	quarter := int64(max(1, w.app.Shards/4))
	_, err = w.walk(ctx, f, func() {
		if through.Add(1) == quarter {
			r.QuarterBytes, _ = peakMemory()
		}
	})
	r.PeakBytes, _ = peakMemory()
	return r, err
}

// filterCache is a cache that is full long before a quarter of the users were read, so that it does not pass for memory that grows with them.
const filterCache = 8 << 20

// childCampaigns is more than campaigns walked before the child's.
const childCampaigns = 1_000_000
