package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/store/redisstore/redistest"
	"github.com/minapush/minapush/store/storetest"
)

// TestNodesKeepTheDailyCapTogether is TestKillsDoNotBreakTheDailyCap with two nodes on one Redis, of which one is killed.
func TestNodesKeepTheDailyCapTogether(t *testing.T) {
	if testing.Short() {
		t.Skip("a run of half a minute; make test has it")
	}
	t.Parallel()
	url := redisURL(redistest.One(t, "appendfsync everysec"))
	c := newCalendar(t, seeded(t), 500, noon, url, "node0", "node1")
	w := guardedDays{calendar: c, told: map[string]time.Time{}, all: map[string]int64{}}
	w.play(0)
	w.play(1)
	w.check("")
}

// TestNodesMakeEachPlannedRunOnce lets two nodes wait for the hour of schedules, day after day; on one of the days one of them is killed
// while it sends. Each planned run is one campaign, and is sent once.
func TestNodesMakeEachPlannedRunOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("a run of half a minute; make test has it")
	}
	t.Parallel()
	const days, schedules = 2, 3
	url := redisURL(redistest.One(t, "appendfsync everysec"))
	c := newCalendar(t, seeded(t), 200, noon-2*time.Second, url, "node0", "node1")
	ids, messages := map[string]api.Message{}, [schedules]api.Message{oneTime("pages/plan0"), legacy("pages/plan1"), oneTime("pages/plan2")}
	planned := map[string]time.Time{} // by campaign
	for range days + 1 {
		c.nextDay()
		if c.day == 0 { // their first run is that of the next day, however long it takes to make them and their users
			c.makeGuarded(api.Guards{PerDay: schedules, SameContentDays: sameDays}) // runs of one schedule are no other campaigns
			for i, m := range messages {
				s, err := c.any().client.CreateSchedule(t.Context(), testApp, api.NewSchedule{
					Message: m, Cron: "0 12 * * *", From: c.today().Add(noon + time.Hour),
				}, fmt.Sprint(i))
				must(t, err)
				ids[s.ID] = m
			}
			c.earn(2, 3)
			continue
		}
		if c.day == days {
			c.strike(1 + c.random.IntN(schedules*len(c.users)*7/10))
		}
		for id, m := range ids {
			run := c.ran(id)
			planned[run] = c.today().Add(noon)
			c.tell(run, m, minapush.SeriesOf(run))
			sums, _ := c.ended([]broadcast{{run, m}})
			if went := sums["accepted"] + sums["unknown"]; went != int64(len(c.users)) {
				t.Errorf("day %d: %s went to %d of %d users: %v", c.day, m.Page, went, len(c.users), sums)
			}
		}
		c.eachOnce(messages[:])
		if c.day < days {
			c.earn(2, 3) // for the day that follows: a run begins soon after the nodes
		}
	}
	c.onlyRuns(planned, ids)
	c.checkStore("", storetest.CheckGuard{PerDay: schedules, SameContentDays: sameDays})
}

// ran waits until today's run of a schedule was made, and returns its campaign.
func (c *calendar) ran(schedule string) (run string) {
	c.t.Helper()
	var got api.Schedule
	var err error
	if !poll(c.t.Context(), time.Minute, func() bool {
		got, err = c.any().client.Schedule(c.t.Context(), testApp, schedule)
		return err == nil && len(got.Runs) > 0 && got.Runs[0].Planned.Equal(c.today().Add(noon))
	}) {
		c.t.Fatalf("nothing ran on the day of %v: %+v, %v", c.today(), got, err)
	}
	if len(got.Runs) != c.day || got.Started != int64(c.day) || got.Missed != 0 {
		c.t.Errorf("on day %d: %+v", c.day, got)
	}
	return got.Runs[0].Campaign
}

// eachOnce wants nobody to have a message twice today.
func (c *calendar) eachOnce(messages []api.Message) {
	c.t.Helper()
	for _, user := range c.users {
		had := map[string]int{}
		for _, m := range c.arrived(user) {
			had[pageOf(m)]++
		}
		for _, m := range messages {
			if had[m.Page] > 1 {
				c.t.Errorf("day %d: %s got %d messages of %s", c.day, user, had[m.Page], m.Page)
			}
			delete(had, m.Page)
		}
		if len(had) > 0 {
			c.t.Errorf("day %d: %s got what nobody sent: %v", c.day, user, had)
		}
	}
}

// onlyRuns wants the campaigns of the app to be the runs, each planned for its time.
func (c *calendar) onlyRuns(planned map[string]time.Time, schedules map[string]api.Message) {
	c.t.Helper()
	n := 0
	for m, err := range c.any().client.Campaigns(c.t.Context(), testApp) {
		must(c.t, err)
		n++
		if _, known := schedules[m.Schedule]; !known || !m.StartAt.Equal(planned[m.ID]) {
			c.t.Errorf("%s of schedule %q is planned for %v, not for %v", m.ID, m.Schedule, m.StartAt, planned[m.ID])
		}
	}
	if want := len(schedules) * c.day; n != want || len(planned) != want {
		c.t.Errorf("%d campaigns, %d runs, want %d", n, len(planned), want)
	}
}
