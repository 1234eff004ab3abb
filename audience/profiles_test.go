package audience_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/store"
)

func TestAUserIsNamedByOpenIDOrUID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.give("oA", "7"))
	for name, want := range map[string]minapush.OpenID{"oA": "oA", "oNew": "oNew", "uid:7": "oA"} {
		o, err := b.profiles.OpenID(b.ctx, b.app, name)
		must(t, err)
		wantEqual(t, o, want)
	}
	for _, name := range []string{"", "a b", "uid:", "uid:\n", "uid:" + strings.Repeat("x", 65)} {
		_, err := b.profiles.OpenID(b.ctx, b.app, name)
		wantField(t, err, "openid")
	}
	_, err := b.profiles.OpenID(b.ctx, b.app, "uid:8")
	wantError(t, err, minapush.NotFound, "openid")
	_, err = b.profiles.OpenID(b.ctx, minapush.App{ID: "wx1"}, "uid:8")
	wantField(t, err, "app")
}

func TestAUIDIsTheUsersOnlyIfItsProfileSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.give("oA", "7"))
	must(t, b.st.BindUID(b.ctx, b.app.UIDShard("8"), "8", "oA", ""))
	must(t, b.st.BindUID(b.ctx, b.app.UIDShard("9"), "9", "oNobody", ""))
	for uid, want := range map[string]minapush.OpenID{"7": "oA", "8": "", "9": ""} {
		wantEqual(t, b.is(t, uid), want)
	}
	must(t, b.give("oB", "8"))
	must(t, b.give("oB", "9"))
	for uid, want := range map[string]minapush.OpenID{"7": "oA", "8": "", "9": "oB"} {
		wantEqual(t, b.is(t, uid), want)
	}
}

func TestAChangedProfileIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got, err := b.profiles.Change(b.ctx, b.app, "oA", func(p *minapush.Profile) error {
		p.UID, p.Tags, p.Version, p.OptOut = "7", []string{"b", "a", "b"}, 99, minapush.OptOutCampaigns
		p.Attributes["level"] = number(3)
		return nil
	})
	must(t, err)
	want := minapush.Profile{
		UID: "7", Tags: []string{"a", "b"}, Attributes: map[string]minapush.Attribute{"level": number(3)}, OptOut: minapush.OptOutCampaigns, Version: 1,
	}
	for _, p := range []minapush.Profile{got, b.profile(t, "oA")} {
		if diff := cmp.Diff(want, p); diff != "" {
			t.Error(diff)
		}
	}
	same, err := b.profiles.Change(b.ctx, b.app, "oA", func(p *minapush.Profile) error { p.Tags = []string{"b", "a"}; return nil })
	must(t, err)
	wantEqual(t, same.Version, 1)
}

func TestAChangeMakesTheUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.profiles.Change(b.ctx, b.app, "oA", func(*minapush.Profile) error { return nil })
	must(t, err)
	u, err := b.st.User(b.ctx, b.app.Shard("oA"), "oA")
	must(t, err)
	wantEqual(t, u.FirstSeen.Equal(start), true)
	wantEqual(t, u.LastSeen.IsZero(), true)
}

func TestABadChangeChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.give("oA", "7"))
	no := errors.New("no")
	for want, rule := range map[string]func(*minapush.Profile) error{
		"no":   func(p *minapush.Profile) error { p.Attributes["x"] = number(1); return no },
		"uid":  func(p *minapush.Profile) error { p.UID = "\x00"; return nil },
		"tags": func(p *minapush.Profile) error { p.Tags = []string{""}; return nil },
		"attributes": func(p *minapush.Profile) error {
			p.UID, p.Attributes["1"] = "9", number(1)
			return nil
		},
	} {
		_, err := b.profiles.Change(b.ctx, b.app, "oA", rule)
		if want == "no" {
			wantEqual(t, errors.Is(err, no), true)
		} else {
			wantField(t, err, want)
		}
	}
	wantEqual(t, b.profile(t, "oA").Version, 1)
	wantEqual(t, b.is(t, "9"), "")
	_, err := b.profiles.Change(b.ctx, b.app, "a b", func(*minapush.Profile) error { return nil })
	wantField(t, err, "openid")
}

func TestChangesOfOneProfileAtTheSameTimeAreAllKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var g sync.WaitGroup
	for n := range 20 {
		g.Go(func() {
			_, err := b.profiles.Change(b.ctx, b.app, "oA", func(p *minapush.Profile) error {
				p.Attributes[fmt.Sprintf("a%d", n)] = number(float64(n))
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	wantEqual(t, len(b.profile(t, "oA").Attributes), 20)
}

func TestAUIDIsGivenOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.give("oA", "7"))
	wantError(t, b.give("oB", "7"), minapush.Conflict, "uid")
	_, err := b.st.User(b.ctx, b.app.Shard("oB"), "oB")
	wantEqual(t, minapush.KindOf(err), minapush.NotFound) // nothing was changed
	must(t, b.give("oA", "8"))
	wantEqual(t, b.is(t, "7"), "")
	wantEqual(t, b.is(t, "8"), "oA")
	must(t, b.give("oB", "7"))
	wantEqual(t, b.is(t, "7"), "oB")
	must(t, b.give("oB", ""))
	_, err = b.st.UID(b.ctx, b.app.UIDShard("7"), "7")
	wantEqual(t, minapush.KindOf(err), minapush.NotFound)
}

// TestOfTwoWhoClaimAUIDAtTheSameTimeOneHasIt lets somebody else claim the uid at each step of a change.
func TestOfTwoWhoClaimAUIDAtTheSameTimeOneHasIt(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(*hooked, func() error){
		"before it is bound":        func(h *hooked, f func() error) { h.beforeBind = f },
		"before it is written":      func(h *hooked, f func() error) { h.beforePut = f },
		"after it was written":      func(h *hooked, f func() error) { h.afterPut = f },
		"before the old is unbound": func(h *hooked, f func() error) { h.beforeUnbind = f },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			must(t, b.give("oA", "old"))
			h := &hooked{Storage: b.st}
			var theirs error
			place(h, func() error { theirs = b.give("oB", "7"); return nil })
			_, ours := b.over(t, h).Change(b.ctx, b.app, "oA", func(p *minapush.Profile) error {
				p.UID, p.Tags = "7", []string{"new"}
				return nil
			})
			if (ours == nil) == (theirs == nil) {
				t.Fatalf("both were answered the same: %v, %v", ours, theirs)
			}
			who := map[bool]minapush.OpenID{true: "oA", false: "oB"}[ours == nil]
			wantEqual(t, b.is(t, "7"), who)
			wantEqual(t, b.is(t, "old"), map[bool]minapush.OpenID{true: "", false: "oA"}[ours == nil])
			if ours != nil {
				wantError(t, ours, minapush.Conflict, "uid")
				wantEqual(t, len(b.profile(t, "oA").Tags), 0)
			} else {
				wantError(t, theirs, minapush.Conflict, "uid")
			}
		})
	}
}

func TestManyWhoClaimAUIDLeaveOneAtMost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var g sync.WaitGroup
	for n := range 2 {
		g.Go(func() {
			for i := range 100 {
				err := b.give(minapush.OpenID(fmt.Sprintf("o%d", n)), []string{"7", ""}[i%2])
				if err != nil && minapush.KindOf(err) != minapush.Conflict {
					t.Error(err)
				}
			}
			if err := b.give(minapush.OpenID(fmt.Sprintf("o%d", n)), "7"); err != nil && minapush.KindOf(err) != minapush.Conflict {
				t.Error(err)
			}
		})
	}
	g.Wait()
	if b.profile(t, "o0").UID == "7" && b.profile(t, "o1").UID == "7" {
		t.Error("both have the uid")
	}
}

// TestAfterACrashAtAnyStepTheSameChangeCompletes stops a change at each step, before or after its effect, and makes it again.
func TestAfterACrashAtAnyStepTheSameChangeCompletes(t *testing.T) {
	t.Parallel()
	crash := func() error { return minapush.Unavailable }
	for name, h := range map[string]*hooked{
		"bind": {beforeBind: crash}, "put": {beforePut: crash}, "put, its answer lost": {afterPut: crash}, "unbind": {beforeUnbind: crash},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			must(t, b.give("oA", "old"))
			h.Storage = b.st
			p := b.over(t, h)
			change := func() error {
				_, err := p.Change(b.ctx, b.app, "oA", func(p *minapush.Profile) error { p.UID = "new"; return nil })
				return err
			}
			wantEqual(t, minapush.KindOf(change()), minapush.Unavailable)
			if old, now := b.is(t, "old"), b.is(t, "new"); (old == "oA") == (now == "oA") {
				t.Fatalf("old names %q and new %q", old, now)
			}
			must(t, change())
			wantEqual(t, b.is(t, "old"), "")
			wantEqual(t, b.is(t, "new"), "oA")
			must(t, b.give("oB", "old"))
		})
	}
}

func TestAForgottenUIDIsFree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.give("oA", "7"))
	must(t, b.profiles.Forget(b.ctx, b.app, "oA"))
	must(t, b.profiles.Forget(b.ctx, b.app, "oNobody"))
	wantEqual(t, b.is(t, "7"), "")
	must(t, b.give("oA", "7")) // not erased after all: saying it again puts it back
	wantEqual(t, b.is(t, "7"), "oA")
	must(t, b.profiles.Forget(b.ctx, b.app, "oA"))
	done, err := b.st.Erase(b.ctx, b.app.Shard("oA"), "oA", start)
	must(t, err)
	wantEqual(t, done, true)
	must(t, b.give("oB", "7"))
	wantEqual(t, b.is(t, "7"), "oB")
}

func TestAUserBeingErasedIsNotChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.give("oA", "7"))
	shard := b.app.Shard("oA")
	_, err := b.st.Deposit(b.ctx, shard, "oA", store.Deposit{Now: start, Permits: []minapush.Permit{{
		Kind: minapush.Subscription, Template: "T", Identity: "n", Uses: 1, TakenAt: start,
	}}})
	must(t, err)
	_, err = b.st.ReservePush(b.ctx, shard, store.Push{
		Batch: minapush.PushBatch(start), ID: "p", OpenID: "oA", Attempt: 1, Now: start, Deadline: start.Add(day),
		Need: store.Need{Kind: minapush.OneTimeTemplate, Template: "T"},
	})
	must(t, err)
	done, err := b.st.Erase(b.ctx, shard, "oA", start)
	must(t, err)
	wantEqual(t, done, false)
	wantError(t, b.give("oA", "8"), minapush.Conflict, "")
	must(t, b.give("oB", "7"))
	wantEqual(t, b.is(t, "7"), "oB")
}

func TestProfilesNeedAStore(t *testing.T) {
	t.Parallel()
	_, err := audience.New(nil, audience.Config{})
	wantField(t, err, "st")
}
