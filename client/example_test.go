package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log"
	"os"
	"strings"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
)

// The backend relays what the SDK reports, for the user whom it knows, and sends that user a message later.
func Example() {
	server := serveExample() // stands for your own
	defer server.Close()
	server.User("oUser1", 1) // taps "allow" once
	ctx := context.Background()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}

	body := []byte(`{"items":[{"type":"subscribe","template":"sign-in-reminder","result":"accept","nonce":"tap-1"}]}`)
	answer, err := c.Relay(ctx, app, "oUser1", body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accepted:", answer.Accepted)

	message := api.Message{Template: signIn, Page: "pages/sign-in", Values: map[string]string{"thing1": "今天还没有签到"}}
	push, err := c.Push(ctx, app, api.NewPush{OpenID: "oUser1", Message: message}, "reminder-2026-11-22-oUser1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(push.Outcome)
	push, err = c.Push(ctx, app, api.NewPush{OpenID: "oUser1", Message: message}, "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(push.Outcome, push.Reason.Code)
	// Output:
	// accepted: 1
	// accepted
	// skipped no_permit
}

// A problem says what to do next, and which part of the request it is about.
func ExampleError() {
	server := serveExample()
	defer server.Close()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}

	_, err = c.Push(context.Background(), app, api.NewPush{OpenID: "oUser1", Message: api.Message{Template: "of-another-app"}}, "")
	var problem *client.Error
	switch {
	case errors.Is(err, api.Throttled), errors.Is(err, api.Unavailable):
		fmt.Println("later") // the client repeated it already, as far as Config lets it
	case errors.As(err, &problem):
		fmt.Println(problem.Status, problem.Code, problem.Field())
	default:
		fmt.Println(err)
	}
	// Output:
	// 400 invalid body.message.template
}

// The SDK asks with a session token what it needs to know at launch.
func ExampleClient_Me() {
	server := serveExample()
	defer server.Close()
	ctx := context.Background()
	backend, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := backend.PutScene(ctx, app, api.Scene{Name: "checkout", Templates: []string{signIn}, Target: 3}); err != nil {
		log.Fatal(err)
	}
	session, err := backend.SessionToken(ctx, app, "oUser1")
	if err != nil {
		log.Fatal(err)
	}

	phone, err := backend.As(session.SessionToken)
	if err != nil {
		log.Fatal(err)
	}
	me, err := phone.Me(ctx, app)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(me.OpenID, len(me.Balance), me.Scenes[0].Name, me.Scenes[0].Target)
	// Output:
	// oUser1 0 checkout 3
}

// A broadcast to a list: make the campaign, fill its list, start it.
func ExampleClient_FillAudience() {
	server := serveExample()
	defer server.Close()
	ctx := context.Background()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for _, openid := range []string{"oUser1", "oUser2"} {
		server.User(openid, 1)
		deposit := api.Deposit{OpenID: openid, Items: []api.DepositItem{{Kind: "subscribe", Template: signIn, ID: "1"}}}
		if _, err := c.Deposit(ctx, app, deposit); err != nil {
			log.Fatal(err)
		}
	}

	m, err := c.CreateCampaign(ctx, app, api.NewCampaign{
		Message:  api.Message{Template: signIn, Values: map[string]string{"thing1": "{{name}}, 今天还没有签到"}},
		Audience: &api.Audience{List: true},
	}, "reminder-2026-11-22")
	if err != nil {
		log.Fatal(err)
	}
	table := "openid,name\noUser1,小明\noUser2,小红\noUser3,小刚\noUser1,小明\n" // a file, mostly
	list, err := c.FillAudience(ctx, app, m.ID, strings.NewReader(table), client.Rows{Type: api.CSVType})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d rows: %d added, %d duplicate, %d refused\n", list.Rows, list.Added, list.Duplicate, list.Refused)
	if m, err = c.StartCampaign(ctx, app, m.ID); err != nil {
		log.Fatal(err)
	}
	for m.State != "finished" {
		time.Sleep(20 * time.Millisecond)
		if m, err = c.Campaign(ctx, app, m.ID); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("accepted:", m.Progress.Outcomes["accepted"], "skipped:", m.Progress.Outcomes["skipped"])
	var skipped []string
	for d, err := range c.Deliveries(ctx, app, m.ID, "skipped") {
		if err != nil {
			log.Fatal(err)
		}
		skipped = append(skipped, d.OpenID+" "+d.Reason.Code)
	}
	fmt.Println(skipped)
	// Output:
	// 4 rows: 3 added, 1 duplicate, 0 refused
	// accepted: 2 skipped: 1
	// [oUser3 no_permit]
}

// Rows come from a file, or from a sequence: whatever the team's own database yields.
func ExampleClient_ImportUsers() {
	server := serveExample()
	defer server.Close()
	ctx := context.Background()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}

	var members iter.Seq2[api.UserRow, error] = func(yield func(api.UserRow, error) bool) {
		for i := range 3 {
			uid, tags := fmt.Sprint("member-", i), []string{"vip"}
			if !yield(api.UserRow{OpenID: fmt.Sprint("oUser", i), UID: &uid, Tags: &tags}, nil) {
				return
			}
		}
	}
	rows := client.NDJSON(members)
	defer rows.Close()
	answer, err := c.ImportUsers(ctx, app, rows, client.Rows{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("rows:", answer.Rows, "accepted:", answer.Accepted)

	profile, err := c.SetOptOut(ctx, app, "uid:member-2", "campaigns")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(profile.UID, profile.Tags, profile.OptOut)
	// Output:
	// rows: 3 accepted: 3
	// member-2 [vip] campaigns
}

// An import that names itself may be killed at any time, and repeated: what is there counts as duplicate.
func ExampleClient_ImportPermits() {
	server := serveExample()
	defer server.Close()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}

	table := "openid,kind,template\n" +
		"oUser1,subscribe,sign-in-reminder\n" +
		"oUser2,subscribe,sign-in-reminder\n" +
		"oUser3,voucher,sign-in-reminder\n"
	for range 2 {
		done, err := c.ImportPermits(context.Background(), app, "from-the-old-system", strings.NewReader(table), client.Rows{
			Type: api.CSVType, PartRows: 2,
			Progress: func(p client.Progress) { fmt.Printf("%d of %d bytes\n", p.Bytes, len(table)) },
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d rows: %d accepted, %d duplicate, %d refused\n", done.Rows, done.Accepted, done.Duplicate, done.Refused)
		for _, p := range done.Problems {
			fmt.Printf("line %d: %s\n", p.Line, p.Field)
		}
	}
	// Output:
	// 89 of 121 bytes
	// 121 of 121 bytes
	// 3 rows: 2 accepted, 0 duplicate, 1 refused
	// line 4: kind
	// 89 of 121 bytes
	// 121 of 121 bytes
	// 3 rows: 0 accepted, 2 duplicate, 1 refused
	// line 4: kind
}

// An export can be written to a file, or go straight to another server, for which another app stands here.
func ExampleClient_ExportPermits() {
	server := serveExample()
	defer server.Close()
	ctx := context.Background()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for _, openid := range []string{"oUser1", "oUser2"} {
		deposit := api.Deposit{OpenID: openid, Items: []api.DepositItem{{Kind: "subscribe", Template: signIn, ID: "order-7", Count: 2}}}
		if _, err := c.Deposit(ctx, app, deposit); err != nil {
			log.Fatal(err)
		}
	}
	const copied = "wxfedcba9876543210"
	if _, err := c.CreateApp(ctx, api.NewApp{AppID: copied}); err != nil {
		log.Fatal(err)
	}

	for range 2 {
		rows := client.NDJSON(c.ExportPermits(ctx, app))
		done, err := c.ImportPermits(ctx, copied, "copy-1", rows, client.Rows{})
		if err := errors.Join(err, rows.Close()); err != nil {
			log.Fatal(err)
		}
		fmt.Println("rows:", done.Rows, "accepted:", done.Accepted, "duplicate:", done.Duplicate)
	}
	// Output:
	// rows: 4 accepted: 4 duplicate: 0
	// rows: 4 accepted: 0 duplicate: 4
}

// Of a message that another system sent, the bank has to know.
func ExampleClient_Spent() {
	server := serveExample()
	defer server.Close()
	ctx := context.Background()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	deposit := api.Deposit{OpenID: "oUser1", Items: []api.DepositItem{{Kind: "subscribe", Template: signIn, ID: "order-7", Count: 2}}}
	if _, err := c.Deposit(ctx, app, deposit); err != nil {
		log.Fatal(err)
	}

	for range 2 { // the second is the same message, by its key
		told, err := c.Spent(ctx, app, api.Spent{OpenID: "oUser1", Template: signIn}, "sent-by-the-old-system-31")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(told.Outcome, told.Reason.Code, told.Replayed)
	}
	user, err := c.User(ctx, app, "oUser1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("left:", user.Balance[0].Available)
	// Output:
	// accepted elsewhere false
	// accepted elsewhere true
	// left: 1
}

// What WeChat has is fetched, and compared with what was known.
func ExampleClient_SyncTemplates() {
	server := serveExample()
	defer server.Close()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	sync, err := c.SyncTemplates(context.Background(), app)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("added:", len(sync.Added), "known:", len(sync.Changed)+len(sync.Same), "missing:", len(sync.Missing))
	// Output:
	// added: 0 known: 1 missing: 0
}

// A backup goes to a file as it is made; only one that came without an error is whole.
func ExampleClient_Backup() {
	server := serveExample()
	defer server.Close()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.CreateTemp("", "minapush-*.tar")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(file.Name())
	size, err := c.Backup(context.Background(), file)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(size > 0)
	// Output:
	// true
}

// Who signed in is told as it happens, so that a reminder can leave them out.
func ExampleClient_NoteEvents() {
	server := serveExample()
	defer server.Close()
	ctx := context.Background()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := c.NoteEvents(ctx, app, []api.UserEvent{
		{OpenID: "oUser1", Name: "checkin"}, {OpenID: "oUser2", Name: "checkin", AgeMS: 3 * 24 * 60 * 60 * 1000}, {OpenID: "uid:nobody", Name: "checkin"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("added:", answer.Added, "refused:", answer.Refused, answer.Events[2].Reason)

	notLately := json.RawMessage(`{"not": {"event": {"name": "checkin", "within": "1d"}}}`)
	count, err := c.CountAudience(ctx, app, api.AudienceQuestion{Where: notLately}, func(l api.AudienceLine) {
		fmt.Fprintf(os.Stderr, "%d of %d shards\n", l.ShardsDone, l.Shards)
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("of", count.Walked, "users not within a day:", count.Matched)
	// Output:
	// added: 2 refused: 1 unknown_uid
	// of 2 users not within a day: 1
}

// Some of an audience are looked at before anything is sent to all of it.
func ExampleClient_SampleAudience() {
	server := serveExample()
	defer server.Close()
	ctx := context.Background()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for i := range 20 {
		if _, err := c.SetProfile(ctx, app, fmt.Sprint("oUser", i), api.NewProfile{Tags: []string{"vip"}}); err != nil {
			log.Fatal(err)
		}
	}
	question := api.AudienceQuestion{Where: json.RawMessage(`{"tag": "vip"}`), Template: signIn, Sample: 3}
	last, err := c.SampleAudience(ctx, app, question, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(last.Matched, "match,", *last.Reachable, "can be reached,", len(last.Sample), "are shown")
	// Output:
	// 20 match, 0 can be reached, 3 are shown
}

// The daily sign-in reminder: who holds a permit and did not sign in today is reminded at 20:00.
func ExampleClient_CreateSchedule() {
	server := serveExample()
	defer server.Close()
	ctx := context.Background()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	reminder := api.NewSchedule{
		Name:     "签到提醒",
		Message:  api.Message{Template: signIn, Values: map[string]string{"thing1": "今天还没有签到"}},
		Audience: &api.Audience{Where: json.RawMessage(`{"not": {"event": {"name": "checkin", "days": 1}}}`)},
		Cron:     "0 20 * * *",
	}
	planned, err := c.CheckSchedule(ctx, app, reminder)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("would run", planned.Next[1].Sub(planned.Next[0]), "apart, on the clock of", planned.TimeZone)

	s, err := c.CreateSchedule(ctx, app, reminder, "sign-in-reminder")
	if err != nil {
		log.Fatal(err)
	}
	for _, turn := range []func(context.Context, string, string) (api.Schedule, error){c.PauseSchedule, c.ResumeSchedule, c.EndSchedule} {
		if s, err = turn(ctx, app, s.ID); err != nil {
			log.Fatal(err)
		}
		fmt.Println(s.State)
	}
	// Output:
	// would run 24h0m0s apart, on the clock of Asia/Shanghai
	// paused
	// active
	// ended
}

// A new app has guard rails; others may be asked for.
func ExampleClient_CreateApp() {
	server := serveExample()
	defer server.Close()
	ctx := context.Background()
	c, err := client.New(server.URL, server.Key, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	made, err := c.CreateApp(ctx, api.NewApp{AppID: "wxfedcba9876543210", Name: "Tea"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(made.Guards.PerDay, "a day, quiet from", made.Guards.Quiet.From, "until", made.Guards.Quiet.Until, made.TimeZone)

	made, err = c.UpdateApp(ctx, made.AppID, api.AppChange{Guards: &api.Guards{PerDay: 2, CountPushes: true}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(made.Guards.PerDay, "a day, no quiet hours:", made.Guards.Quiet == nil)
	// Output:
	// 1 a day, quiet from 22:00 until 08:00 Asia/Shanghai
	// 2 a day, no quiet hours: true
}
