package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/sandbox"
)

// Every method of the Go client is called here against a whole server over the simulator; a method that is added must be, too.
func TestTheGoClientSpeaksEveryCallOfTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	c := &caller{world: w, t: t, ctx: t.Context(), Client: w.client, openids: w.users(4)}
	steps := []struct {
		methods string // of the client
		do      func()
	}{
		{"Health Ready", c.health}, {"Apps App CreateApp UpdateApp StopApp", c.apps}, {"CreateKey Keys RevokeKey", c.keys},
		{"InviteOperator Operators RemoveOperator", c.operators},
		{"PutTemplate Template Templates DeleteTemplate SyncTemplates TemplateDrift Lint", c.templates}, {"PutScene Scenes DeleteScene", c.scenes},
		{"Session SessionToken As Me Report ReportRecipe Relay", c.reports}, {"Deposit User Spent Push", c.permits},
		{"ImportUsers SetProfile SetOptOut", c.profiles}, {"ImportPermits ExportPermits PermitPage", c.imports},
		{"Reach Stock Flow", c.sums}, {"DryRun CreateCampaign Campaign CampaignPage Campaigns CancelCampaign", c.campaigns},
		{"FillAudience StartCampaign PauseCampaign ResumeCampaign DeliveryPage Deliveries RetryCampaign", c.lists},
		{"NoteEvents CountAudience SampleAudience", c.audiences},
		{"CheckSchedule CreateSchedule Schedule SchedulePage Schedules PauseSchedule ResumeSchedule EndSchedule", c.schedules},
		{"Check", c.checks}, {"Backup", c.backup}, {"EraseUser", c.erase},
		{"PutEventSettings EventSettings DeleteEventSettings ForwardEvent ForwardEvents OddEvents", c.events},
	}
	spoken := map[string]bool{}
	for _, s := range steps {
		s.do()
		for _, name := range strings.Fields(s.methods) {
			spoken[name] = true
		}
	}
	all := reflect.TypeFor[*client.Client]()
	for i := range all.NumMethod() {
		if name := all.Method(i).Name; !spoken[name] {
			t.Errorf("nobody calls %s", name)
		}
	}
}

// caller calls everything. A call that fails ends the test.
type caller struct {
	*world
	*client.Client
	t       *testing.T
	ctx     context.Context
	openids []string
}

func good[T any](c *caller) func(T, error) T {
	return func(v T, err error) T {
		c.t.Helper()
		must(c.t, err)
		return v
	}
}

// want compares what a step found.
func (c *caller) want(what string, got, want any) {
	c.t.Helper()
	if !reflect.DeepEqual(got, want) {
		c.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func (c *caller) health() {
	c.want("health", good[api.Health](c)(c.Health(c.ctx)).Status, "ok")
	c.want("ready", good[api.Health](c)(c.Ready(c.ctx)).Status, "ready")
}

func (c *caller) apps() {
	const second = "wxsecond0123456789"
	good[api.App](c)(c.CreateApp(c.ctx, api.NewApp{AppID: second, Name: "Tea", Shards: 4, Guards: noGuards()}))
	c.want("apps", len(good[[]api.App](c)(c.Apps(c.ctx))), 2)
	name := "Oolong"
	c.want("new name", good[api.App](c)(c.UpdateApp(c.ctx, second, api.AppChange{Name: &name})).Name, name)
	c.want("stopped", good[api.App](c)(c.StopApp(c.ctx, second, true)).Stopped, true)
	c.want("still stopped", good[api.App](c)(c.App(c.ctx, second)).Stopped, true)
}

func (c *caller) keys() {
	key := good[api.KeySecret](c)(c.CreateKey(c.ctx, api.NewKey{Name: "backend", AppID: testApp, Scopes: []string{"report"}}))
	c.want("keys", len(good[[]api.Key](c)(c.Keys(c.ctx))), 2)
	must(c.t, c.RevokeKey(c.ctx, key.ID))
	c.want("keys after one was revoked", len(good[[]api.Key](c)(c.Keys(c.ctx))), 1)
}

func (c *caller) events() {
	set := good[api.EventSettings](c)(c.PutEventSettings(c.ctx, testApp, api.NewEventSettings{Token: testEventToken, EncodingAESKey: testEventKey}))
	c.want("event settings", good[api.EventSettings](c)(c.EventSettings(c.ctx, testApp)), set)
	event := fmt.Appendf(nil, `{"FromUserName":%q,"CreateTime":%d,"MsgType":"event","Event":"subscribe_msg_popup_event",`+
		`"List":{"TemplateId":"T_of_the_events","SubscribeStatusString":"accept","PopupScene":"0"}}`, c.openids[1], time.Now().Unix())
	for _, want := range []string{"accepted", "duplicate"} {
		c.want("an event", good[api.EventAnswers](c)(c.ForwardEvent(c.ctx, testApp, event)).Events[0].Items[0].Result, want)
	}
	c.want("events", len(good[api.EventAnswers](c)(c.ForwardEvents(c.ctx, testApp, api.NewEvents{Events: []json.RawMessage{event, event}})).Events), 2)
	c.want("what was counted", good[api.OddEvents](c)(c.OddEvents(c.ctx, testApp, 1)).Counts["popup"], map[string]int64{"accepted": 1, "duplicate": 3})
	must(c.t, c.DeleteEventSettings(c.ctx, testApp))
}

func (c *caller) operators() {
	accept := func(secret, name string) {
		_, err := c.sys.accounts.Accept(c.ctx, secret, name, "correct horse battery")
		must(c.t, err)
	}
	for _, name := range []string{"li", "wang"} {
		_, secret, _ := strings.Cut(good[api.Invitation](c)(c.InviteOperator(c.ctx, "")).Path, "?code=")
		accept(secret, name)
	}
	c.want("operators", len(good[[]api.Operator](c)(c.Operators(c.ctx))), 2)
	must(c.t, c.RemoveOperator(c.ctx, "li"))
	c.want("operators after one was removed", good[[]api.Operator](c)(c.Operators(c.ctx))[0].Name, "wang")
}

func (c *caller) templates() {
	good[api.Template](c)(c.PutTemplate(c.ctx, testApp, api.Template{ID: "gone", Kind: "one_time", Title: "Gone"}))
	c.want("title", good[api.Template](c)(c.Template(c.ctx, testApp, "gone")).Title, "Gone")
	drift := good[api.TemplateSync](c)(c.TemplateDrift(c.ctx, testApp))
	c.want("missing in a dry run", drift.Missing, []string{"gone"})
	lint := good[api.Lint](c)(c.Lint(c.ctx, testApp, api.NewLint{Template: oneTimeT, Values: map[string]string{"thing1": "a\nb"}}))
	c.want("the rule", lint.Values[0].Reason.Code, "control_character")
	sync := good[api.TemplateSync](c)(c.SyncTemplates(c.ctx, testApp))
	c.want("missing on WeChat", sync.Missing, []string{"gone"})
	must(c.t, c.DeleteTemplate(c.ctx, testApp, "gone"))
	c.want("templates", len(good[[]api.Template](c)(c.Templates(c.ctx, testApp))), 3)
}

func (c *caller) scenes() {
	for _, name := range []string{"checkout", "profile.page"} {
		good[api.Scene](c)(c.PutScene(c.ctx, testApp, api.Scene{Name: name, Templates: []string{oneTimeT}, Target: 2}))
	}
	must(c.t, c.DeleteScene(c.ctx, testApp, "checkout"))
	list := good[[]api.Scene](c)(c.Scenes(c.ctx, testApp))
	if len(list) != 1 || list[0].Name != "profile.page" || list[0].Target != 2 {
		c.t.Errorf("got scenes %+v", list)
	}
}

func (c *caller) reports() {
	o := c.openids[0]
	code, err := c.sandbox.LoginCode(testApp, o)
	must(c.t, err)
	login := good[api.Session](c)(c.Session(c.ctx, testApp, code))
	token := good[api.Session](c)(c.SessionToken(c.ctx, testApp, o))
	for _, s := range []api.Session{login, token} {
		phone, err := c.As(s.SessionToken)
		must(c.t, err)
		c.want("me", good[api.Me](c)(phone.Me(c.ctx, testApp)).OpenID, o)
	}
	phone, err := c.As(login.SessionToken)
	must(c.t, err)
	must(c.t, c.sandbox.Subscribe(testApp, o, oneTimeT, 2))
	item := api.ReportItem{Type: "subscribe", Template: oneTimeT, Result: "accept", Nonce: "tap-1"}
	c.want("reported", good[api.ReportAnswer](c)(phone.Report(c.ctx, testApp, api.Report{Items: []api.ReportItem{item}})).Accepted, 1)
	body := fmt.Sprintf(`{"items":[{"type":"subscribe","template":%q,"result":"accept","nonce":"tap-2","newer":1}]}`, oneTimeT)
	c.want("relayed", good[api.ReportAnswer](c)(c.Relay(c.ctx, testApp, o, []byte(body))).Accepted, 1)
	forms, err := c.sandbox.IssueFormIDs(testApp, o, 1)
	must(c.t, err)
	recipe := api.RecipeReport{OpenID: o, FormIDs: fmt.Sprintf(`[{"formId":%q}]`, forms[0])}
	c.want("by the recipe", good[api.ReportAnswer](c)(c.ReportRecipe(c.ctx, testApp, recipe)).Accepted, 1)
	c.want("balance", len(good[api.Me](c)(phone.Me(c.ctx, testApp)).Balance), 2)
}

func (c *caller) permits() {
	o := c.openids[1]
	must(c.t, c.sandbox.Subscribe(testApp, o, oneTimeT, 3))
	deposit := api.Deposit{OpenID: o, Items: []api.DepositItem{{Kind: "subscribe", Template: oneTimeT, Count: 3, ID: "order-7"}}}
	c.want("deposited", good[api.ReportAnswer](c)(c.Deposit(c.ctx, testApp, deposit)).Items[0].Added, 3)
	p := good[api.Push](c)(c.Push(c.ctx, testApp, api.NewPush{OpenID: o, Message: oneTimeMessage("pages/push")}, ""))
	c.want("pushed", p.Outcome, "accepted")
	for _, replayed := range []bool{false, true} {
		s := good[api.Push](c)(c.Spent(c.ctx, testApp, api.Spent{OpenID: o, Template: oneTimeT, MsgID: 77}, "elsewhere-1"))
		c.want("spent elsewhere", []any{s.Outcome, s.MsgID, s.Replayed}, []any{"accepted", api.MsgID(77), replayed})
	}
	c.want("left", good[api.User](c)(c.User(c.ctx, testApp, o)).Counts.Available, int64(1))
}

// An openid may be named by the team's own number, with all that a path cannot hold as it is.
func (c *caller) profiles() {
	const uid = "张三/7?#%2F .."
	rows := fmt.Sprintf("openid,uid,tags,city\n%s,%q,vip|new,上海\n", c.openids[1], uid)
	c.want("imported", good[api.ImportAnswer](c)(c.ImportUsers(c.ctx, testApp, strings.NewReader(rows), client.Rows{Type: api.CSVType})).Accepted, int64(1))
	u := good[api.User](c)(c.User(c.ctx, testApp, "uid:"+uid))
	c.want("user by uid", []any{u.OpenID, u.Profile.UID, len(u.Profile.Tags), u.Profile.Attributes["city"]}, []any{c.openids[1], uid, 2, "上海"})
	p := good[api.Profile](c)(c.SetProfile(c.ctx, testApp, "uid:"+uid, api.NewProfile{UID: uid, Tags: []string{"vip"}, Attributes: map[string]any{"level": 3}}))
	c.want("profile", []any{p.Tags, p.Attributes["level"]}, []any{[]string{"vip"}, float64(3)})
	c.want("opted out", good[api.Profile](c)(c.SetOptOut(c.ctx, testApp, "uid:"+uid, "all")).OptOut, "all")
	skipped := good[api.Push](c)(c.Push(c.ctx, testApp, api.NewPush{OpenID: "uid:" + uid, Message: oneTimeMessage("pages/never")}, ""))
	c.want("pushed to who opted out", skipped.Outcome, "skipped")
	c.want("opted in", good[api.Profile](c)(c.SetOptOut(c.ctx, testApp, "uid:"+uid, "none")).OptOut, "none")
}

func (c *caller) imports() {
	must(c.t, c.sandbox.Subscribe(testApp, c.openids[2], oneTimeT, 2))
	rows := []api.PermitRow{
		{OpenID: c.openids[2], Kind: "subscribe", Template: oneTimeT, Source: "旧系统"}, {OpenID: c.openids[2], Kind: "subscribe", Template: oneTimeT, ID: "x"},
		{OpenID: c.openids[2], Kind: "voucher"},
	}
	source := client.NDJSON(func(yield func(api.PermitRow, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	})
	defer source.Close()
	done := good[client.Imported](c)(c.ImportPermits(c.ctx, testApp, "", source, client.Rows{PartRows: 1}))
	c.want("imported", []int64{done.Rows, done.Accepted, done.Refused}, []int64{3, 2, 1})
	c.want("refused row", []any{done.Problems[0].Line, done.Problems[0].Field}, []any{int64(3), "kind"})
	page := good[api.PermitPage](c)(c.PermitPage(c.ctx, testApp, "", 1))
	c.want("a page of shards", page.Shards, 8)
	exported := 0
	for p, err := range c.ExportPermits(c.ctx, testApp) {
		must(c.t, err)
		if p.OpenID == c.openids[2] {
			exported++
		}
	}
	c.want("exported", exported, 2)
}

func (c *caller) sums() {
	c.want("users surveyed", good[api.Reach](c)(c.Reach(c.ctx, testApp, true)).Users, int64(3))
	c.want("users in stock", good[api.Stock](c)(c.Stock(c.ctx, testApp)).Users, int64(3))
	c.want("kinds that flowed", len(good[api.Flow](c)(c.Flow(c.ctx, testApp)).Kinds) > 0, true)
}

func (c *caller) campaigns() {
	n := api.NewCampaign{Name: "later", Message: oneTimeMessage("pages/later"), Audience: &api.Audience{Where: []byte(`{"tag":"vip"}`)}}
	dry := good[api.DryRun](c)(c.DryRun(c.ctx, testApp, n))
	c.want("dry run", []any{*dry.Users, dry.Narrowed}, []any{int64(3), true})
	m := good[api.Campaign](c)(c.CreateCampaign(c.ctx, testApp, n, "later-1"))
	c.want("the same by its key", good[api.Campaign](c)(c.CreateCampaign(c.ctx, testApp, n, "later-1")).ID, m.ID)
	c.want("campaign", good[api.Campaign](c)(c.Campaign(c.ctx, testApp, m.ID)).Name, "later")
	c.want("a page", len(good[api.Campaigns](c)(c.CampaignPage(c.ctx, testApp, "", 1)).Campaigns), 1)
	c.want("cancelled", good[api.Campaign](c)(c.CancelCampaign(c.ctx, testApp, m.ID)).State, "cancelled")
	for one, err := range c.Campaigns(c.ctx, testApp) {
		must(c.t, err)
		c.want("the only one", one.ID, m.ID)
	}
}

// A broadcast to a list of which one user fails by no fault of hers, is skipped, and gets it by the retry.
func (c *caller) lists() {
	m := oneTimeMessage("pages/list")
	m.Values = map[string]string{"thing1": "{{name}}签到"}
	made := good[api.Campaign](c)(c.CreateCampaign(c.ctx, testApp, api.NewCampaign{Message: m, Audience: &api.Audience{List: true}}, ""))
	table := "openid,name\n" + c.openids[0] + ",小明\n" + c.openids[3] + ",小红\nuid:nobody,小刚\n"
	list := good[api.ListAnswer](c)(c.FillAudience(c.ctx, testApp, made.ID, strings.NewReader(table), client.Rows{Type: api.CSVType, PartRows: 1}))
	c.want("listed", []int64{list.Rows, list.Added, list.Refused, list.Listed}, []int64{3, 2, 1, 2})
	good[api.Campaign](c)(c.StartCampaign(c.ctx, testApp, made.ID))
	ended := c.finished(made.ID)
	c.want("outcomes", []int64{ended.Progress.Outcomes["accepted"], ended.Progress.Outcomes["skipped"]}, []int64{1, 1})
	page := good[api.Deliveries](c)(c.DeliveryPage(c.ctx, testApp, made.ID, "accepted", "", 10))
	for d, err := range c.Deliveries(c.ctx, testApp, made.ID, "accepted") {
		must(c.t, err)
		c.want("accepted", []any{d.OpenID, d.MsgID}, []any{page.Deliveries[0].OpenID, page.Deliveries[0].MsgID})
	}
	c.subscribe(c.openids[3], 1)
	again := good[api.Campaign](c)(c.RetryCampaign(c.ctx, testApp, made.ID, api.Retry{Outcomes: []string{"skipped"}}, ""))
	c.want("retry of", []any{again.RetryOf, again.State}, []any{made.ID, "scheduled"})
	good[api.Campaign](c)(c.StartCampaign(c.ctx, testApp, again.ID))
	c.want("outcome of the retry", c.finished(again.ID).Progress.Outcomes["accepted"], int64(1))
	got, err := c.sandbox.Messages(testApp, c.openids[3])
	must(c.t, err)
	c.want("her name is filled in", got[len(got)-1].Data["thing1"], "小红签到")
	c.pauseAndResume()
}

func (c *caller) pauseAndResume() {
	must(c.t, c.sandbox.SetLatency(sandbox.Latency{Median: time.Second, P99: time.Second + time.Millisecond}))
	defer func() { must(c.t, c.sandbox.SetLatency(sandbox.Latency{})) }()
	c.subscribe(c.openids[3], 1)
	id := c.campaign(oneTimeMessage("pages/paused"))
	c.want("paused", good[api.Campaign](c)(c.PauseCampaign(c.ctx, testApp, id)).State, "paused")
	c.want("resumed", good[api.Campaign](c)(c.ResumeCampaign(c.ctx, testApp, id)).State, "running")
	good[api.Campaign](c)(c.CancelCampaign(c.ctx, testApp, id))
	c.untilState(id, "cancelled") // what was in flight is settled
}

func (c *caller) checks() {
	got := good[api.Checks](c)(c.Check(c.ctx, testApp, api.NewChecks{}))
	if len(got.Steps) < 5 || got.Steps[0].Step != "store" || got.Steps[0].Status != "ok" {
		c.t.Errorf("got checks %+v", got)
	}
}

func (c *caller) audiences() {
	for want, events := range map[string][]api.UserEvent{
		"added": {{OpenID: c.openids[2], Name: "checkin"}}, "refused": {{OpenID: c.openids[2], Name: "no name"}},
	} {
		noted := good[api.UserEventsAnswer](c)(c.NoteEvents(c.ctx, testApp, events))
		c.want("event", noted.Events[0].Result, want)
	}
	who := api.AudienceQuestion{Where: []byte(signedInLately), Template: oneTimeT, Sample: 3}
	sample := good[api.AudienceLine](c)(c.SampleAudience(c.ctx, testApp, who, nil))
	who.Sample = 0
	count := good[api.AudienceLine](c)(c.CountAudience(c.ctx, testApp, who, nil))
	c.want("sample", sample.Sample, []string{c.openids[2]})
	c.want("matched", count.Matched, int64(1))
	if count.Reachable == nil || !count.Done || count.Walked < 2 {
		c.t.Errorf("got %+v", count)
	}
}

func (c *caller) schedules() {
	n := api.NewSchedule{Message: oneTimeMessage("pages/schedule"), Cron: "0 20 * * *", TimeZone: "Europe/Berlin"}
	c.want("checked", len(good[api.Schedule](c)(c.CheckSchedule(c.ctx, testApp, n)).Next), 5)
	s := good[api.Schedule](c)(c.CreateSchedule(c.ctx, testApp, n, "the-schedule"))
	c.want("the same key", good[api.Schedule](c)(c.CreateSchedule(c.ctx, testApp, n, "the-schedule")).ID, s.ID)
	c.want("page", len(good[api.Schedules](c)(c.SchedulePage(c.ctx, testApp, "", 0)).Schedules), 1)
	for one, err := range c.Schedules(c.ctx, testApp) {
		must(c.t, err)
		c.want("listed", one.ID, s.ID)
	}
	c.want("paused", good[api.Schedule](c)(c.PauseSchedule(c.ctx, testApp, s.ID)).State, "paused")
	c.want("resumed", good[api.Schedule](c)(c.ResumeSchedule(c.ctx, testApp, s.ID)).State, "active")
	c.want("ended", good[api.Schedule](c)(c.EndSchedule(c.ctx, testApp, s.ID)).State, "ended")
	c.want("shown", good[api.Schedule](c)(c.Schedule(c.ctx, testApp, s.ID)).State, "ended")
}

func (c *caller) backup() {
	var b bytes.Buffer
	good[int64](c)(c.Backup(c.ctx, &b))
	files := 0
	for r := tar.NewReader(&b); ; files++ {
		if _, err := r.Next(); err == io.EOF {
			break
		} else {
			must(c.t, err)
		}
	}
	c.want("a backup has files", files > 0, true)
}

func (c *caller) erase() {
	c.want("erased", good[bool](c)(c.EraseUser(c.ctx, testApp, c.openids[1])), true)
	if _, err := c.User(c.ctx, testApp, c.openids[1]); !errors.Is(err, api.NotFound) {
		c.t.Errorf("got %v, want not found", err)
	}
}

// lossy does what is asked of it, and loses every third answer on the way back.
type lossy struct{ asked, lost atomic.Int64 }

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && l.asked.Add(1)%3 == 0 {
		l.lost.Add(1)
		answer.Body.Close()
		return nil, errors.New("the answer was lost")
	}
	return answer, err
}

// An import whose answers get lost is killed, and repeated with another size of parts: every row is there once.
func TestAnImportThatIsKilledAndRepeatedCountsEachRowOnce(t *testing.T) {
	t.Parallel()
	const rows = 3000
	w := newWorld(t, sandbox.Config{}, nil)
	var table strings.Builder
	table.WriteString("openid,kind,template,source\n")
	for i := range rows {
		fmt.Fprintf(&table, "oImported%06d,subscribe,%s,\"line\n%d\"\n", i%1000, oneTimeT, i)
	}
	line := &lossy{}
	dir, err := storeDir(w.settings.store)
	must(t, err)
	key, err := os.ReadFile(filepath.Join(dir, "admin.key"))
	must(t, err)
	c, err := client.New(w.url, strings.TrimSpace(string(key)), client.Config{HTTPClient: &http.Client{Transport: line}, Backoff: time.Millisecond})
	must(t, err)
	ctx, kill := context.WithCancel(t.Context())
	how := client.Rows{Type: api.CSVType, PartRows: 250, Progress: func(p client.Progress) {
		if p.Rows >= 1000 {
			kill()
		}
	}}
	first, err := c.ImportPermits(ctx, testApp, "", strings.NewReader(table.String()), how)
	if !errors.Is(err, context.Canceled) || first.Rows != 1000 || first.Refused != 0 {
		t.Fatalf("got %+v, %v", first, err)
	}
	how.PartRows, how.Progress = 330, nil
	second, err := c.ImportPermits(t.Context(), testApp, first.ID, strings.NewReader(table.String()), how)
	must(t, err)
	if second.Rows != rows || second.Accepted+second.Duplicate != rows || second.Duplicate < 1000 || line.lost.Load() == 0 {
		t.Errorf("got %+v, %d answers lost", second, line.lost.Load())
	}
	seen := 0
	for p, err := range c.ExportPermits(t.Context(), testApp) {
		must(t, err)
		if seen += p.Uses; p.Uses != 1 {
			t.Errorf("got %+v", p)
		}
	}
	if seen != rows {
		t.Errorf("%d uses are there, want %d", seen, rows)
	}
	w.check()
}
