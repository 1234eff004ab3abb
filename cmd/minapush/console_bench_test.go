package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

// consolePermits names how many permits the store of BenchmarkConsolePages has. Defaults to 100000; the target, each page under 100 ms at
// the median, is set for 10000000, which takes some minutes to fill and 5 GB of disk.
const consolePermits = "MINAPUSH_BENCH_PERMITS"

const (
	// benchHeld is how many permits a user holds: two of the first template, and one in three holds three of the second.
	benchHeld    = 3
	benchFillers = 256
	otherT       = "S_other_template_of_the_tests_0000000000000"
)

// Every page, over a whole server on the embedded store: filled, counted, with a campaign that has ended and one that is half way.
func BenchmarkConsolePages(b *testing.B) {
	permits := 100_000
	if s := os.Getenv(consolePermits); s != "" {
		n, err := strconv.Atoi(s)
		must(b, err)
		permits = n
	}
	w := newBenchWorld(b, permits)
	for _, page := range w.everyPage() {
		b.Run(page.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				w.get(b, page.path)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
			b.ReportMetric(0, "ns/op") // the mean says nothing
			b.ReportMetric(ms(took[len(took)/2]), "median-ms")
			b.ReportMetric(ms(took[len(took)*95/100]), "p95-ms")
		})
	}
}

// benchWorld is a server with many permits, and a browser's client that is signed in.
type benchWorld struct {
	b           *testing.B
	sys         *system
	app         minapush.App
	url         string
	client      *http.Client
	users       int
	ended, half string // campaigns
	draft       string
}

func newBenchWorld(b *testing.B, permits int) *benchWorld {
	b.Helper()
	began := time.Now()
	w := &benchWorld{b: b, users: max(1000, permits/benchHeld)}
	sys, err := assemble(b.Context(), settings{store: "pebble:" + b.TempDir()}, slog.New(slog.DiscardHandler))
	must(b, err)
	w.sys = sys
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sys.run(ctx, context.Background()) }()
	server := httptest.NewServer(sys.private(""))
	weChat := httptest.NewServer(http.HandlerFunc(takesAll()))
	b.Cleanup(func() {
		sys.console.Close()
		server.Close()
		stop()
		must(b, <-ended)
		must(b, sys.store.Close())
		weChat.Close()
	})
	w.url = server.URL
	w.makeApp(weChat.URL)
	w.fill()
	filled := time.Since(began)
	w.ended = w.campaign("周末签到提醒", otherT, func(m minapush.Campaign) bool { return m.State == minapush.Finished })
	w.sendHalf()
	w.draft = w.create("还没有开始的任务", oneTimeT)
	_, err = sys.bank.Survey(b.Context(), w.app)
	must(b, err)
	w.signIn()
	b.Logf("%d users with %d permits, filled in %v; ready after %v", w.users, w.permits(), filled.Round(time.Second), time.Since(began).Round(time.Second))
	return w
}

// takesAll is a WeChat that takes most messages, refuses some and fails a few.
func takesAll() func(http.ResponseWriter, *http.Request) {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		k := n.Add(1)
		switch {
		case strings.HasSuffix(r.URL.Path, "/stable_token"):
			fmt.Fprint(w, `{"access_token":"token","expires_in":7200}`)
		case strings.HasSuffix(r.URL.Path, "/quota/get"):
			fmt.Fprint(w, `{"errcode":0,"errmsg":"ok","quota":{"daily_limit":30000000,"used":1,"remain":29999999}}`)
		case strings.HasSuffix(r.URL.Path, "/gettemplate"):
			fmt.Fprint(w, `{"errcode":0,"errmsg":"ok","data":[]}`)
		case k%50 == 0:
			fmt.Fprint(w, `{"errcode":43101,"errmsg":"user refuse to accept the msg"}`)
		case k%200 == 1:
			fmt.Fprint(w, `{"errcode":40003,"errmsg":"invalid openid"}`)
		default:
			fmt.Fprintf(w, `{"errcode":0,"errmsg":"ok","msgid":%d}`, k)
		}
	}
}

func (w *benchWorld) makeApp(weChat string) {
	w.b.Helper()
	shards := minapush.DefaultShards
	if w.users > 1_000_000 {
		shards = 4096
	}
	ctx := w.b.Context()
	var err error
	w.app, err = w.sys.accounts.CreateApp(ctx, minapush.App{
		ID: testApp, Name: "演示商城", BaseURL: weChat, Rate: minapush.Unlimited, InFlight: 256, Shards: shards,
	}, testSecret)
	must(w.b, err)
	for id, title := range map[string]string{oneTimeT: "签到提醒", otherT: "活动开始提醒"} {
		must(w.b, w.sys.accounts.PutTemplate(ctx, testApp, minapush.Template{
			ID: id, Kind: minapush.OneTimeTemplate, Title: title, Keys: []minapush.TemplateKey{{Key: "thing1", Label: "温馨提示", Type: "thing"}},
		}))
	}
}

func benchUser(i int) minapush.OpenID {
	return minapush.OpenID(fmt.Sprintf("oBench_%07d_of_the_console", i))
}

// held is how many permits of each template the i-th user holds.
func held(i int) map[string]int {
	if i%3 == 0 {
		return map[string]int{oneTimeT: 2, otherT: 3}
	}
	return map[string]int{oneTimeT: 2}
}

func (w *benchWorld) permits() (n int) {
	for i := range 3 {
		for _, k := range held(i) {
			n += k * (w.users/3 + min(1, max(0, w.users%3-i)))
		}
	}
	return n
}

// fill deposits what users hold from many goroutines, so that the store commits them in large groups.
func (w *benchWorld) fill() {
	w.b.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	for range benchFillers {
		all.Go(func() {
			for i := int(next.Add(1) - 1); i < w.users; i = int(next.Add(1) - 1) {
				var list []minapush.Permit
				now := time.Now().UTC().Add(-time.Duration(i%(20*24)) * time.Hour)
				for tmpl, n := range held(i) {
					for k := range n {
						list = append(list, minapush.Permit{
							Kind: minapush.Subscription, Template: tmpl, Identity: fmt.Sprint(tmpl[:3], i, k), Uses: 1, TakenAt: now,
						})
					}
				}
				if _, err := w.sys.bank.Deposit(context.Background(), w.app, benchUser(i), list); err != nil {
					w.b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if w.b.Failed() {
		w.b.FailNow()
	}
}

func (w *benchWorld) create(name, tmpl string) string {
	w.b.Helper()
	t, err := w.sys.accounts.Template(w.b.Context(), testApp, tmpl)
	must(w.b, err)
	m, _, err := w.sys.campaigns.Create(w.b.Context(), w.app, campaign.Draft{
		Name: name, Template: t,
		Message: minapush.Message{Template: tmpl, Page: "pages/index/index", Values: map[string]string{"thing1": "记得签到"}},
	})
	must(w.b, err)
	return m.ID
}

// campaign starts one and waits until it is as wanted.
func (w *benchWorld) campaign(name, tmpl string, ok func(minapush.Campaign) bool) string {
	w.b.Helper()
	id := w.create(name, tmpl)
	_, err := w.sys.campaigns.Start(w.b.Context(), w.app, id)
	must(w.b, err)
	for deadline := time.Now().Add(time.Hour); ; {
		m, err := w.sys.campaigns.Get(w.b.Context(), testApp, id)
		must(w.b, err)
		if ok(m) {
			return id
		}
		if time.Now().After(deadline) || m.State.Ended() {
			w.b.Fatalf("campaign %s is %s: %+v", name, m.State, m.Why)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// sendHalf stops a campaign when a tenth of its people had it.
func (w *benchWorld) sendHalf() {
	w.b.Helper()
	w.half = w.campaign("正在发送", oneTimeT, func(m minapush.Campaign) bool {
		p, err := w.sys.ledger.Sum(w.b.Context(), w.app, m.ID)
		must(w.b, err)
		return p.Tally.Count(minapush.Accepted) >= int64(min(w.users/10, 100_000))
	})
	_, err := w.sys.campaigns.Pause(w.b.Context(), testApp, w.half, minapush.Reason{Code: "operator"})
	must(w.b, err)
}

func (w *benchWorld) signIn() {
	w.b.Helper()
	secret, err := w.sys.accounts.InviteFirst(w.b.Context())
	must(w.b, err)
	jar, err := cookiejar.New(nil)
	must(w.b, err)
	w.client = &http.Client{Jar: jar}
	resp, err := w.client.PostForm(w.url+"/console/welcome", url.Values{
		"code": {secret}, "name": {"wang"}, "password": {consolePass}, "again": {consolePass},
	})
	must(w.b, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.Contains(resp.Request.URL.Path, "/apps/") {
		w.b.Fatalf("sign in: %s at %s", resp.Status, resp.Request.URL)
	}
}

func (w *benchWorld) get(b *testing.B, path string) string {
	b.Helper()
	resp, err := w.client.Get(w.url + "/console/" + path)
	must(b, err)
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s %v", path, resp.Status, err)
	}
	return string(page)
}

type benchPage struct{ name, path string }

// everyPage are pages, and all others of which one has a link.
func (w *benchWorld) everyPage() []benchPage {
	w.b.Helper()
	link := regexp.MustCompile(`href="(/console/[^"#]*)"`)
	list, seen := w.pages(), map[string]bool{"": true}
	for _, page := range list {
		seen[sortOfPage("/console/"+page.path)] = true
	}
	for i := 0; i < len(list); i++ {
		for _, found := range link.FindAllStringSubmatch(w.get(w.b, list[i].path), -1) {
			address := html.UnescapeString(found[1])
			sort := sortOfPage(address)
			if path := strings.TrimPrefix(address, "/console/"); !seen[sort] && !strings.HasPrefix(path, "assets/") {
				list = append(list, benchPage{strings.TrimPrefix(strings.TrimPrefix(sort, "/console/"), "apps/"+testApp+"/"), path})
			}
			seen[sort] = true
		}
	}
	return list
}

// pages are those that have something to do, or that differ in what they ask for.
func (w *benchWorld) pages() []benchPage {
	app := "apps/" + testApp + "/"
	one, half := app+"campaigns/"+w.ended, app+"campaigns/"+w.half
	return []benchPage{
		{"start", "?all"}, {"signin", "signin"},
		{"overview", app}, {"campaigns", app + "campaigns"}, {"campaigns-filtered", app + "campaigns?state=finished&q=%E7%AD%BE%E5%88%B0"},
		{"choose-template", app + "campaigns/new"}, {"compose", app + "campaigns/new?template=" + oneTimeT},
		{"compose-copy", app + "campaigns/new?copy=" + w.ended}, {"check", app + "campaigns/" + w.draft + "/check"},
		{"campaign-ended", one}, {"campaign-half-way", half}, {"campaign-brief", half + "/brief"}, {"cancel", half + "/cancel"},
		{"deliveries", one + "/deliveries"}, {"deliveries-failed", one + "/deliveries?outcome=failed"},
		{"deliveries-unknown", one + "/deliveries?outcome=unknown"}, {"deliveries-pending", half + "/deliveries?outcome=pending"},
		{"users", app + "users"}, {"user", app + "users/" + string(benchUser(3))}, {"user-erase", app + "users/" + string(benchUser(3)) + "/erase"},
		{"permits", app + "permits"}, {"scenes", app + "scenes"},
	}
}
