package record_test

import (
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

func standing(taken time.Time) minapush.Permit {
	return minapush.Permit{Kind: minapush.Standing, Template: "t", TakenAt: taken}
}

func hold(t *testing.T, r *record.Record, k minapush.PermitKind) minapush.Permit {
	t.Helper()
	c := r.Reserve(record.Ref{Batch: "b", Attempt: 1}, record.Need{Kinds: []minapush.PermitKind{k}, Template: "t"}, record.Guard{}, at(time.Hour))
	if !c.OK {
		t.Fatal("nothing to hold")
	}
	return c.Permit
}

func TestAVoidEndsWhatIsAvailableAndWasTakenByThen(t *testing.T) {
	r := record.New(at(0))
	form := minapush.Permit{Kind: minapush.FormID, Template: "t", Identity: code(1), TakenAt: at(0), ExpiresAt: at(minapush.CodeLife)}
	other := told(minapush.ByBackend, "o", at(0))
	other.Template = "other"
	three := told(minapush.ByBackend, "three", at(0))
	three.Uses = 3
	bring(&r, at(0), form, other, three, standing(at(0)), told(minapush.ByBackend, "by then", at(time.Minute)),
		told(minapush.ByBackend, "later", at(time.Minute+time.Second)))
	died, f, changed := r.Void("t", at(time.Minute+900*time.Millisecond), at(0), manyIdentities)
	if died != 5 || f[minapush.Subscription].Dead != 4 || !changed {
		t.Errorf("%d died, %+v", died, f)
	}
	if n := r.Live(); n != 3 {
		t.Errorf("%d are left", n)
	}
	for _, until := range []time.Time{at(time.Minute), at(0)} {
		bring(&r, at(0), told(minapush.ByBackend, "again", at(0)))
		if died, f, changed := r.Void("t", until, at(0), manyIdentities); died != 0 || !f.IsZero() || changed {
			t.Errorf("until %v %d died, %+v", until, died, f)
		}
	}
}

func TestAUseInHandDiesWhenItWouldComeBack(t *testing.T) {
	for _, c := range []struct {
		name string
		kind minapush.PermitKind
		back func(r *record.Record, p *minapush.Permit) record.Flow
		dead int64
	}{
		{"released", minapush.Subscription, func(r *record.Record, p *minapush.Permit) record.Flow { return r.Release(p, manyIdentities) }, 1},
		{"trusted", minapush.Subscription, func(r *record.Record, p *minapush.Permit) record.Flow {
			r.Suspect(p)
			return r.Trust(p, manyIdentities)
		}, 1},
		{"standing, released", minapush.Standing, func(r *record.Record, p *minapush.Permit) record.Flow { return r.Release(p, manyIdentities) }, 0},
		{"standing, used", minapush.Standing, func(r *record.Record, p *minapush.Permit) record.Flow { return r.Spend(p, true, manyIdentities) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := standing(at(0))
			if c.kind == minapush.Subscription {
				p = told(minapush.ByClient, "a", at(0))
			}
			r := record.New(at(0))
			bring(&r, at(0), p)
			held := hold(t, &r, c.kind)
			if died, _, changed := r.Void("t", at(time.Hour), at(0), manyIdentities); died != 0 || !changed {
				t.Fatalf("%d died in hand", died)
			}
			r, err := r.Rewritten()
			if err != nil {
				t.Fatal(err)
			}
			if f := c.back(&r, &held); f[c.kind].Dead != c.dead || f[c.kind].Spent != 0 {
				t.Errorf("got %+v", f)
			}
			if r.Live() != 0 || !r.Counts().Closes() {
				t.Errorf("%d are left, %+v", r.Live(), r.Counts())
			}
		})
	}
}

func TestAUseInHandIsSpentAlthoughItWasSwitchedOff(t *testing.T) {
	r := record.New(at(0))
	two := told(minapush.ByBackend, "a", at(0))
	two.Uses = 2
	bring(&r, at(0), two)
	held := hold(t, &r, minapush.Subscription)
	if died, f, _ := r.Void("t", at(0), at(0), manyIdentities); died != 1 || f[minapush.Subscription].Dead != 1 {
		t.Errorf("%d died, %+v", died, f)
	}
	if f := r.Spend(&held, true, manyIdentities); f[minapush.Subscription] != (minapush.Counts{Spent: 1}) || r.Live() != 0 {
		t.Errorf("%+v, %d left", f, r.Live())
	}
}

func TestAPermitThatTheBackendGivesAfterAVoidIsNotPartOfIt(t *testing.T) {
	r := record.New(at(0))
	r.Void("t", at(time.Hour), at(0), manyIdentities)
	bring(&r, at(0), told(minapush.ByBackend, "a", at(0)))
	held := hold(t, &r, minapush.Subscription)
	if f := r.Release(&held, manyIdentities); !f.IsZero() || r.Live() != 1 {
		t.Errorf("%+v, %d left", f, r.Live())
	}
}

func TestAVoidWhoseTimeIsOverCountsAsNone(t *testing.T) {
	r := record.New(at(0))
	r.Void("t", at(time.Hour), at(0), manyIdentities)
	bring(&r, at(0), told(minapush.ByBackend, "a", at(0)))
	end := at(time.Hour + minapush.IdentityLife)
	if died, _, changed := r.Void("t", at(0), end.Add(-time.Millisecond), manyIdentities); died != 0 || changed {
		t.Errorf("an earlier one ended %d", died)
	}
	if died, _, changed := r.Void("t", at(0), end, manyIdentities); died != 1 || !changed || r.Tombstones() != 2 {
		t.Errorf("later an earlier one ended %d, %d are remembered", died, r.Tombstones())
	}
}

func TestAStandingPermitGivenAgainWhileInHandStays(t *testing.T) {
	for _, c := range []struct {
		name  string
		again minapush.Permit
		lives int
	}{
		{"later", standing(at(2 * time.Hour)), 1},
		{"by then", standing(at(time.Hour)), 0},
		{"by the backend, whenever", minapush.Permit{Kind: minapush.Standing, Template: "t", TakenAt: at(-time.Hour), Evidence: minapush.ByBackend}, 1},
	} {
		t.Run(c.name, func(t *testing.T) { testStandingAgain(t, c.again, c.lives) })
	}
}

func testStandingAgain(t *testing.T, again minapush.Permit, lives int) {
	r := record.New(at(0))
	bring(&r, at(0), standing(at(0)))
	held := hold(t, &r, minapush.Standing)
	r.Void("t", at(time.Hour), at(0), manyIdentities)
	res := bring(&r, at(0), again)
	if res.Items[0] != record.Duplicate || res.Merge {
		t.Fatalf("got %+v", res)
	}
	if r.Release(&held, manyIdentities); r.Live() != lives {
		t.Errorf("%d are left, want %d", r.Live(), lives)
	}
}

func TestWhatWasTakenBeforeAVoidDoesNotComeIn(t *testing.T) {
	for _, c := range []struct {
		name string
		p    minapush.Permit
		now  time.Duration
		want record.Verdict
	}{
		{"a report", told(minapush.ByClient, "a", at(time.Hour)), 0, record.SwitchedOff},
		{"an event", told(minapush.ByEvent, "a", at(0)), 0, record.SwitchedOff},
		{"both", told(minapush.ByBoth, "a", at(0)), 0, record.SwitchedOff},
		{"standing", standing(at(0)), 0, record.SwitchedOff},
		{"the backend's", told(minapush.ByBackend, "a", at(0)), 0, record.Added},
		{"one taken later", told(minapush.ByClient, "a", at(time.Hour+time.Second)), 0, record.Added},
		{"a code", minapush.Permit{Kind: minapush.FormID, Template: "t", Identity: code(1), TakenAt: at(0), ExpiresAt: at(minapush.CodeLife)}, 0, record.Added},
		{"near the end", told(minapush.ByClient, "a", at(0)), time.Hour + minapush.IdentityLife - time.Millisecond, record.SwitchedOff},
		{"when it is forgotten", told(minapush.ByClient, "a", at(0)), time.Hour + minapush.IdentityLife, record.Added},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := record.New(at(0))
			r.Void("t", at(0), at(0), manyIdentities)
			r.Void("t", at(time.Hour), at(0), manyIdentities)
			if n := r.Tombstones(); n != 1 {
				t.Errorf("%d voids are noted", n)
			}
			if v := verdict(&r, at(c.now), c.p); v != c.want {
				t.Errorf("%d, want %d", v, c.want)
			}
		})
	}
}

func TestAVoidLeavesAUserThatIsBeingErasedAlone(t *testing.T) {
	r := record.New(at(0))
	bring(&r, at(0), told(minapush.ByClient, "a", at(0)))
	r.Erasing = true
	if died, f, changed := r.Void("t", at(time.Hour), at(0), manyIdentities); died != 0 || !f.IsZero() || changed || r.Live() != 1 {
		t.Errorf("%d died, %+v", died, f)
	}
}
