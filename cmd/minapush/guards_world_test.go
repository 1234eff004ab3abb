package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/minapush/minapush/store/redisstore"
	"github.com/minapush/minapush/store/storetest"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
)

// aheadVariable tells a process that is the program by how much its clock is put forward.
const aheadVariable = "MINAPUSH_TEST_AHEAD"

// serveAhead is `minapush serve` with a clock that is put forward; args are its flags.
func serveAhead(by string, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var f serveFlags
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	f.add(flags)
	ahead, err := time.ParseDuration(by)
	if err == nil {
		err = flags.Parse(args)
	}
	if err == nil {
		f.now = func() time.Time { return time.Now().Add(ahead) }
		err = serve(ctx, f, slog.New(slog.NewTextHandler(os.Stderr, nil)), func(private, _, _ string) { fmt.Println("private", private) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// calendar is a fleet that lives from day to day: each day all nodes start anew, with the clock at a time of the day in Shanghai.
type calendar struct {
	*fleet
	random *rand.Rand
	store  string
	names  []string // of the nodes
	hour   time.Duration
	first  time.Time // when the first day begins, on its own clock
	day    int
	ahead  time.Duration // by how much clocks are put forward
	began  int64         // messages that had been accepted when the day began
	ids    []string      // of all campaigns
	says   map[string]storetest.CheckContent
}

// newCalendar makes a fleet whose days begin at an hour, in a store. No node runs yet.
func newCalendar(t *testing.T, random *rand.Rand, users int, hour time.Duration, store string, names ...string) *calendar {
	t.Helper()
	c := &calendar{fleet: newFleet(t, users), random: random, store: store, names: names, hour: hour, says: map[string]storetest.CheckContent{}}
	c.first = minapush.DayStart(time.Now(), shanghai).Add(24 * time.Hour)
	c.day = -1
	return c
}

// today is when the day began.
func (c *calendar) today() time.Time { return c.first.Add(time.Duration(c.day) * 24 * time.Hour) }

// nextDay ends the nodes and starts them again on the next day.
func (c *calendar) nextDay() {
	c.t.Helper()
	c.stop()
	c.nodes = nil
	c.day++
	c.ahead = time.Until(c.today().Add(c.hour))
	must(c.t, c.sandbox.Advance(c.ahead-c.sandbox.Offset()))
	for _, name := range c.names {
		c.up(name)
	}
	c.began = c.accepted()
}

// up starts a node on the day that it is.
func (c *calendar) up(name string) *node {
	c.t.Helper()
	return c.start(name, c.store, aheadVariable+"="+c.ahead.String())
}

// any is one of the nodes that run.
func (c *calendar) any() *node {
	var up []*node
	for _, n := range c.nodes {
		if n.runs() {
			up = append(up, n)
		}
	}
	return up[c.random.IntN(len(up))]
}

// strike kills a node when so many messages of the day went out, and starts it again.
func (c *calendar) strike(at int) {
	c.t.Helper()
	c.untilAccepted(c.t.Context(), c.began+int64(at))
	n := c.any()
	n.kill()
	c.t.Logf("day %d: %s killed after %d messages", c.day, n.name, c.accepted()-c.began)
	c.up(n.name)
}

// calendarShards are few, so that a test spends its time on sending.
const calendarShards = 16

// makeGuarded makes the app, with guards.
func (c *calendar) makeGuarded(guards api.Guards) {
	c.t.Helper()
	ctx, n := c.t.Context(), c.nodes[0]
	_, err := n.client.CreateApp(ctx, api.NewApp{
		AppID: testApp, Secret: testSecret, BaseURL: c.wechat, Rate: max(200, len(c.users)), Shards: calendarShards, Guards: &guards,
	})
	must(c.t, err)
	for _, tmpl := range []api.Template{{ID: legacyT, Kind: "legacy"}, {ID: oneTimeT, Kind: "one_time"}} {
		_, err = n.client.PutTemplate(ctx, testApp, tmpl)
		must(c.t, err)
	}
}

// earn lets every user submit forms and accept subscriptions today.
func (c *calendar) earn(forms, subscriptions int) {
	c.t.Helper()
	must(c.t, c.sandbox.SubscribeAll(testApp, oneTimeT, subscriptions))
	rows := client.NDJSON(c.earned(forms, subscriptions))
	defer rows.Close()
	done, err := c.nodes[0].client.ImportPermits(c.t.Context(), testApp, fmt.Sprint("day", c.day), rows, client.Rows{})
	must(c.t, err)
	if want := int64(len(c.users) * (forms + subscriptions)); done.Accepted != want {
		c.t.Fatalf("%d of %d permits taken: %+v", done.Accepted, want, done)
	}
}

func (c *calendar) earned(forms, subscriptions int) iter.Seq2[api.PermitRow, error] {
	return func(yield func(api.PermitRow, error) bool) {
		for _, user := range c.users {
			codes, err := c.sandbox.IssueFormIDs(testApp, user, forms)
			if err != nil {
				yield(api.PermitRow{}, err)
				return
			}
			for _, code := range codes {
				if !yield(api.PermitRow{OpenID: user, Kind: "form", Code: code}, nil) {
					return
				}
			}
			for range subscriptions {
				if !yield(api.PermitRow{OpenID: user, Kind: "subscribe", Template: oneTimeT}, nil) {
					return
				}
			}
		}
	}
}

// oneTime and legacy say something by their page.
func oneTime(page string) api.Message {
	return api.Message{Template: oneTimeT, Page: page, Values: map[string]string{"thing1": "签到提醒"}}
}

func legacy(page string) api.Message {
	return api.Message{Template: legacyT, Page: page, Values: map[string]string{"keyword1": "签到提醒"}}
}

// send starts campaigns to everybody at once, each through some node.
func (c *calendar) send(messages ...api.Message) []broadcast {
	c.t.Helper()
	return c.sendTo(nil, messages)
}

// sendPart starts campaigns at once, each to another part of all users, so that none of them comes first everywhere.
func (c *calendar) sendPart(messages ...api.Message) []broadcast {
	c.t.Helper()
	return c.sendTo(func(m api.Message) *api.Audience {
		return &api.Audience{Where: json.RawMessage(fmt.Sprintf(`{"share":{"until":60,"salt":%q}}`, m.Page))}
	}, messages)
}

func (c *calendar) sendTo(part func(api.Message) *api.Audience, messages []api.Message) []broadcast {
	c.t.Helper()
	list := make([]broadcast, len(messages))
	var group errgroup.Group
	for i, m := range messages {
		n, key := c.any(), fmt.Sprintf("day%d-%d", c.day, len(c.ids)+i)
		campaign := api.NewCampaign{Message: m, Start: true}
		if part != nil {
			campaign.Audience = part(m)
		}
		group.Go(func() error {
			got, err := n.client.CreateCampaign(c.t.Context(), testApp, campaign, key)
			list[i] = broadcast{id: got.ID, message: m}
			return err
		})
	}
	must(c.t, group.Wait())
	for _, b := range list {
		c.tell(b.id, b.message, "")
	}
	return list
}

// tell notes what a campaign says, for the check of the store.
func (c *calendar) tell(id string, m api.Message, series string) {
	says := minapush.Message{Template: m.Template, Page: m.Page, Values: m.Values}
	c.ids = append(c.ids, id)
	c.says[id] = storetest.CheckContent{Content: says.Content(), Series: series}
}

// ended waits until campaigns have ended by themselves, and wants their sums to close.
func (c *calendar) ended(list []broadcast) (sums map[string]int64, reasons map[string]int64) {
	c.t.Helper()
	sums, reasons = map[string]int64{}, map[string]int64{}
	for _, b := range list {
		got := c.finished(c.any(), b, 2*time.Minute)
		p, all := got.Progress, got.Audience.Where == nil
		if !adds(p) || p.Pending != 0 || all && p.Audience != int64(len(c.users)) {
			c.t.Errorf("day %d, %s: the sum does not close over %d users: %+v", c.day, b.message.Page, len(c.users), p)
		}
		for outcome, n := range p.Outcomes {
			sums[outcome] += n
		}
		for reason, n := range p.Reasons["skipped"] {
			reasons[reason] += n
		}
	}
	return sums, reasons
}

// open ends the nodes and opens what they leave.
func (c *calendar) open(dir string) store.Store {
	c.t.Helper()
	c.stop()
	var st store.Store
	var err error
	if dir != "" {
		st, err = pebblestore.Open(dir, pebblestore.Config{})
	} else {
		var cfg redisstore.Config
		cfg, err = redisstore.ParseURL(c.store)
		must(c.t, err)
		st, err = redisstore.Open(c.t.Context(), cfg)
	}
	must(c.t, err)
	return st
}

// checkStore proves the invariants on the store itself, and that it kept the guards.
func (c *calendar) checkStore(dir string, guard storetest.CheckGuard) {
	c.t.Helper()
	st := c.open(dir)
	defer func() { must(c.t, st.Close()) }()
	guard.Zone, guard.Contents = shanghai, c.says
	app := minapush.App{Number: 1, Shards: calendarShards}
	storetest.MustCheck(c.t, st, storetest.Scope{
		Apps: []minapush.App{app}, Batches: map[uint32][]string{1: c.ids}, Guards: map[uint32]storetest.CheckGuard{1: guard},
	})
}

// pageOf is the page of a message without what tells its delivery apart.
func pageOf(m sandbox.Message) string {
	page, _, _ := strings.Cut(m.Page, "?")
	return page
}

// arrived is what the simulator delivered to a user today.
func (c *calendar) arrived(user string) (today []sandbox.Message) {
	c.t.Helper()
	all, err := c.sandbox.Messages(testApp, user)
	must(c.t, err)
	for _, m := range all {
		if !m.Time.Before(c.today()) {
			today = append(today, m)
		}
	}
	return today
}
