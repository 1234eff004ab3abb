package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/sandbox"
)

// recipe uploads the recipe's own body, as the recipe's own code does, and returns the answer.
func (w *world) recipe(openid string, items any) api.ReportAnswer {
	w.t.Helper()
	list, err := json.Marshal(items)
	must(w.t, err)
	body, err := json.Marshal(map[string]string{"openId": openid, "formIds": string(list)})
	must(w.t, err)
	status, answer := w.post(w.url+"/v1/apps/"+testApp+"/reports", w.adminKey(), body)
	if status != http.StatusOK {
		w.t.Fatalf("status %d: %s", status, answer)
	}
	var got api.ReportAnswer
	must(w.t, json.Unmarshal(answer, &got))
	return got
}

func (w *world) adminKey() string {
	dir, err := storeDir(w.settings.store)
	must(w.t, err)
	key, err := readKey(dir)
	must(w.t, err)
	return key
}

func (w *world) post(url, key string, body []byte) (int, []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, url, bytes.NewReader(body))
	must(w.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	must(w.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	must(w.t, err)
	return resp.StatusCode, answer
}

// The rows of the recipe, S3 to S9 and S12 of the design, each through the public API against the simulator.

func TestS3CollectKeepsEachCodeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	codes, err := w.sandbox.IssueFormIDs(testApp, user, 3)
	must(t, err)
	var items []map[string]any
	for _, code := range codes {
		items = append(items, map[string]any{"formId": code, "expire": w.now().Add(60_480 * time.Second).UnixMilli()})
	}
	if got := w.recipe(user, items); got.Accepted != 3 {
		t.Fatalf("accepted %+v", got)
	}
	// Its misspelt variable never clears the array, so the same codes come with every request.
	if got := w.recipe(user, items); got.Accepted != 0 || got.Duplicate != 3 {
		t.Errorf("the same codes again: %+v", got)
	}
	if got := w.recipe(user, []string{}); got.Accepted+got.Duplicate+got.Refused != 0 {
		t.Errorf("an empty report: %+v", got)
	}
	w.restart()
	if n := balance(w.user(user), "form"); n != 3 {
		t.Errorf("balance %d after a restart", n)
	}
	w.check()
}

func balance(u api.User, kind string) (n int) {
	for _, b := range u.Balance {
		if b.Kind == kind {
			n += b.Available
		}
	}
	return n
}

func TestS4OneTokenServesEveryCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	for _, user := range w.users(50) {
		w.forms(user, 1)
	}
	m := legacyMessage("pages/s4")
	w.finished(w.campaign(m))
	if n := w.stats().Calls[sandbox.PathStableToken]; n != 1 {
		t.Errorf("the token was fetched %d times for one broadcast", n)
	}
}

func TestS5KeywordsBecomeKeyword1ToN(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	w.forms(user, 2)
	if got := w.push(user, api.Message{Template: legacyT, Page: "pages/index/index?a=1", Keywords: "签到,明天,有礼"}); got.Outcome != "accepted" {
		t.Fatalf("outcome %s %+v", got.Outcome, got.Reason)
	}
	// Empty key words are allowed, and so is no page.
	if got := w.push(user, api.Message{Template: legacyT}); got.Outcome != "accepted" {
		t.Fatalf("empty message: outcome %s %+v", got.Outcome, got.Reason)
	}
	messages, err := w.sandbox.Messages(testApp, user)
	must(t, err)
	if len(messages) != 2 || messages[0].Data["keyword1"] != "签到" || messages[0].Data["keyword3"] != "有礼" || !strings.HasPrefix(messages[0].Page, "pages/index/index?a=1&minapush=") {
		t.Errorf("received %+v", messages)
	}
}

func TestS6PushToAllReachesEverybodyWithAPermit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(200)
	for i, user := range users {
		if i%4 != 0 {
			w.forms(user, 1)
		} else {
			w.report(user, 1) // known, but without a permit for this template
		}
	}
	m := legacyMessage("pages/s6")
	id := w.campaign(m)
	got := w.finished(id)
	if p := got.Progress; p.Audience != 200 || p.Outcomes["accepted"] != 150 || p.Reasons["skipped"]["no_permit"] != 50 {
		t.Errorf("progress %+v", p)
	}
	if n := len(w.received(m)); n != 150 {
		t.Errorf("the simulator delivered to %d", n)
	}
	w.nobodyTwice(m)
	w.check(id)
}

func TestS7TheUnexpiredPermitThatEndsFirstIsSpent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	old := w.forms(user, 1)
	w.advance(24 * time.Hour)
	younger := w.forms(user, 2)
	if got := w.push(user, legacyMessage("pages/s7")); got.Outcome != "accepted" {
		t.Fatalf("outcome %s", got.Outcome)
	}
	if m, _ := w.sandbox.Messages(testApp, user); m[0].FormID != old[0] {
		t.Errorf("spent %s, the oldest is %s", m[0].FormID, old[0])
	}
	// Six days and 23 hours and 55 minutes later the younger ones are too near their end; then they expire and are counted.
	w.advance(7*24*time.Hour - 5*time.Minute)
	if got := w.push(user, legacyMessage("pages/s7")); got.Outcome != "skipped" || got.Reason.Code != "no_permit" {
		t.Errorf("outcome %s %+v with %d codes about to expire", got.Outcome, got.Reason, len(younger))
	}
	w.advance(10 * time.Minute)
	app, err := w.sys.accounts.App(t.Context(), testApp)
	must(t, err)
	_, err = w.sys.bank.Survey(t.Context(), app)
	must(t, err)
	if c := w.user(user).Counts; c.Expired != 2 || c.Spent != 1 || c.Deposited != 3 {
		t.Errorf("counts %+v", c)
	}
	w.check()
}

func TestS8OneUsersFailureDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(60)
	for _, user := range users {
		w.forms(user, 1)
	}
	_, err := w.sandbox.Script(sandbox.Fault{Path: sandbox.PathLegacySend, OpenID: users[7], Errcode: 99999})
	must(t, err)
	m := legacyMessage("pages/s8")
	id := w.campaign(m)
	got := w.finished(id)
	if p := got.Progress; p.Outcomes["accepted"] != 59 || p.Reasons["failed"]["99999"] != 1 {
		t.Errorf("progress %+v", p)
	}
	if n := balance(w.user(users[7]), "form"); n != 1 {
		t.Errorf("the failure was not the permit's: balance %d", n)
	}
	w.check(id)
}

func TestS9PushToOneUserIsAnsweredWithTheDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	w.subscribe(user, 1)
	got := w.push(user, oneTimeMessage("pages/s9"))
	if got.Outcome != "accepted" || got.MsgID < 1<<53 {
		t.Errorf("push %+v", got)
	}
	if got := w.push(user, oneTimeMessage("pages/s9")); got.Outcome != "skipped" {
		t.Errorf("without a permit: %s", got.Outcome)
	}
	w.check()
}

func TestS12APaymentGivesThreeMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	prepay, err := w.sandbox.IssuePrepayID(testApp, user)
	must(t, err)
	deposit := api.Deposit{OpenID: user, Items: []api.DepositItem{{Kind: "pay", PrepayID: "prepay_id=" + prepay}}}
	got, err := w.client.Deposit(t.Context(), testApp, deposit)
	must(t, err)
	if got.Accepted != 1 {
		t.Fatalf("deposit %+v", got)
	}
	if early := w.push(user, legacyMessage("pages/pay")); early.Outcome != "skipped" || early.RetryAt.IsZero() {
		t.Errorf("a payment of this second: %s, retry at %v", early.Outcome, early.RetryAt)
	}
	w.advance(11 * time.Second)
	for i := range 3 {
		if p := w.push(user, legacyMessage("pages/pay")); p.Outcome != "accepted" {
			t.Errorf("message %d: %s %+v", i+1, p.Outcome, p.Reason)
		}
	}
	if p := w.push(user, legacyMessage("pages/pay")); p.Outcome != "skipped" {
		t.Errorf("the fourth: %s", p.Outcome)
	}
	w.check()
}

// What the recipe gets wrong. Each of these fails on its algorithm.

func TestTwoBroadcastsAtOnceNeverUseOneCodeTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(300)
	for _, user := range users {
		w.forms(user, 1)
	}
	first, second := legacyMessage("pages/one"), legacyMessage("pages/two")
	a, b := w.campaign(first), w.campaign(second)
	pa, pb := w.finished(a).Progress, w.finished(b).Progress
	if n := pa.Outcomes["accepted"] + pb.Outcomes["accepted"]; n != 300 {
		t.Errorf("300 codes gave %d messages", n)
	}
	if n := w.stats().Answers[41029]; n != 0 {
		t.Errorf("%d codes were used a second time", n)
	}
	w.check(a, b)
}

func TestAFailureThatIsNotTheCodesGivesItBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	w.forms(user, 1)
	_, err := w.sandbox.Script(sandbox.Fault{Path: sandbox.PathLegacySend, Count: 1, Errcode: 40037})
	must(t, err)
	if got := w.push(user, legacyMessage("pages/back")); got.Outcome != "failed" || got.Errcode != 40037 {
		t.Fatalf("push %+v", got)
	}
	if got := w.push(user, legacyMessage("pages/back")); got.Outcome != "accepted" {
		t.Errorf("the code is gone: %s %+v", got.Outcome, got.Reason)
	}
	w.check()
}

func TestAClientCannotSayWhoItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(2)
	code, err := w.sandbox.LoginCode(testApp, users[0])
	must(t, err)
	session, err := w.client.Session(t.Context(), testApp, code)
	must(t, err)
	url := w.public + "/v1/apps/" + testApp + "/reports"
	items := []api.ReportItem{{Type: "form", FormID: strings.Repeat("a", 32)}}
	own, _ := json.Marshal(api.Report{Items: items})
	if status, answer := w.post(url, session.SessionToken, own); status != http.StatusOK {
		t.Fatalf("a report for oneself: %d %s", status, answer)
	}
	forged, _ := json.Marshal(api.Report{OpenID: users[1], Items: items})
	status, answer := w.post(url, session.SessionToken, forged)
	if status != http.StatusForbidden {
		t.Errorf("a report for somebody else: %d %s", status, answer)
	}
	if _, err := w.client.User(t.Context(), testApp, users[1]); err == nil {
		t.Error("the report made the other user")
	}
	status, answer = w.post(url, "nothing", forged)
	if status != http.StatusUnauthorized {
		t.Errorf("a report from nobody: %d %s", status, answer)
	}
}

func TestOneSlowAnswerDoesNotStallTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(100)
	for _, user := range users {
		w.forms(user, 1)
	}
	// The answer for one user comes only after all others have theirs; an engine that waits for it waits until the call times out.
	var others sync.WaitGroup
	others.Add(len(users) - 1)
	slow := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		held := r.URL.Path == sandbox.PathLegacySend && bytes.Contains(body, []byte(users[3]))
		if held {
			others.Wait()
		}
		w.sandbox.ServeHTTP(rw, r)
		if r.URL.Path == sandbox.PathLegacySend && !held {
			others.Done()
		}
	}))
	defer slow.Close()
	_, err := w.client.UpdateApp(t.Context(), testApp, api.AppChange{BaseURL: &slow.URL})
	must(t, err)
	id := w.campaign(legacyMessage("pages/slow"))
	if got := w.finished(id); got.Progress.Outcomes["accepted"] != 100 {
		t.Errorf("progress %+v", got.Progress)
	}
	w.check(id)
}

func TestATokenThatEndsHalfWayIsRefreshedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	for _, user := range w.users(100) {
		w.forms(user, 2)
	}
	w.finished(w.campaign(legacyMessage("pages/before")))
	before := w.stats().Calls[sandbox.PathStableToken]
	w.advance(3 * time.Hour)
	m := legacyMessage("pages/after")
	if got := w.finished(w.campaign(m)); got.Progress.Outcomes["accepted"] != 100 {
		t.Errorf("progress %+v", got.Progress)
	}
	if n := w.stats().Calls[sandbox.PathStableToken] - before; n < 1 || n > 2 {
		t.Errorf("the token was fetched %d times", n)
	}
}

func TestAnybodyCanTellWhoWasReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(40)
	for i, user := range users {
		if i < 30 {
			w.forms(user, 1)
		}
	}
	m := legacyMessage("pages/who")
	id := w.campaign(m)
	w.finished(id)
	var got []string
	for d, err := range w.client.Deliveries(t.Context(), testApp, id, "accepted") {
		must(t, err)
		got = append(got, d.OpenID)
	}
	slices.Sort(got)
	want := slices.Clone(users[:30])
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d deliveries listed, 30 users were reached", len(got))
	}
}

func TestPushesRacingACampaignNeverMeetAtOneUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Latency: sandbox.Latency{Median: 5 * time.Millisecond, P99: 30 * time.Millisecond}}, nil)
	users := w.users(200)
	for _, user := range users {
		w.subscribe(user, 3)
	}
	m := oneTimeMessage("pages/race")
	id := w.campaign(m)
	var pushers sync.WaitGroup
	var mu sync.Mutex
	outcomes := map[string]int{}
	for p := range 8 {
		pushers.Go(func() {
			for i := range 50 {
				user := users[(p*25+i*3)%len(users)]
				got, err := w.client.Push(t.Context(), testApp, api.NewPush{OpenID: user, Message: oneTimeMessage("pages/push")}, fmt.Sprintf("race-%d-%d", p, i))
				mu.Lock()
				if err != nil {
					outcomes[err.Error()]++
				} else {
					outcomes[got.Outcome]++
				}
				mu.Unlock()
			}
		})
	}
	pushers.Wait()
	got := w.finished(id)
	if n := w.stats().Answers[43108]; n != 0 {
		t.Errorf("the simulator saw %d concurrent sends to one user", n)
	}
	for what, n := range outcomes {
		if what != "accepted" && what != "skipped" {
			t.Errorf("%d pushes: %s", n, what)
		}
	}
	if outcomes["accepted"] == 0 || got.Progress.Outcomes["accepted"] == 0 {
		t.Errorf("nothing raced: pushes %v, campaign %v", outcomes, got.Progress.Outcomes)
	}
	w.nobodyTwice(m)
	w.check(id)
}

func TestAnIdempotencyKeySendsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, func(c *dispatch.Config) { c.PushWait = 5 * time.Second })
	user := w.users(1)[0]
	w.subscribe(user, 5)
	body := api.NewPush{OpenID: user, Message: oneTimeMessage("pages/idem")}
	var first api.Push
	for i := range 3 {
		got, err := w.client.Push(t.Context(), testApp, body, "order-42")
		must(t, err)
		if i == 0 {
			first = got
		} else if !got.Replayed || got.Push != first.Push {
			t.Errorf("try %d: %+v", i, got)
		}
	}
	if n := w.received(body.Message)[user]; n != 1 {
		t.Errorf("sent %d times", n)
	}
	other := body
	other.Message.Page = "pages/other"
	if _, err := w.client.Push(t.Context(), testApp, other, "order-42"); err == nil {
		t.Error("the same key with another body was taken")
	}
	if n := balance(w.user(user), minapush.Subscription.String()); n != 4 {
		t.Errorf("balance %d", n)
	}
}

func TestAPushThatCannotBeSentGivesThePermitBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, func(c *dispatch.Config) { c.PushWait = 1500 * time.Millisecond })
	user := w.users(1)[0]
	w.subscribe(user, 1)
	for name, c := range map[string]struct {
		fault  sandbox.Fault
		status int
	}{
		"busy":  {sandbox.Fault{Errcode: -1}, http.StatusTooManyRequests},
		"quota": {sandbox.Fault{Errcode: 45009}, http.StatusTooManyRequests},
		"ban":   {sandbox.Fault{Errcode: 48004}, http.StatusServiceUnavailable},
	} {
		c.fault.Path = sandbox.PathSend
		id, err := w.sandbox.Script(c.fault)
		must(t, err)
		body, err := json.Marshal(api.NewPush{OpenID: user, Message: oneTimeMessage("pages/back")})
		must(t, err)
		status, answer := w.post(w.url+"/v1/apps/"+testApp+"/pushes", w.adminKey(), body)
		if status != c.status {
			t.Errorf("%s: status %d: %s", name, status, answer)
		}
		if n := balance(w.user(user), "subscribe"); n != 1 {
			t.Errorf("%s: balance %d", name, n)
		}
		w.sandbox.Unscript(id)
	}
	must(t, w.sandbox.SetMainSwitch(testApp, user, true))
	if got := w.push(user, oneTimeMessage("pages/back")); got.Outcome != "accepted" {
		t.Errorf("afterwards: %s", got.Outcome)
	}
	w.check()
}
