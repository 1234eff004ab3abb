package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tiny is a run of the rows that need no program, small enough for a test.
func tiny(t *testing.T, rows ...string) Config {
	return Config{Dir: t.TempDir(), Rows: rows, Users: 150, Permits: 2000, RedisUsers: 200, FilterUsers: 200, Seconds: 0.02, Rounds: 3}
}

func TestTheRowsOfTheStoreAreMeasured(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, "disk", "collect-store", "claim-settle")
	var began []string
	cfg.Began = func(id string, n, of int) { began = append(began, id) }
	report, err := Run(t.Context(), Program{}, cfg)
	must(t, err)
	if want := []string{"collect-store", "claim-settle", "disk"}; !slices.Equal(began, want) {
		t.Errorf("began %v, want %v", began, want)
	}
	for _, r := range report.Rows {
		if r.Error != "" || r.Figure <= 0 || len(r.Sizes) == 0 || r.Target == (Target{}) {
			t.Errorf("%+v", r)
		}
	}
	collect, claim, disk := report.Rows[0], report.Rows[1], report.Rows[2]
	if collect.Limit == nil || collect.Ratio == nil || collect.Reached == nil || len(collect.Rounds) != cfg.Rounds {
		t.Errorf("collect-store: %+v", collect)
	}
	if _, err := exec.LookPath("redis-server"); err == nil && (claim.Limit == nil || claim.Reached == nil || claim.Notes[noteAOF] != "everysec") {
		t.Errorf("claim-settle: %+v", claim)
	}
	if disk.Figure < 16 || disk.Figure > 100 {
		t.Errorf("a form id of 16 random bytes takes %v bytes", disk.Figure)
	}
	left, err := os.ReadDir(cfg.Dir)
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestProfilesAreWrittenOfTimedRows(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, "collect-store")
	cfg.Profiles = filepath.Join(t.TempDir(), "profiles")
	report, err := Run(t.Context(), Program{}, cfg)
	must(t, err)
	for _, name := range []string{"cpu", "allocs-before", "allocs-after"} {
		if info, err := os.Stat(filepath.Join(cfg.Profiles, "collect-store."+name+".pprof")); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v; %s", name, info, err, report.Rows[0].Error)
		}
	}
}

func TestARowThatCannotBeMeasuredSaysWhy(t *testing.T) {
	t.Parallel()
	p := Program{Assemble: func(string, string, func(store.Store) store.Store) (*System, error) {
		return nil, errors.New("no such luck")
	}}
	report, err := Run(t.Context(), p, tiny(t, "collect-http", "disk"))
	must(t, err)
	if len(report.Rows) != 2 || !strings.Contains(report.Rows[0].Error, "no such luck") || report.Rows[0].Reached != nil {
		t.Errorf("%+v", report.Rows)
	}
	if report.Rows[1].Error != "" {
		t.Errorf("the next row was not measured: %s", report.Rows[1].Error)
	}
}

func TestAnInterruptedRunLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, "collect-store")
	cfg.Seconds = 60
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Began = func(string, int, int) { time.AfterFunc(50*time.Millisecond, cancel) }
	if _, err := Run(ctx, Program{}, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	left, err := os.ReadDir(cfg.Dir)
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBadSizesAreRefusedByName(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*Config){
		"rows":         func(c *Config) { c.Rows = []string{"colect"} },
		"users":        func(c *Config) { c.Users = 1 },
		"permits":      func(c *Config) { c.Permits = -1 },
		"seconds":      func(c *Config) { c.Seconds = -1 },
		"in-flight":    func(c *Config) { c.InFlight = -1 },
		"rounds":       func(c *Config) { c.Rounds = 101 },
		"fsync":        func(c *Config) { c.Fsync = "never" },
		"redis-users":  func(c *Config) { c.RedisUsers = 1 },
		"filter-users": func(c *Config) { c.FilterUsers = 1 },
		"store":        func(c *Config) { c.Store = "pebble:x" },
	} {
		cfg := tiny(t)
		change(&cfg)
		_, err := Run(t.Context(), Program{}, cfg)
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestALimitIsTheMeanOfThoseBeforeAndAfter(t *testing.T) {
	t.Parallel()
	b := &bench{Config: Config{Rounds: 2}}
	limits, figures := []float64{10, 30, 50}, []float64{40, 20}
	next := func(from *[]float64) func(context.Context) (float64, error) {
		return func(context.Context) (float64, error) {
			v := (*from)[0]
			*from = (*from)[1:]
			return v, nil
		}
	}
	rounds, err := b.interleave(t.Context(), next(&limits), next(&figures))
	must(t, err)
	var r Result
	r.sum(rounds)
	if *rounds[0].Limit != 20 || *rounds[1].Limit != 40 || *rounds[0].Ratio != 2 || *rounds[1].Ratio != 0.5 {
		t.Errorf("rounds %v, %v", rounds[0], rounds[1])
	}
	if r.Figure != 30 || *r.Limit != 30 || *r.Ratio != 1.25 {
		t.Errorf("figure %v, limit %v, ratio %v", r.Figure, *r.Limit, *r.Ratio)
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for want, values := range map[float64][]float64{0: nil, 7: {7}, 3: {9, 3, 1}, 2.5: {4, 1, 2, 3}} {
		if got := median(values); got != want {
			t.Errorf("median of %v is %v, want %v", values, got, want)
		}
	}
}

func TestATargetIsJudgedByAllThatItAsks(t *testing.T) {
	t.Parallel()
	ratio := func(v float64) *float64 { return &v }
	yes, no := true, false
	for name, c := range map[string]struct {
		r    Result
		want *bool
	}{
		"ratio reached":                 {Result{Ratio: ratio(8), Target: Target{RatioAtLeast: 8}}, &yes},
		"ratio missed":                  {Result{Ratio: ratio(7.99), Target: Target{RatioAtLeast: 8}}, &no},
		"figure reached":                {Result{Figure: 45, Target: Target{FigureAtMost: 45}}, &yes},
		"figure missed":                 {Result{Figure: 46, Target: Target{FigureAtMost: 45}}, &no},
		"both reached":                  {Result{Figure: 1, Ratio: ratio(1.1), Target: Target{RatioAtMost: 1.1, FigureAtMost: 2}}, &yes},
		"ratio of both missed":          {Result{Figure: 1, Ratio: ratio(1.2), Target: Target{RatioAtMost: 1.1, FigureAtMost: 2}}, &no},
		"figure of both missed":         {Result{Figure: 3, Ratio: ratio(1), Target: Target{RatioAtMost: 1.1, FigureAtMost: 2}}, &no},
		"no limit":                      {Result{Missing: NeedsRedis, Target: Target{RatioAtLeast: 15}}, nil},
		"sizes of another kind":         {Result{Figure: 1, Unjudged: TooSmall, Target: Target{FigureAtMost: 2}}, nil},
		"nothing was measured":          {Result{Error: "no", Target: Target{FigureAtMost: 2}}, nil},
		"there is nothing to be judged": {Result{Figure: 1}, nil},
	} {
		c.r.judge()
		if (c.r.Reached == nil) != (c.want == nil) || c.want != nil && *c.r.Reached != *c.want {
			t.Errorf("%s: %+v", name, c.r)
		}
	}
}

func TestRateEndsWithTheFirstError(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	_, err := rate(t.Context(), time.Hour, 4, func(*rand.Rand) (func(context.Context) error, error) {
		return func(context.Context) error {
			if calls.Add(1) == 1000 {
				return errors.New("the thousandth")
			}
			return nil
		}, nil
	})
	if err == nil || !strings.Contains(err.Error(), "the thousandth") {
		t.Errorf("ended with %v", err)
	}
}

func TestEachNumberIsMetOnce(t *testing.T) {
	t.Parallel()
	var met [1000]atomic.Int64
	must(t, each(t.Context(), len(met), 16, func(_ context.Context, _ *rand.Rand, i int) error {
		met[i].Add(1)
		return nil
	}))
	for i := range met {
		if n := met[i].Load(); n != 1 {
			t.Errorf("%d was met %d times", i, n)
		}
	}
	wrong := errors.New("wrong")
	if err := each(t.Context(), 10, 3, func(context.Context, *rand.Rand, int) error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("ended with %v", err)
	}
}

func TestMadeUpUsersAndCodesAreGood(t *testing.T) {
	t.Parallel()
	seen := map[minapush.OpenID]bool{}
	for n := range 10_000 {
		o := openID(n)
		if err := o.Validate(); err != nil || len(o) != 28 || seen[o] || o != openID(n) {
			t.Fatalf("user %d is %q: %v", n, o, err)
		}
		seen[o] = true
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		if reason, ok := minapush.CheckFormID(string(appendCode(nil, r))); !ok {
			t.Fatal(reason)
		}
	}
}

func TestAForgetfulStoreKeepsNothingWhileItIsOn(t *testing.T) {
	t.Parallel()
	st, err := pebblestore.Open(t.TempDir(), pebblestore.Config{})
	must(t, err)
	defer st.Close()
	f := &forgetful{Store: st}
	app, o, now := storeApp(1), openID(1), time.Now()
	permits := forms(rand.New(rand.NewPCG(1, 2)), 3, now)
	f.on.Store(true)
	got, err := f.Deposit(t.Context(), app.Shard(o), o, store.Deposit{Now: now, Permits: permits})
	must(t, err)
	if !slices.Equal(got.Items, []store.Accepted{store.Added, store.Added, store.Added}) {
		t.Errorf("answered %v", got.Items)
	}
	if _, err := st.User(t.Context(), app.Shard(o), o); !errors.Is(err, minapush.NotFound) {
		t.Errorf("the user is there: %v", err)
	}
	f.on.Store(false)
	must(t, deposit(t.Context(), f, app, o, permits, now))
	u, err := st.User(t.Context(), app.Shard(o), o)
	must(t, err)
	if len(u.Permits) != 3 {
		t.Errorf("%d permits", len(u.Permits))
	}
}
