package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/minapush/minapush/api"
	"golang.org/x/sync/errgroup"
)

// demoEvent is what the example tells minapush when somebody signs in.
const demoEvent = "checkin"

// demoReminder is the audience of those who have not signed in today.
func demoReminder() (json.RawMessage, error) { return notToday(demoEvent, "") }

// signIns lets a third of the sample users sign in today, and tells whom a reminder would reach now.
func (d *demo) signIns(ctx context.Context) error {
	var events []api.UserEvent
	at := time.Now().UTC().Truncate(time.Millisecond)
	for i := 0; i < len(d.openids); i += 3 {
		events = append(events, api.UserEvent{OpenID: d.openids[i], Name: demoEvent, At: at})
	}
	noted, err := d.client.NoteEvents(ctx, demoAppID, events)
	if err != nil {
		return err
	}
	where, err := demoReminder()
	if err != nil {
		return err
	}
	got, err := d.client.CountAudience(ctx, demoAppID, api.AudienceQuestion{Where: where, Template: demoSubscribe}, nil)
	if err != nil || got.Reachable == nil {
		return err
	}
	d.say("%s of them signed in today (POST events); a reminder would reach %s of the %s who did not.",
		"其中 %s 人今天已签到 (POST events); 此刻提醒可触达 %s 人, 未签到共 %s 人.",
		thousands(int64(noted.Added)), thousands(*got.Reachable), thousands(got.Matched))
	return nil
}

// acceptAgain lets one in twenty of the sample users accept once more, as people do from day to day: the broadcasts have spent what there was.
func (d *demo) acceptAgain(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i := 1; i < len(d.openids); i += 20 {
		g.Go(func() error {
			if err := d.sandbox.Subscribe(demoAppID, d.openids[i], demoSubscribe, 1); err != nil {
				return err
			}
			_, err := d.client.Report(ctx, demoAppID, api.Report{OpenID: d.openids[i], Items: []api.ReportItem{
				{Type: "subscribe", Template: demoSubscribe, Result: "accept", Nonce: "again"},
			}})
			return err
		})
	}
	return g.Wait()
}

// scheduleReminder makes the daily reminder, which then really goes out at its time.
func (d *demo) scheduleReminder(ctx context.Context) (api.Schedule, error) {
	where, err := demoReminder()
	if err != nil {
		return api.Schedule{}, err
	}
	return d.client.CreateSchedule(ctx, demoAppID, api.NewSchedule{
		Name: "sign-in reminder", Cron: "0 20 * * *", SendForSeconds: int((2 * time.Hour).Seconds()), Audience: &api.Audience{Where: where},
		Message: api.Message{Template: demoSubscribe, Page: "pages/sign/sign", Values: map[string]string{
			"thing1": "今天还没有签到", "date2": "{{run_date}}",
		}},
	}, "")
}

// sayReminder shows the commands around the daily reminder.
func (d *demo) sayReminder(s api.Schedule) error {
	where, err := demoReminder()
	if err != nil {
		return err
	}
	at := fmt.Sprintf("--server %s --key-file %s", d.private, d.keyFile)
	d.say("  # the daily reminder at 20:00 for those who have not signed in: when it runs next", "  # 每天 20:00 提醒未签到的用户: 下次执行时间")
	fmt.Fprintf(d.e.stdout, "  minapush schedule show %s %s\n", s.ID, at)
	d.say("  # how many that is now", "  # 现在有多少人")
	fmt.Fprintf(d.e.stdout, "  minapush audience count --where '%s' --template %s %s\n", where, demoSubscribe, at)
	d.say("  # somebody signs in", "  # 有人签到")
	fmt.Fprintf(d.e.stdout, "  minapush users event %s %s %s\n", d.openids[1], demoEvent, at)
	return nil
}
