package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/store/storetest"
)

// town is one app on one store with some nodes, and a platform that answers by chance and counts what it said. It lives in a bubble.
type town struct {
	t     *testing.T
	app   minapush.App
	model *storetest.Model
	rand  *rand.Rand // of the goroutine of the test
	nodes []*office

	mu    sync.Mutex // guards all below
	luck  *rand.Rand // of the platform
	ids   int
	want  map[string]map[string]int64 // figures, as whoever caused them counts
	taken map[string]int64            // uses that came in, by day in Beijing
	codes int
}

// office is one node of a town.
type office struct {
	bank       *bank.Bank
	collect    *collect.Collector
	campaigns  *campaign.Campaigns
	dispatcher *dispatch.Dispatcher
	ledger     *delivery.Ledger
	stop       func()
}

func (w *town) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("01TOWN%020d", w.ids)
}

func (w *town) count(what, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counted(what, key)
}

// counted is count for who holds mu.
func (w *town) counted(what, key string) {
	if w.want[what] == nil {
		w.want[what] = map[string]int64{}
	}
	w.want[what][key]++
}

func (w *town) Apps(context.Context) ([]minapush.App, error) { return []minapush.App{w.app}, nil }

func (w *town) App(context.Context, minapush.AppID) (minapush.App, error) { return w.app, nil }

// Send answers by chance, more often well than not.
func (w *town) Send(_ context.Context, m minapush.Outgoing) (minapush.Receipt, error) {
	time.Sleep(50 * time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	by := "push"
	if m.Batch != "" {
		by = "campaign"
	}
	e := &minapush.Error{Err: errors.New("by chance")}
	switch n := w.luck.IntN(20); {
	case n < 2:
		e.Kind, e.Code = minapush.Refused, 43101
		w.counted(bank.FigureVoid, m.Message.Template)
	case n < 3:
		e.Kind, e.Code = minapush.PermitDead, 41028
	case n < 4:
		e.Kind, e.Reason = minapush.Uncertain, minapush.ReasonReadTimeout
	case n < 5:
		e.Kind, e.Code = minapush.Throttled, -1
	case n < 6:
		e.Kind, e.Code = minapush.NotFound, 40003
	case n < 7 && by == "push":
		e.Kind, e.Code = minapush.BadMessage, 47003
	default:
		if m.Message.Template == "S" {
			w.counted(bank.FigureSpent, "standing")
		}
		return minapush.Receipt{MsgID: 7}, nil
	}
	if e.Code != 0 {
		w.counted(bank.FigureErrcode, fmt.Sprintf("%s.%d", by, e.Code))
	}
	return minapush.Receipt{}, e
}

// open starts a node.
func (w *town) open() *office {
	w.t.Helper()
	var o office
	var err error
	o.bank, err = bank.New(w.model, bank.Config{SurveyEvery: time.Hour, Page: 7})
	must(w.t, err)
	o.ledger = delivery.New(w.model)
	o.collect, err = collect.New(o.bank, o.ledger, collect.Config{})
	must(w.t, err)
	people, err := audience.New(w.model, audience.Config{})
	must(w.t, err)
	o.campaigns, err = campaign.New(w.model, o.ledger, people, campaign.Config{NewID: w.newID, Changed: func(minapush.AppID) { o.dispatcher.Kick() }})
	must(w.t, err)
	o.dispatcher, err = dispatch.New(o.bank, o.ledger, o.campaigns, w, w, dispatch.Config{NewID: w.newID, Owner: w.newID(), BatchLimit: 20, Poll: 5 * time.Second})
	must(w.t, err)
	ctx, cancel := context.WithCancel(w.t.Context())
	var parts sync.WaitGroup
	parts.Go(func() { _ = o.dispatcher.Run(ctx, context.WithoutCancel(ctx)) })
	parts.Go(func() { _ = o.bank.Run(ctx, w.Apps) })
	o.stop = func() { // as the server does
		cancel()
		parts.Wait()
		must(w.t, o.bank.Flush(w.t.Context()))
	}
	return &o
}

func (w *town) any() *office { return w.nodes[w.rand.IntN(len(w.nodes))] }

func (w *town) someone() minapush.OpenID {
	return minapush.OpenID(fmt.Sprintf("u-%03d", w.rand.IntN(60)))
}

// code is a new form id, or often one that was there before.
func (w *town) code() string {
	if w.rand.IntN(4) > 0 {
		w.codes++
	}
	return fmt.Sprintf("%032x", w.codes)
}

func (w *town) report() {
	var items []collect.Item
	for range 1 + w.rand.IntN(3) {
		age := (7*24*time.Hour - 20*time.Minute - time.Duration(w.rand.Int64N(int64(12*time.Hour)))).Milliseconds()
		source := fmt.Sprintf("pages/p%d", w.rand.IntN(3))
		switch n := w.rand.IntN(8); {
		case n < 3: // some of them end within the day
			items = append(items, collect.Item{Type: "form", FormID: w.code(), AgeMS: age, Source: source})
		case n < 6:
			items = append(items, collect.Item{Type: "subscribe", Template: []string{"T", "U"}[n%2], Result: "accept", Nonce: w.code(), Source: source})
		case n < 7:
			items = append(items, collect.Item{Type: "standing", Template: "S", Result: "accept", Nonce: w.code()})
		default:
			items = append(items, collect.Item{Type: "subscribe", Template: "T", Result: []string{"reject", "accept", "?"}[w.rand.IntN(3)]})
		}
	}
	a, err := w.any().collect.Report(w.t.Context(), w.app, w.someone(), collect.Report{Items: items})
	must(w.t, err)
	w.answers(a, func(int) int { return 1 }, func(i int) string { return items[i].Type })
}

// pays deposits payments, of three uses each.
func (w *town) pays() {
	age := (7*24*time.Hour - 20*time.Minute - time.Duration(w.rand.Int64N(int64(12*time.Hour)))).Milliseconds()
	items := []collect.TrustedItem{{Kind: "pay", PrepayID: fmt.Sprintf("wx%034d", w.rand.IntN(200)), AgeMS: age}}
	a, err := w.any().collect.Trusted(w.t.Context(), w.app, w.someone(), items)
	must(w.t, err)
	w.answers(a, func(int) int { return 3 }, func(int) string { return "pay" })
}

// answers counts what became of items: this is the count that the daybook is compared with.
func (w *town) answers(a collect.Answer, uses func(int) int, kind func(int) string) {
	for i, it := range a.Items {
		switch it.Status {
		case collect.StatusRefused:
			w.count(bank.FigureRefused, it.Reason)
		case collect.StatusDuplicate:
			w.count(bank.FigureDuplicate, kind(i))
		default:
			if kind(i) == "standing" {
				w.count(bank.FigureDeposited, "standing")
			}
			w.mu.Lock()
			w.taken[time.Now().Add(8*time.Hour).UTC().Format("2006-01-02")] += int64(uses(i))
			w.mu.Unlock()
		}
	}
}

var townTemplates = []minapush.Template{
	{ID: "L", Kind: minapush.LegacyTemplate}, {ID: "T", Kind: minapush.OneTimeTemplate}, {ID: "U", Kind: minapush.OneTimeTemplate},
	{ID: "S", Kind: minapush.LongTermTemplate},
}

func (w *town) push() {
	t := townTemplates[w.rand.IntN(len(townTemplates))]
	m := minapush.Message{Template: t.ID, Values: map[string]string{"keyword1": "x"}}
	_, err := w.any().dispatcher.Push(w.t.Context(), w.app, dispatch.Push{OpenID: w.someone(), Message: m, Template: t})
	if k := minapush.KindOf(err); err != nil && k != minapush.Throttled && k != minapush.Unavailable {
		w.t.Fatal(err)
	}
}

func (w *town) elsewhere() {
	_, _, err := w.any().bank.Spent(w.t.Context(), w.app, bank.Elsewhere{ID: w.newID(), OpenID: w.someone(), Template: townTemplates[1]})
	if err != nil && !errors.Is(err, minapush.Throttled) {
		w.t.Fatal(err)
	}
}

func (w *town) broadcast() {
	t := townTemplates[w.rand.IntN(len(townTemplates))]
	o := w.any()
	m, _, err := o.campaigns.Create(w.t.Context(), w.app, campaign.Draft{
		Message: minapush.Message{Template: t.ID, Values: map[string]string{"keyword1": "x"}}, Template: t,
	})
	must(w.t, err)
	_, err = o.campaigns.Start(w.t.Context(), w.app, m.ID)
	must(w.t, err)
	if w.rand.IntN(3) == 0 {
		time.Sleep(time.Duration(w.rand.Int64N(int64(2 * time.Second))))
		_, _ = w.any().campaigns.Cancel(w.t.Context(), w.app.ID, m.ID) // unless it has ended
	}
}

func (w *town) erase() {
	_, err := w.any().bank.Erase(w.t.Context(), w.app, w.someone())
	if err != nil && !errors.Is(err, minapush.NotFound) {
		w.t.Fatal(err)
	}
}

// step does one thing that happens in a town.
func (w *town) step() {
	switch n := w.rand.IntN(100); {
	case n < 50:
		w.report()
	case n < 60:
		w.pays()
	case n < 80:
		w.push()
	case n < 84:
		w.elsewhere()
	case n < 88:
		w.broadcast()
	case n < 92:
		w.erase()
	case n < 94: // a node is started again
		i := w.rand.IntN(len(w.nodes))
		w.nodes[i].stop()
		w.nodes[i] = w.open()
	default:
		time.Sleep(time.Duration(w.rand.Int64N(int64(10 * time.Minute))))
	}
}

// calm waits until every campaign has ended, and lets all nodes write down what they know.
func (w *town) calm() []minapush.Campaign {
	for began := time.Now(); ; time.Sleep(5 * time.Second) {
		list, err := w.nodes[0].campaigns.Latest(w.t.Context(), w.app, "", 1000)
		must(w.t, err)
		if !slices.ContainsFunc(list, func(m minapush.Campaign) bool { return !m.State.Ended() }) {
			for _, o := range w.nodes {
				must(w.t, o.bank.Flush(w.t.Context()))
			}
			return list
		}
		if time.Since(began) > 3*time.Hour {
			w.t.Fatalf("campaigns do not end: %+v", list[0])
		}
	}
}

// The figures of the daybook, added up, are what a full count of the store finds, and what whoever caused them counted.
func TestTheDaybookIsAFullCount(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(13*time.Hour + 30*time.Minute) // 21:30 in Beijing
				w := &town{
					t: t, app: minapush.App{ID: "wx1", Number: 1, Shards: 4, Rate: minapush.Unlimited, InFlight: 16, CreatedAt: time.Now()},
					model: storetest.NewModel(time.Now), rand: rand.New(rand.NewPCG(seed, 1)), luck: rand.New(rand.NewPCG(seed, 2)),
					want: map[string]map[string]int64{}, taken: map[string]int64{},
				}
				w.nodes = []*office{w.open(), w.open()}
				for began := time.Now(); time.Since(began) < 5*time.Hour; {
					w.step()
				}
				ended := w.calm()
				w.check(ended)
				w.checkSurvey()
				w.nodes[0].stop()
				fresh := w.open() // reads what is written
				w.nodes[0] = fresh
				w.check(ended)
				for _, o := range w.nodes {
					o.stop()
				}
				must(t, w.model.Close())
			})
		})
	}
}

// check compares the daybook with what was counted.
func (w *town) check(ended []minapush.Campaign) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.nodes {
		days, err := o.bank.Days(w.t.Context(), w.app, w.app.CreatedAt, 3)
		must(w.t, err)
		got := map[string]map[string]int64{}
		for _, d := range days {
			if income := d.Sum(bank.FigureIncome); income != w.taken[d.Date.Format("2006-01-02")] {
				w.t.Errorf("%s: income is %d, want %d", d.Date.Format("2006-01-02"), income, w.taken[d.Date.Format("2006-01-02")])
			}
			for what, keys := range d.Figures {
				for key, n := range keys {
					add(got, what, key, n)
				}
			}
		}
		if len(w.taken) < 2 {
			w.t.Errorf("all came on one day: %v", w.taken)
		}
		want := w.fullCount(o, ended)
		delete(got, bank.FigureIncome)
		if diff := cmp.Diff(want, got); diff != "" {
			w.t.Fatalf("the daybook differs from a full count: %s", diff)
		}
		for _, what := range []string{
			bank.FigureRefused, bank.FigureDuplicate, bank.FigureErrcode, bank.FigureVoid, bank.FigureOutcome, bank.FigureDeposited,
			bank.FigureSpent, bank.FigureDead, bank.FigureExpired, bank.FigureErased,
		} {
			if len(got[what]) == 0 {
				w.t.Errorf("nothing of %s happened: this proves little", what)
			}
		}
	}
}

func add(to map[string]map[string]int64, what, key string, n int64) {
	if n == 0 {
		return
	}
	if to[what] == nil {
		to[what] = map[string]int64{}
	}
	to[what][key] += n
}

// fullCount counts everything from the records of the store: flows, and every row of pushes.
func (w *town) fullCount(o *office, ended []minapush.Campaign) map[string]map[string]int64 {
	ctx := w.t.Context()
	want := map[string]map[string]int64{}
	for what, keys := range w.want {
		for key, n := range keys {
			add(want, what, key, n)
		}
	}
	totals, err := o.bank.Totals(ctx, w.app)
	must(w.t, err)
	if !totals.Closes() {
		w.t.Fatalf("the totals do not close: %+v", totals)
	}
	flow, err := o.bank.Flow(ctx, w.app)
	must(w.t, err)
	for kind, c := range flow {
		for what, n := range map[string]int64{
			bank.FigureDeposited: c.Deposited, bank.FigureSpent: c.Spent, bank.FigureDead: c.Dead, bank.FigureExpired: c.Expired,
			bank.FigureEvicted: c.Evicted, bank.FigureErased: c.Erased,
		} {
			add(want, what, kind.String(), n)
		}
	}
	for _, m := range ended {
		p, err := o.ledger.Sum(ctx, w.app, m.ID)
		must(w.t, err)
		if diff := cmp.Diff(*m.Sums, p.Tally); diff != "" || !m.Sums.Closes() {
			w.t.Errorf("campaign %s was kept with other sums: %s", m.ID, diff)
		}
		for _, o := range minapush.Outcomes {
			add(want, bank.FigureOutcome, "campaign."+o.String(), p.Tally.Count(o))
		}
	}
	for _, batch := range []string{minapush.PushBatch(w.app.CreatedAt), minapush.PushBatch(w.app.CreatedAt.Add(24 * time.Hour))} {
		p, err := o.ledger.Sum(ctx, w.app, batch)
		must(w.t, err)
		for outcome, reasons := range p.Tally.By {
			for reason, n := range reasons {
				by := "push."
				if reason == minapush.ReasonElsewhere {
					by = "elsewhere."
				}
				add(want, bank.FigureOutcome, by+outcome.String(), n)
			}
		}
	}
	return want
}

// checkSurvey compares a survey with a full count.
func (w *town) checkSurvey() {
	w.t.Helper()
	ctx, o, now := w.t.Context(), w.nodes[0], time.Now()
	s, err := o.bank.Survey(ctx, w.app)
	must(w.t, err)
	must(w.t, o.bank.Flush(ctx)) // what the survey swept
	totals, err := o.bank.Totals(ctx, w.app)
	must(w.t, err)
	var users, uses, reached int64
	reach := map[string]int64{}
	for cursor := ""; ; {
		page, err := o.bank.Export(ctx, w.app, cursor, 0)
		must(w.t, err)
		for _, u := range page.Users {
			users++
			ready := map[string]bool{}
			for _, h := range u.Permits {
				if h.State == minapush.Available && h.Ready(now) {
					ready[h.Template] = true
				}
			}
			for template := range ready {
				reach[template]++
			}
			if len(ready) > 0 {
				reached++
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	for _, p := range s.ByPermit {
		if p.Kind != minapush.Standing {
			uses += p.Uses
		}
	}
	got := map[string]int64{}
	for _, r := range s.Reach {
		if r.Days[0] > 0 {
			got[r.Template] = r.Days[0]
		}
	}
	by := s.ByRemaining
	if s.Users != users || uses != totals.Available || by[0] != users-reached || by[1]+by[2]+by[3] != reached || cmp.Diff(reach, got) != "" {
		w.t.Errorf("survey %+v differs from a full count: %d users, %d uses, %d reached, %v", s, users, totals.Available, reached, reach)
	}
}
