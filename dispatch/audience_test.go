package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// world is a store with one app, and a platform that answers as the test says. It lives in a bubble of synctest.
type world struct {
	t        *testing.T
	app      minapush.App
	model    *storetest.Model
	bank     *bank.Bank
	ledger   *delivery.Ledger
	profiles *audience.Profiles
	*campaign.Campaigns
	dispatcher *dispatch.Dispatcher
	ids        int

	mu     sync.Mutex // guards all below
	answer func(minapush.OpenID) error
	sent   []minapush.Outgoing
	got    map[minapush.OpenID][]string // the texts that were accepted
}

// inWorld runs a test in a world with one node.
func inWorld(t *testing.T, test func(*testing.T, *world)) { inWorldWith(t, nil, test) }

// inWorldWith is inWorld with a node whose dispatcher sees the campaigns through wrap.
func inWorldWith(t *testing.T, wrap func(*campaign.Campaigns) dispatch.Planner, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, app: minapush.App{ID: "wx1", Number: 1, Shards: 4, Rate: minapush.Unlimited, InFlight: 16},
			model: storetest.NewModel(time.Now), got: map[minapush.OpenID][]string{},
		}
		w.answer = func(minapush.OpenID) error { return nil }
		var err error
		w.bank, err = bank.New(w.model, bank.Config{})
		must(t, err)
		w.ledger = delivery.New(w.model)
		w.profiles, err = audience.New(w.model, audience.Config{})
		must(t, err)
		w.Campaigns, w.dispatcher = w.node(wrap)
		test(t, w)
	})
}

// node starts another process over the same store. wrap changes what its dispatcher sees of the campaigns.
func (w *world) node(wrap func(*campaign.Campaigns) dispatch.Planner) (*campaign.Campaigns, *dispatch.Dispatcher) {
	w.t.Helper()
	newID := w.newID
	var d *dispatch.Dispatcher
	c, err := campaign.New(w.model, w.ledger, w.profiles, campaign.Config{NewID: newID, Changed: func(minapush.AppID) { d.Kick() }})
	must(w.t, err)
	var planner dispatch.Planner = c
	if wrap != nil {
		planner = wrap(c)
	}
	d, err = dispatch.New(w.bank, w.ledger, planner, w, w, dispatch.Config{NewID: newID, Owner: newID(), BatchLimit: 50})
	must(w.t, err)
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		must(w.t, d.Run(ctx, context.WithoutCancel(ctx)))
	}()
	w.t.Cleanup(func() { cancel(); <-ended })
	return c, d
}

func (w *world) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("id%04d", w.ids)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Apps lists the one app.
func (w *world) Apps(context.Context) ([]minapush.App, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return []minapush.App{w.app}, nil
}

func (w *world) App(context.Context, minapush.AppID) (minapush.App, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.app, nil
}

// stopApp throws the kill switch.
func (w *world) stopApp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.app.Stopped = minapush.Reason{Code: "operator"}
}

// Send answers as the test says.
func (w *world) Send(_ context.Context, m minapush.Outgoing) (minapush.Receipt, error) {
	time.Sleep(50 * time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, m)
	if err := w.answer(m.OpenID); err != nil {
		return minapush.Receipt{}, err
	}
	w.got[m.OpenID] = append(w.got[m.OpenID], m.Message.Values["thing1"])
	return minapush.Receipt{MsgID: 1}, nil
}

// says changes what the platform answers.
func (w *world) says(answer func(minapush.OpenID) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer, w.sent = answer, nil
}

func badData(minapush.OpenID) error {
	return &minapush.Error{Kind: minapush.BadMessage, Code: 47003, Extent: minapush.OneMessage, Err: errors.New("argument invalid!")}
}

// user makes a user with a permit who was seen at a time.
func (w *world) user(o minapush.OpenID, seen time.Time) {
	w.t.Helper()
	_, err := w.model.Deposit(w.t.Context(), w.app.Shard(o), o, store.Deposit{Now: seen, Permits: []minapush.Permit{
		{Kind: minapush.Subscription, Template: "T", Identity: "n", Uses: 1, TakenAt: seen},
	}})
	must(w.t, err)
}

// users makes n users with a permit each, u-000 and so on, seen an hour ago.
func (w *world) users(n int) []minapush.OpenID {
	w.t.Helper()
	list := make([]minapush.OpenID, n)
	for i := range list {
		list[i] = minapush.OpenID(fmt.Sprintf("u-%03d", i))
		w.user(list[i], time.Now().Add(-time.Hour))
	}
	return list
}

func (w *world) optOut(o minapush.OpenID) {
	w.t.Helper()
	_, err := w.profiles.Change(w.t.Context(), w.app, o, func(p *minapush.Profile) error { p.OptOut = minapush.OptOutCampaigns; return nil })
	must(w.t, err)
}

func (w *world) create(value string, a minapush.Audience) minapush.Campaign {
	w.t.Helper()
	m, _, err := w.Create(w.t.Context(), w.app, campaign.Draft{
		Message:  minapush.Message{Template: "T", Values: map[string]string{"thing1": value}},
		Template: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate}, Audience: a,
	})
	must(w.t, err)
	return m
}

// listed makes a campaign that greets each of a list by name, which is the openid in brackets.
func (w *world) listed(users []minapush.OpenID) string {
	w.t.Helper()
	id := w.create("你好 {{name}}", minapush.Audience{List: true}).ID
	var text strings.Builder
	for _, o := range users {
		fmt.Fprintf(&text, `{"openid":%q,"values":{"name":"(%s)"}}`+"\n", o, o)
	}
	r, err := audience.NewReader(strings.NewReader(text.String()), audience.Source{Format: audience.NDJSON})
	must(w.t, err)
	got, err := w.FillList(w.t.Context(), w.app, id, r)
	must(w.t, err)
	if got.Accepted != int64(len(users)) {
		w.t.Fatalf("filled %+v", got)
	}
	return id
}

func (w *world) start(id string) {
	w.t.Helper()
	_, err := w.Start(w.t.Context(), w.app, id)
	must(w.t, err)
}

// until waits for a state and returns the campaign and its sum, which must close.
func (w *world) until(id string, want minapush.CampaignState) (minapush.Campaign, minapush.Tally) {
	w.t.Helper()
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		m, err := w.Get(w.t.Context(), w.app.ID, id)
		must(w.t, err)
		p, err := w.ledger.Sum(w.t.Context(), w.app, id)
		must(w.t, err)
		if !p.Tally.Closes() {
			w.t.Errorf("the sum does not close: %+v", p.Tally)
		}
		if m.State == want {
			time.Sleep(time.Second) // what is in flight settles
			p, err = w.ledger.Sum(w.t.Context(), w.app, id)
			must(w.t, err)
			return m, p.Tally
		}
		if time.Since(began) > time.Hour {
			w.t.Fatalf("%s is not %s but %s: %+v %+v", id, want, m.State, m.Why, p.Tally)
		}
	}
}

// wantTally compares outcomes and reasons, and that nothing is left.
func wantTally(t *testing.T, got minapush.Tally, want map[minapush.Outcome]map[string]int64) {
	t.Helper()
	for _, o := range minapush.Outcomes {
		if !maps.Equal(got.By[o], want[o]) && len(got.By[o])+len(want[o]) > 0 {
			t.Errorf("%s: %v, want %v", o, got.By[o], want[o])
		}
	}
	if n := got.Count(minapush.Pending); n != 0 {
		t.Errorf("%d are pending", n)
	}
}

// wantTexts checks that exactly these users were greeted, each once and by name.
func (w *world) wantTexts(users []minapush.OpenID) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range users {
		if want := []string{fmt.Sprintf("你好 (%s)", o)}; !slices.Equal(w.got[o], want) {
			w.t.Errorf("%s got %q", o, w.got[o])
		}
	}
	if len(w.got) != len(users) {
		w.t.Errorf("%d users got it, want %d", len(w.got), len(users))
	}
	for _, m := range w.sent {
		if m.Batch != "" {
			w.t.Fatal("a message of one user's own was named as part of a batch")
		}
	}
}

func (w *world) check(campaigns ...string) {
	w.t.Helper()
	storetest.MustCheck(w.t, w.model, storetest.Scope{Apps: []minapush.App{w.app}, Batches: map[uint32][]string{w.app.Number: campaigns}})
}

func TestEachOfAListGetsATextOfTheirOwn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		users := w.users(200)
		reached := slices.Clone(users[:180]) // the last twenty are not on the list
		for _, o := range users[10:15] {
			w.optOut(o)
		}
		reached = slices.Delete(reached, 10, 15)
		id := w.listed(append([]minapush.OpenID{"nobody-1", "nobody-2", "unknown-3"}, users[:180]...))
		w.start(id)
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{
			minapush.Accepted: {"": 175}, minapush.Skipped: {minapush.ReasonNoPermit: 3, minapush.ReasonOptedOut: 5},
		})
		w.wantTexts(reached)
		skipped := minapush.Skipped
		page, err := w.ledger.List(t.Context(), w.app, id, &skipped, "", 100)
		if err != nil || len(page.Deliveries) != 8 {
			t.Errorf("%d rows of skipped users, %v", len(page.Deliveries), err)
		}
		w.check(id)
	})
}

func TestTwoNodesSendAListOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		users := w.users(300)
		id := w.listed(users)
		other, _ := w.node(nil)
		var starting sync.WaitGroup
		for _, node := range []*campaign.Campaigns{w.Campaigns, other} {
			starting.Go(func() {
				if _, err := node.Start(t.Context(), w.app, id); err != nil {
					t.Error(err)
				}
			})
		}
		starting.Wait()
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 300}})
		w.wantTexts(users)
		w.check(id)
	})
}

func TestAnExpressionKeepsUsersOutOfTheAudience(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for i := range 100 {
			w.user(minapush.OpenID(fmt.Sprintf("u-%03d", i)), time.Now().Add(-time.Duration(i)*time.Hour-time.Minute))
		}
		w.optOut("u-003")
		id := w.create("hi", minapush.Audience{Where: []byte(`{"seen_within":"2d"}`)}).ID
		w.start(id)
		_, got := w.until(id, minapush.Finished)
		if got.Examined != 48 {
			t.Errorf("%d were examined", got.Examined)
		}
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 47}, minapush.Skipped: {minapush.ReasonOptedOut: 1}})
		for i := range 100 {
			o := minapush.OpenID(fmt.Sprintf("u-%03d", i))
			if got := len(w.got[o]); got != 1 && i < 48 && i != 3 || got != 0 && (i >= 48 || i == 3) {
				t.Errorf("%s, seen %d hours ago, got %d", o, i, got)
			}
		}
		w.check(id)
	})
}

func TestDataThatOneUserSpoilsFailsThatUserAndTheRetryReachesExactlyThose(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		users := w.users(200)
		id := w.listed(users)
		bad := func(o minapush.OpenID) bool { return o[len(o)-1] == '7' }
		w.says(func(o minapush.OpenID) error {
			if bad(o) {
				return badData(o)
			}
			return nil
		})
		w.start(id)
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 180}, minapush.Failed: {"47003": 20}})
		failed := slices.DeleteFunc(slices.Clone(users), func(o minapush.OpenID) bool { return !bad(o) })
		for _, o := range failed {
			u, err := w.model.User(t.Context(), w.app.Shard(o), o)
			if err != nil || u.Counts.Available != 1 {
				t.Errorf("%s has %+v, %v", o, u.Counts, err)
			}
		}
		w.says(func(minapush.OpenID) error { return nil })
		m, _, err := w.Retry(t.Context(), w.app, id, campaign.Again{})
		must(t, err)
		w.start(m.ID)
		_, got = w.until(m.ID, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 20}})
		if len(w.sent) != 20 {
			t.Errorf("%d sends of the retry", len(w.sent))
		}
		w.wantTexts(users)
		w.check(id, m.ID)
	})
}

func TestAFirstWaveRefusedForItsDataStopsTheCampaign(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		users := w.users(100)
		id := w.listed(users)
		w.says(badData)
		w.start(id)
		m, got := w.until(id, minapush.Paused)
		if m.Why.Code != "bad_message" || m.Why.Params["errcode"] != "47003" || len(w.sent) != 5 {
			t.Errorf("stopped by %+v after %d sends", m.Why, len(w.sent))
		}
		for _, o := range minapush.Outcomes {
			if n := got.Count(o); n != 0 {
				t.Errorf("%d are %s", n, o)
			}
		}
		// The template is mended: nobody has lost anything.
		w.says(func(minapush.OpenID) error { return nil })
		_, err := w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		_, got = w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 100}})
		w.wantTexts(users)
		w.check(id)
	})
}

// Those of the first wave have had their second chance; what is wrong with everybody is still found out with the next.
func TestAResumeWithoutAMendStopsAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		users := w.users(100)
		id := w.listed(users)
		w.says(badData)
		w.start(id)
		w.until(id, minapush.Paused)
		_, err := w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		m, got := w.until(id, minapush.Paused)
		failed := got.Count(minapush.Failed) // those of the first wave who came again before the stop
		if m.Why.Code != "bad_message" || failed > 5 || int64(len(w.sent)) != 10+failed {
			t.Errorf("stopped by %+v after %d sends: %+v", m.Why, len(w.sent), got)
		}
		w.says(func(minapush.OpenID) error { return nil })
		_, err = w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		_, got = w.until(id, minapush.Finished)
		if got.Count(minapush.Accepted) != 100-failed || got.Count(minapush.Failed) != failed {
			t.Errorf("after the mend: %+v", got)
		}
		w.check(id)
	})
}

// Five users with bad values come first, by chance: whoever resumes the campaign gets past them.
func TestABadFirstWaveIsPassedByAResume(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		users := w.users(100)
		id := w.listed(users)
		bad := map[minapush.OpenID]bool{}
		w.says(func(o minapush.OpenID) error {
			if len(bad) < 5 || bad[o] {
				bad[o] = true
				return badData(o)
			}
			return nil
		})
		w.start(id)
		w.until(id, minapush.Paused)
		_, err := w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 95}, minapush.Failed: {"47003": 5}})
		w.check(id)
	})
}

func TestAShortListOfBadDataFails(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.listed(w.users(2))
		w.says(badData)
		w.start(id)
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.Failed: {"47003": 2}})
		if len(w.sent) != 4 {
			t.Errorf("%d sends to two users", len(w.sent))
		}
		w.check(id)
	})
}

// In these the message itself is wrong, whatever the values of a user are.
func TestWhatIsNotAUsersOwnStopsTheCampaign(t *testing.T) {
	for name, c := range map[string]struct {
		value string
		code  int
	}{
		"data of a message without placeholders": {"hi", 47003}, "a page, with placeholders": {"{{name}}", 41030}, "a template, with placeholders": {"{{name}}", 40037},
	} {
		inWorld(t, func(t *testing.T, w *world) {
			users := w.users(50)
			id := w.create(c.value, minapush.Audience{List: true}).ID
			var text strings.Builder
			for _, o := range users {
				fmt.Fprintf(&text, `{"openid":%q,"values":{"name":"x"}}`+"\n", o)
			}
			r, err := audience.NewReader(strings.NewReader(text.String()), audience.Source{Format: audience.NDJSON})
			must(t, err)
			_, err = w.FillList(t.Context(), w.app, id, r)
			must(t, err)
			sends := 0
			w.says(func(minapush.OpenID) error {
				if sends++; sends <= 10 {
					return nil
				}
				return &minapush.Error{Kind: minapush.BadMessage, Code: c.code, Extent: minapush.OneMessage}
			})
			w.start(id)
			m, got := w.until(id, minapush.Paused)
			if m.Why.Code != "bad_message" || got.Count(minapush.Accepted) != 10 || got.Count(minapush.Failed) != 0 {
				t.Errorf("%s: %+v %+v", name, m.Why, got)
			}
			w.check(id)
		})
	}
}

// lateRelease is a planner that cannot read any audience.
type lateRelease struct{ *campaign.Campaigns }

func (lateRelease) Filter(minapush.Campaign) (func(*bank.User) bool, bank.Asks, error) {
	return nil, bank.Asks{}, minapush.FieldError("audience.where", "is of a later release")
}

func TestAnAudienceThatCannotBeReadIsSentToNobody(t *testing.T) {
	unreadable := func(c *campaign.Campaigns) dispatch.Planner { return lateRelease{c} }
	inWorldWith(t, unreadable, func(t *testing.T, w *world) {
		w.users(50)
		id := w.create("hi", minapush.Audience{Where: []byte(`{"tag":"vip"}`)}).ID
		w.start(id)
		m, got := w.until(id, minapush.Paused)
		if m.Why.Code != "bad_audience" || got.Examined != 0 || len(w.sent) != 0 {
			t.Errorf("%+v %+v, %d sends", m.Why, got, len(w.sent))
		}
		_, err := w.Cancel(t.Context(), w.app.ID, id)
		must(t, err)
		w.until(id, minapush.Cancelled)
		if len(w.sent) != 0 {
			t.Errorf("%d sends", len(w.sent))
		}
		w.check(id)
	})
}

func TestAPushWithAPlaceholderIsRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.users(1)
		_, err := w.dispatcher.Push(t.Context(), w.app, dispatch.Push{
			OpenID: "u-000", Message: minapush.Message{Template: "T", Values: map[string]string{"thing1": "{{name}}"}},
			Template: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate},
		})
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != "values.thing1" || len(w.sent) != 0 {
			t.Errorf("%v after %d sends", err, len(w.sent))
		}
	})
}
