package console

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/campaign"
)

func gallerySchedule(state minapush.ScheduleState) minapush.Schedule {
	s := minapush.Schedule{
		ID: "01KANDW8H2Z3QF6V7R9B1C4SCH", App: "wx0123456789abcdef", Name: "每日签到提醒", Kind: minapush.OneTimeTemplate, State: state,
		Message:  galleryCampaign(minapush.Finished).Message,
		Audience: minapush.Audience{Where: json.RawMessage(`{"not":{"event":{"name":"checkin","days":1}}}`)},
		Grace:    time.Hour, SendFor: 2 * time.Hour, Cron: "0 20 * * *", TimeZone: "Asia/Shanghai", KeepBack: 1,
		CreatedAt: galleryNow().AddDate(0, -2, 0), Handled: galleryNow().Add(-time.Minute), Started: 12_345, Missed: 2,
	}
	for i := range 6 {
		r := minapush.Run{Planned: time.Date(2026, 11, 22-i, 12, 0, 0, 0, time.UTC), Campaign: fmt.Sprintf("01KANDRUN%d", i)}
		if i == 3 {
			r.Campaign = ""
		}
		s.Runs = append(s.Runs, r)
	}
	return s
}

// schedulesGallery are the pages of schedules, drawn from fixed data.
func schedulesGallery() []shot {
	v := view{"schedules", "定时推送", "schedules"}
	var rows []scheduleRow
	for i, change := range []func(*minapush.Schedule){
		func(*minapush.Schedule) {},
		func(s *minapush.Schedule) { s.Name, s.Cron = longName, "30 9 * * 1,3,6" },
		func(s *minapush.Schedule) {
			s.Name, s.Cron, s.TimeZone = "会员日", "0 10 18 * *", "America/New_York"
		},
		func(s *minapush.Schedule) {
			s.Name, s.Cron, s.State = "到期提醒", "*/30 9-18 * * 1-5", minapush.SchedulePaused
		},
		func(s *minapush.Schedule) {
			s.Name, s.Cron, s.At, s.State, s.Why = "双十二开场", "", galleryNow().AddDate(0, 0, -1), minapush.ScheduleEnded, minapush.Reason{Code: "schedule_over"}
		},
		func(s *minapush.Schedule) { s.Name, s.Cron = "工作日打卡", "30 8 * * 1-5" },
	} {
		s := gallerySchedule(minapush.ScheduleActive)
		s.ID = fmt.Sprint(s.ID, i)
		change(&s)
		row := scheduleRow{S: s, Template: "签到提醒"}
		if next := campaign.NextRuns(s, galleryNow(), 1); len(next) > 0 {
			row.Next = next[0]
		}
		rows = append(rows, row)
	}
	return append([]shot{
		{name: "schedules", view: v, app: true, page: schedulesPage{Rows: rows, Next: "x?after=1"}},
		{name: "schedules-empty", view: v, app: true, page: schedulesPage{}},
		{name: "schedules-end", view: v, app: true, page: schedulesPage{After: "x", Stopped: minapush.Reason{Code: "operator"}}},
		{name: "schedule-choose", view: view{"campaignchoose", "新建定时任务", "schedules"}, app: true, page: choosePage{
			Path: []string{"schedules", "new"}, Preset: presetReminder, Templates: []templateChoice{{galleryTemplate(), 8_412_345, true}}, Surveyed: galleryNow(),
		}},
		{name: "schedule-end", view: view{"scheduleend", "结束该定时任务？", "schedules"}, app: true, page: endSchedulePage{gallerySchedule(minapush.ScheduleActive)}},
	}, append(scheduleShots(), newScheduleShots()...)...)
}

func gallerySchedulePage(s minapush.Schedule, app minapush.App) schedulePage {
	t := galleryTemplate()
	p := schedulePage{S: s, Template: t, Card: cardOf(minapush.App{Name: "演示商城"}, t, s.Message), Next: campaign.NextRuns(s, galleryNow(), nextShown)}
	p.guard(app)
	return p
}

func scheduleShots() []shot {
	v := view{"schedule", "每日签到提醒", "schedules"}
	app := minapush.App{Guards: minapush.DefaultGuards()}
	active := gallerySchedulePage(gallerySchedule(minapush.ScheduleActive), app)
	sums := figuresOf(galleryTally())
	for i, r := range active.S.Runs {
		row := runRow{Run: r, M: galleryCampaign(minapush.Finished), Known: i != 4, Sums: &sums}
		if i == 0 {
			row.M, row.Sums = galleryCampaign(minapush.Running), nil
		}
		active.Runs = append(active.Runs, row)
	}
	missed := minapush.Campaign{State: minapush.Missed, Why: minapush.Reason{Code: "bad_audience"}}
	active.Runs[5].M, active.Runs[5].Sums = missed, nil
	paused := gallerySchedule(minapush.SchedulePaused)
	paused.Why, paused.Runs, paused.Cron, paused.TimeZone, paused.Name = minapush.Reason{Code: "operator"}, nil, "30 23 * * *", "America/New_York", longName
	paused.From, paused.Until = galleryNow().AddDate(0, 0, 1), galleryNow().AddDate(0, 1, 0)
	late := gallerySchedulePage(paused, minapush.App{Guards: minapush.DefaultGuards(), TimeZone: "America/New_York", Stopped: minapush.Reason{Code: "operator"}})
	ended := gallerySchedule(minapush.ScheduleEnded)
	ended.Why, ended.EndedAt, ended.Audience.Where = minapush.Reason{Code: "schedule_over"}, galleryNow(), json.RawMessage(`{"not":{"got":"01KAND"}}`)
	over := gallerySchedulePage(ended, minapush.App{})
	over.Refused, over.Asked, over.Runs = "resume", longName, active.Runs
	return []shot{
		{name: "schedule", view: v, app: true, page: active},
		{name: "schedule-paused", view: v, app: true, page: late},
		{name: "schedule-ended", view: v, app: true, page: over},
	}
}

func newScheduleShots() []shot {
	app, t := minapush.App{Guards: minapush.DefaultGuards()}, galleryTemplate()
	page := func(f scheduleForm) newSchedulePage {
		p := newSchedulePage{Form: f}
		p.Template, p.Card, p.Choice, p.Surveyed = t, cardOf(minapush.App{Name: "演示商城"}, t, f.message(t)), templateChoice{t, 8_412_345, true}, galleryNow()
		p.Asked = []minapush.Campaign{galleryCampaign(minapush.Finished)}
		return p
	}
	fresh := newScheduleForm("key", "")
	fresh.preset(presetReminder, "签到提醒")
	reminder := page(fresh)
	reminder.Reminder = true
	bad := newScheduleForm("key", "Asia/Tokyo")
	bad.When, bad.Clock, bad.TimeZone, bad.SendFor, bad.From, bad.Until = whenWeekly, "很晚", "Mars/Olympus", "999", "2026-12-01", "2026-11-01"
	bad.scheduleDraft(t, galleryNow())
	for _, field := range []string{"at", "month_day", "cron"} {
		bad.wrong(field, "mistake.empty")
	}
	copied := page(scheduleFormOf(gallerySchedule(minapush.ScheduleEnded), "key", ""))
	copied.Copied, copied.Made = gallerySchedule(minapush.ScheduleEnded), true
	s := gallerySchedule(minapush.ScheduleActive)
	s.ID, s.Runs, s.Started, s.Missed = "", nil, 0, 0
	planned := plannedPage{schedulePage: gallerySchedulePage(s, app), Sent: []field{{"key", "k"}, {"name", s.Name}}}
	s.Cron, s.Name, s.Rollout = "0 23 * * *", longName, minapush.DefaultRollout().Clone()
	late := plannedPage{schedulePage: gallerySchedulePage(s, app), Count: &counted{Whole: true, Count: audience.Count{Walked: 12_345_678, Matched: 9_876_543, OptedOut: 31_999, Reachable: 4_321_098, At: galleryNow()}}}
	v, check := view{"schedulenew", "新建定时任务", "schedules"}, view{"schedulecheck", "创建前核对", "schedules"}
	return []shot{
		{name: "schedule-new", view: v, app: true, page: reminder},
		{name: "schedule-new-wrong", view: v, app: true, page: page(bad)},
		{name: "schedule-new-copy", view: v, app: true, page: copied},
		{name: "schedule-check", view: check, app: true, page: planned},
		{name: "schedule-check-late", view: check, app: true, page: late},
	}
}
