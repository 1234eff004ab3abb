package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/server"
	"github.com/minapush/minapush/store"
)

const (
	count = base + "/audience/count"
	draw  = base + "/audience/sample"
)

// barrier is a store whose walks stop before a shard until they are let through.
type barrier struct {
	audience.Walker
	shard  uint32
	inside chan visit // who stands before it
}

// visit is one walk that stands before a barrier.
type visit struct {
	ctx  context.Context
	open chan error // what becomes of it
}

func (g *barrier) Walk(ctx context.Context, s minapush.Shard, after minapush.OpenID, limit int, beside ...string) ([]store.User, error) {
	if s.N == g.shard {
		v := visit{ctx, make(chan error, 1)}
		select {
		case g.inside <- v:
		case <-ctx.Done():
		}
		select {
		case err := <-v.open:
			if err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return g.Walker.Walk(ctx, s, after, limit, beside...)
}

// barred is a server whose passes stop before a shard, over TCP.
func barred(t *testing.T, shard uint32, every time.Duration) (*bundle, *barrier, string) {
	t.Helper()
	g := &barrier{shard: shard, inside: make(chan visit)}
	b := setup(t, func(p *server.Parts, c *server.Config) {
		c.ProgressEvery = every
		p.Counter = audience.NewCounter(g, c.Now)
	})
	g.Walker = b.model
	b.addApps(t)
	s := httptest.NewServer(b.server.Private())
	t.Cleanup(s.Close)
	return b, g, s.URL
}

// ask begins a call whose answer is read line by line.
func (b *bundle) ask(ctx context.Context, t *testing.T, address, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "POST", address, strings.NewReader(body))
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+b.admin)
	a, err := http.DefaultTransport.RoundTrip(r)
	must(t, err)
	t.Cleanup(func() { _ = a.Body.Close() })
	return a
}

// linesOf decodes all lines of an answer.
func linesOf(t *testing.T, body string) (list []api.AudienceLine) {
	t.Helper()
	for line := range strings.Lines(body) {
		var l api.AudienceLine
		must(t, json.Unmarshal([]byte(line), &l))
		list = append(list, l)
	}
	if len(list) == 0 {
		t.Fatal("got no line")
	}
	return list
}

func TestACountSaysForWhomAnExpressionHoldsAndWhoCanBeReached(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.ProgressEvery = time.Hour }).withApp(t)
	for i := range 30 {
		o := minapush.OpenID(fmt.Sprintf("oUser%02d", i))
		b.deposit(t, o)
		if i < 10 {
			want[api.Profile](t, b.putProfile(t, string(o), `{"tags":["vip"]}`), 200)
		}
		if i%2 == 0 {
			b.deposit(t, o, b.subscription(i))
		}
		if i < 4 {
			want[api.Profile](t, b.call(t, "PUT", users+string(o)+"/opt-out", b.admin, `{"opt_out":"campaigns"}`), 200)
		}
	}
	a := b.call(t, "POST", count, b.admin, `{"where":{"tag":"vip"},"template":"`+tmplID+`"}`)
	lines := linesOf(t, a.body)
	got := lines[len(lines)-1]
	if a.status != 200 || a.header.Get("Content-Type") != api.NDJSONType || len(lines) != 1 {
		t.Fatalf("got %d %v %s", a.status, a.header, a.body)
	}
	if got.Walked != 30 || got.Matched != 10 || got.OptedOut != 4 || got.Reachable == nil || *got.Reachable != 3 || !got.Done || got.ShardsDone != 4 ||
		got.Shards != 4 || !got.At.Equal(b.clock.now()) || got.Sample != nil {
		t.Errorf("got %s", a.body)
	}
	for _, everybody := range []string{`{}`, `{"where":null}`} {
		if all := linesOf(t, b.call(t, "POST", count, b.admin, everybody).body)[0]; all.Matched != 30 || all.Reachable != nil {
			t.Errorf("%s: got %+v", everybody, all)
		}
	}
}

func TestASampleIsSomeOfThoseForWhomItHolds(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.ProgressEvery = time.Hour }).withApp(t)
	var vip []string
	for i := range 40 {
		o := fmt.Sprintf("oUser%02d", i)
		b.deposit(t, minapush.OpenID(o))
		if i%2 == 0 {
			vip = append(vip, o)
			want[api.Profile](t, b.putProfile(t, o, `{"tags":["vip"]}`), 200)
		}
	}
	for asked, n := range map[string]int{`,"sample":3`: 3, ``: api.DefaultSample, `,"sample":100`: len(vip)} {
		got := linesOf(t, b.call(t, "POST", draw, b.admin, `{"where":{"tag":"vip"}`+asked+`}`).body)[0]
		slices.Sort(got.Sample)
		if len(slices.Compact(slices.Clone(got.Sample))) != n || got.Matched != int64(len(vip)) {
			t.Errorf("%s: got %+v, want %d", asked, got, n)
		}
		for _, o := range got.Sample {
			if !slices.Contains(vip, o) {
				t.Errorf("%s: %s is none of them", asked, o)
			}
		}
	}
}

func TestAPassTellsHowFarItIsWhileItGoesOn(t *testing.T) {
	t.Parallel()
	b, g, address := barred(t, 2, time.Millisecond)
	a := b.ask(t.Context(), t, address+count, `{}`)
	pass := <-g.inside
	read := bufio.NewScanner(a.Body)
	var seen, last api.AudienceLine
	for seen.ShardsDone < 2 { // the lines come while the pass stands still
		if !read.Scan() {
			t.Fatalf("the answer ended: %v", read.Err())
		}
		must(t, json.Unmarshal(read.Bytes(), &seen))
		if seen.Done || seen.Shards != 4 || seen.ShardsDone > 2 {
			t.Fatalf("got %+v", seen)
		}
	}
	pass.open <- nil
	for read.Scan() {
		if last.Done {
			t.Errorf("there is a line after the last: %s", read.Text())
		}
		last = api.AudienceLine{}
		must(t, json.Unmarshal(read.Bytes(), &last))
	}
	if must(t, read.Err()); !last.Done || last.ShardsDone != 4 {
		t.Errorf("got last line %+v", last)
	}
}

func TestAPassThatFailsHalfWayEndsWithItsProblem(t *testing.T) {
	t.Parallel()
	b, g, address := barred(t, 2, time.Millisecond)
	a := b.ask(t.Context(), t, address+count, `{}`)
	pass := <-g.inside
	read := bufio.NewScanner(a.Body)
	if !read.Scan() {
		t.Fatal("there is no line")
	}
	pass.open <- minapush.Errorf(minapush.Unavailable, "secret-host is down")
	var text string
	for read.Scan() {
		text = read.Text()
	}
	var last api.AudienceLine
	must(t, json.Unmarshal([]byte(text), &last))
	if last.Done || last.Problem == nil || last.Problem.Number != api.NumUnavailable || strings.Contains(text, "secret-host") {
		t.Errorf("got last line %s", text)
	}
}

func TestAPassThatFailsAtOnceIsAnOrdinaryProblem(t *testing.T) {
	t.Parallel()
	b, g, address := barred(t, 0, time.Hour)
	answers := make(chan *http.Response, 1)
	go func() { answers <- b.ask(t.Context(), t, address+count, `{}`) }()
	(<-g.inside).open <- minapush.Errorf(minapush.Unavailable, "secret-host is down")
	a := <-answers
	var p api.Problem
	must(t, json.NewDecoder(a.Body).Decode(&p))
	if a.StatusCode != 503 || a.Header.Get("Content-Type") != api.ProblemType || p.Number != api.NumUnavailable {
		t.Errorf("got %d %+v", a.StatusCode, p)
	}
}

func TestAPassThatTakesTooLongIsEnded(t *testing.T) {
	t.Parallel()
	g := &barrier{shard: 1, inside: make(chan visit, 1)}
	b := setup(t, func(p *server.Parts, c *server.Config) {
		c.StreamTimeout, c.ProgressEvery, p.Counter = 50*time.Millisecond, time.Hour, audience.NewCounter(g, c.Now)
	})
	g.Walker = b.model
	b.addApps(t)
	wantProblem(t, b.call(t, "POST", count, b.admin, `{}`), api.NumUnavailable, "")
}

func TestWhoGoesAwayEndsThePass(t *testing.T) {
	t.Parallel()
	b, g, address := barred(t, 1, time.Millisecond)
	ctx, goAway := context.WithCancel(t.Context())
	b.ask(ctx, t, address+count, `{}`)
	pass := <-g.inside
	goAway()
	select {
	case <-pass.ctx.Done():
	case <-t.Context().Done():
		t.Fatal("the pass goes on")
	}
}

func TestOnlyAFewPassesOfAnAppGoOnAtATime(t *testing.T) {
	t.Parallel()
	b, g, address := barred(t, 1, time.Hour)
	ctx, goAway := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for range 2 {
		asking.Go(func() {
			r, err := http.NewRequestWithContext(ctx, "POST", address+count, strings.NewReader(`{}`))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer "+b.admin)
			if a, err := http.DefaultTransport.RoundTrip(r); err == nil {
				_ = a.Body.Close()
			}
		})
		<-g.inside
	}
	a := b.call(t, "POST", draw, b.admin, `{}`)
	if p := wantProblem(t, a, api.NumThrottled, ""); p.Code != api.Throttled || a.header.Get("Retry-After") == "" {
		t.Errorf("got %+v", p)
	}
	done := make(chan struct{})
	go func() { (<-g.inside).open <- nil; close(done) }()
	other := b.call(t, "POST", strings.Replace(count, appID, otherApp, 1), b.admin, `{}`)
	if <-done; other.status != 200 {
		t.Errorf("another app's: got %d %s", other.status, other.body)
	}
	goAway()
	asking.Wait()
	for { // both places are free again once their passes have ended
		next, body := make(chan answer, 1), `{}`
		go func() { next <- b.call(t, "POST", count, b.admin, body) }()
		select {
		case pass := <-g.inside:
			pass.open <- nil
			want[any](t, <-next, 200)
			return
		case a := <-next:
			wantProblem(t, a, api.NumThrottled, "")
		}
	}
}

func TestAQuestionThatBreaksARuleIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	deep := strings.Repeat(`{"not":`, 60) + `{"has_uid":true}` + strings.Repeat(`}`, 60)
	for body, c := range map[string]struct {
		number   int
		location string
	}{
		`{"where":{"all":[{"tag":"vip"},{"seen_within":"soon"}]}}`: {api.NumInvalid, "body.where.all[1].seen_within"},
		`{"where":{"sql":"1=1"}}`:                                  {api.NumInvalid, "body.where.sql"},
		`{"where":[]}`:                                             {api.NumInvalid, "body.where"},
		`{"where":"vip"}`:                                          {api.NumInvalid, "body.where"},
		`{"template":"nobody"}`:                                    {api.NumInvalid, "body.template"},
		`{"list":true}`:                                            {api.NumUnknownField, "body.list"},
	} {
		wantProblem(t, b.call(t, "POST", count, b.admin, body), c.number, c.location)
		wantProblem(t, b.call(t, "POST", draw, b.admin, body), c.number, c.location)
	}
	for _, path := range []string{count, draw} {
		p := want[api.Problem](t, b.call(t, "POST", path, b.admin, `{"where":`+deep+`}`), 400)
		if p.Number != api.NumInvalid || len(p.Errors) != 1 || !strings.HasPrefix(p.Errors[0].Location, "body.where.not.not") {
			t.Errorf("got %+v", p)
		}
	}
	wantProblem(t, b.call(t, "POST", count, b.admin, `{"sample":1}`), api.NumInvalid, "body.sample")
	wantProblem(t, b.call(t, "POST", draw, b.admin, `{"sample":-1}`), api.NumInvalid, "body.sample")
	wantProblem(t, b.call(t, "POST", draw, b.admin, `{"sample":101}`), api.NumInvalid, "body.sample")
}

// An expression may ask of the app's own campaigns. One of another app is refused as one is that nobody has.
func TestAnExpressionLearnsNothingOfAnotherAppsCampaigns(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	must(t, b.accounts.PutTemplate(t.Context(), otherApp, minapush.Template{ID: tmplID, Kind: minapush.OneTimeTemplate, Keys: []minapush.TemplateKey{{Key: "thing1"}}}))
	body := `{"message":{` + oneTime + `},"audience":{"list":true}}`
	theirs := want[api.Campaign](t, b.call(t, "POST", strings.Replace(campaigns, appID, otherApp, 1), b.admin, body), 201).ID
	ours := want[api.Campaign](t, b.call(t, "POST", campaigns, b.admin, body), 201).ID
	nobodys := theirs[:len(theirs)-4] + "9999"
	before := b.snapshot(t)
	for _, word := range []string{"got", "opened", "list"} {
		where := `{"all":[{"tag":"vip"},{"not":{"` + word + `":"ID"}}]}`
		for _, c := range []struct{ path, body, location string }{
			{count, `{"where":` + where + `}`, "body.where"},
			{draw, `{"where":` + where + `}`, "body.where"},
			{campaigns, `{"message":{` + oneTime + `},"audience":{"where":` + where + `}}`, "body.audience.where"},
			{campaigns + "?dry_run=true", `{"message":{` + oneTime + `},"audience":{"where":` + where + `}}`, "body.audience.where"},
			{schedules, daily(`,"audience":{"where":` + where + `}`), "body.audience.where"},
			{schedules + "?dry_run=true", daily(`,"audience":{"where":` + where + `}`), "body.audience.where"},
		} {
			ask := func(id string) answer {
				return b.call(t, "POST", c.path, b.admin, strings.Replace(c.body, "ID", id, 1))
			}
			one, two := ask(theirs), ask(nobodys)
			wantProblem(t, one, api.NumInvalid, c.location+".all[1].not."+word)
			if strings.ReplaceAll(one.body, theirs, nobodys) != two.body {
				t.Errorf("%s: another app's campaign is told from one that is not there:\n%s\n%s", c.path, one.body, two.body)
			}
			if strings.Contains(c.path, "audience/") || strings.Contains(c.path, "dry_run") {
				if a := ask(ours); a.status != 200 {
					t.Errorf("%s of our own: got %d %s", c.path, a.status, a.body)
				}
			}
		}
	}
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s", difference(before, after))
	}
}

// What a campaign, a dry run and a count make of an expression is the same: who checked in is left out of each.
func TestACountMeansWhatACampaignMeans(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.ProgressEvery = time.Hour }).withApp(t)
	var events []string
	for i := range 12 {
		o := fmt.Sprintf("oUser%02d", i)
		b.deposit(t, minapush.OpenID(o), b.subscription(i))
		if i%3 == 0 {
			events = append(events, `{"openid":"`+o+`","name":"checkin","age_ms":3600000}`)
		}
	}
	want[api.UserEventsAnswer](t, b.call(t, "POST", userEvents, b.admin, `{"events":[`+strings.Join(events, ",")+`]}`), 200)
	b.clock.add(time.Second)
	const where = `{"all":[{"not":{"event":{"name":"checkin","days":1}}},{"permits":{"at_least":1}}]}`
	got := linesOf(t, b.call(t, "POST", count, b.admin, `{"where":`+where+`,"template":"`+tmplID+`"}`).body)[0]
	if got.Matched != 8 || *got.Reachable != 8 || got.Walked != 12 {
		t.Fatalf("got %+v", got)
	}
	m := want[api.Campaign](t, b.call(t, "POST", campaigns, b.admin, `{"message":{`+oneTime+`},"audience":{"where":`+where+`},"start":true}`), 201)
	if p := b.until(t, m.ID, ended).Progress; p.Outcomes["accepted"] != got.Matched {
		t.Errorf("the campaign came to %+v, the count to %d", p, got.Matched)
	}
}
