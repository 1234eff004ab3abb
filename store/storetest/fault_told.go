package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// faultList is the campaign of the day that walks a list, on which there is one more than all users.
const (
	faultList     = "list"
	faultStranger = minapush.OpenID("stranger")
)

// quiet is the user who opts out of campaigns.
func (r *faultRun) quiet(users []minapush.OpenID) minapush.OpenID { return users[len(users)-1] }

// tell puts down what the team knows of its users before any of them was seen, moves two numbers from one user to another, and fills
// the list.
func (r *faultRun) tell(users []minapush.OpenID) {
	r.t.Helper()
	quiet := r.quiet(users)
	r.change(quiet, func(p *minapush.Profile) { p.UID = "7" })
	r.change(quiet, func(p *minapush.Profile) { p.OptOut = minapush.OptOutCampaigns })
	r.change(quiet, func(p *minapush.Profile) { p.Tags = []string{"vip"} })
	r.bind("1", users[0], "")
	r.bind("1", users[1], users[0])
	if err := r.inner.BindUID(r.t.Context(), r.shard, "2", users[2], ""); err != nil {
		r.t.Fatal(err)
	}
	for _, uid := range []string{"2", "1"} { // that of 1 points elsewhere by now
		r.repeat("unbind uid", func(ctx context.Context) error { return r.st.UnbindUID(ctx, r.shard, uid, users[2]) })
	}
	r.bind("2", users[3], "")
	r.did(users)
	for chunk := range slices.Chunk(append(users[:len(users):len(users)], faultStranger), 3) {
		listed := make([]store.Listed, len(chunk))
		for i, o := range chunk {
			listed[i] = store.Listed{OpenID: o, Values: map[string]string{"name": string(o)}}
		}
		r.repeat("add listed", func(ctx context.Context) error {
			_, err := r.st.AddListed(ctx, r.shard, faultList, listed)
			return err
		})
	}
}

// did is what each user did on the day before: two things, of which one was done again.
func (r *faultRun) did(users []minapush.OpenID) {
	r.t.Helper()
	for i, o := range users {
		r.repeat("note events", func(ctx context.Context) error {
			_, err := r.st.NoteEvents(ctx, r.shard, o, []minapush.NamedEvent{suiteDid("a", -suiteDay), suiteDid("b", -suiteDay)}, i%2 == 0, suiteAt(0))
			return err
		})
		r.repeat("note events", func(ctx context.Context) error {
			_, err := r.st.NoteEvents(ctx, r.shard, o, []minapush.NamedEvent{suiteDid("a", -suiteHour)}, false, suiteAt(0))
			return err
		})
	}
}

// change changes a profile as a room does that repeats what it does not know to be done: it reads again.
func (r *faultRun) change(o minapush.OpenID, rule func(*minapush.Profile)) {
	r.t.Helper()
	r.repeat("put profile", func(ctx context.Context) error {
		u, err := r.inner.User(ctx, r.shard, o)
		if err != nil && !errors.Is(err, minapush.NotFound) {
			return err
		}
		p := modelProfile(u.Profile)
		rule(&p)
		if p.Version > 0 && p.UID == u.Profile.UID && p.OptOut == u.Profile.OptOut && slices.Equal(p.Tags, u.Profile.Tags) {
			return nil // an earlier try took effect
		}
		if _, err = r.st.PutProfile(ctx, r.shard, o, p, suiteAt(0)); errors.Is(err, minapush.Conflict) {
			return minapush.Errorf(minapush.Unavailable, "an earlier try took effect meanwhile: %w", err)
		}
		return err
	})
}

func (r *faultRun) bind(uid string, o, was minapush.OpenID) {
	r.t.Helper()
	r.repeat("bind uid", func(ctx context.Context) error { return r.st.BindUID(ctx, r.shard, uid, o, was) })
}

// kept wants the campaign under a cap to have been sent to the user alone whom nothing reached that day.
func (r *faultRun) kept(users []minapush.OpenID) {
	r.t.Helper()
	for i, o := range users {
		if n := r.sent[faultCapped+"/"+string(o)]; n != map[bool]int{true: 1}[i == 0] {
			r.t.Errorf("%s was sent %d messages of %s", o, n, faultCapped)
		}
	}
	p, err := r.inner.Progress(r.t.Context(), r.shard.App, 1, faultCapped)
	skipped := p.Tally.By[minapush.Skipped]
	if err != nil || skipped[minapush.ReasonDailyCap] != int64(len(users)-2) || skipped[minapush.ReasonOptedOut] != 1 ||
		p.Tally.Count(minapush.RefusedByUser) != 1 {
		r.t.Errorf("%s: %+v, %v", faultCapped, p.Tally, err)
	}
}

// told wants all of it to be as it was told, each change once, and the list to have been walked whole.
func (r *faultRun) told(users []minapush.OpenID) {
	r.t.Helper()
	ctx, quiet := r.t.Context(), r.quiet(users)
	u, err := r.inner.User(ctx, r.shard, quiet)
	if p := u.Profile; err != nil || p.Version != 3 || p.UID != "7" || p.OptOut != minapush.OptOutCampaigns || len(p.Tags) != 1 {
		r.t.Errorf("profile %+v, %v", p, err)
	}
	for uid, want := range map[string]minapush.OpenID{"1": users[1], "2": users[3]} {
		if o, err := r.inner.UID(ctx, r.shard, uid); o != want || err != nil {
			r.t.Errorf("uid %s points at %s, want %s: %v", uid, o, want, err)
		}
	}
	for _, o := range users {
		u, err := r.inner.User(ctx, r.shard, o)
		if err != nil || len(u.Events) != 2 || u.Events["a"] != suiteState(-suiteHour, 2) || u.Events["b"] != suiteState(-suiteDay, 1) {
			r.t.Errorf("%s did %+v, %v", o, u.Events, err)
		}
	}
	n, err := r.inner.CountListed(ctx, r.shard.App, 1, faultList)
	if n != int64(len(users))+1 || err != nil {
		r.t.Errorf("%d users are on the list: %v", n, err)
	}
	for o, want := range map[minapush.OpenID]string{quiet: minapush.ReasonOptedOut, faultStranger: minapush.ReasonNoPermit} {
		if d, err := r.inner.Delivery(ctx, r.shard, faultList, o, ""); err != nil || d.Outcome != minapush.Skipped || d.Reason != want {
			r.t.Errorf("row of %s: %+v, %v", o, d, err)
		}
	}
}
