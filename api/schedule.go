package api

import "time"

// Rollout sends a campaign in stages: to a small part of the users, then to a larger one, then to the rest.
type Rollout struct {
	// Percents says how many percent of the users have been reached after each stage but the last, which is the rest, ascending between 0
	// and 100. Absent: 1 and 10.
	Percents []float64 `json:"percents,omitempty"`
	// PauseSeconds is how long it waits after each stage; absent: ten minutes. -1: it does not wait.
	PauseSeconds int `json:"pause_seconds,omitempty"`
	// MaxFailed stops the campaign when a greater share of its answers are failures, and MaxRefused when the share of refusals is greater
	// than expected by more than this. 0 means 0.1 and 0.2.
	MaxFailed  float64 `json:"max_failed,omitempty"`
	MaxRefused float64 `json:"max_refused,omitempty"`
	// Expected is the share of refusals that earlier campaigns with the template had; Stage is which stage is being sent, from 1 to Stages,
	// the rest included. They are told, not given.
	Expected float64 `json:"expected,omitempty"`
	Stage    int     `json:"stage,omitempty"`
	Stages   int     `json:"stages,omitempty"`
}

// NewSchedule makes a schedule: POST schedules. Exactly one of At and Cron is given.
type NewSchedule struct {
	Name string `json:"name,omitempty"`
	// Message is what each run sends; {{run_date}} and {{run_time}} in its values become the run's planned day, as 2026-11-23, and time, as
	// 20:00, on the clock of TimeZone.
	Message Message `json:"message"`
	// Audience is that of each run, an audience expression; absent: every user of the app.
	Audience *Audience `json:"audience,omitempty"`
	// At is when it runs once.
	At time.Time `json:"at,omitzero"`
	// Cron is when it runs again and again, on the clock of TimeZone: "0 20 * * *" is every day at 20:00. No two runs are less than five
	// minutes apart.
	Cron string `json:"cron,omitempty"`
	// TimeZone names the time zone of Cron; absent: that of the app.
	TimeZone string `json:"time_zone,omitempty"`
	// From and Until bound the planned times, both included.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// GraceSeconds is how late a run may start; 0 means an hour. A run that comes later is missed.
	GraceSeconds int `json:"grace_seconds,omitempty"`
	// SendForSeconds is how long after its planned time a run may send; 0: as long as it takes.
	SendForSeconds int      `json:"send_for_seconds,omitempty"`
	AtLeastOnce    bool     `json:"at_least_once,omitempty"`
	KeepBack       int      `json:"keep_back,omitempty"`
	OnQuiet        string   `json:"on_quiet,omitempty"`
	Rollout        *Rollout `json:"rollout,omitempty"`
}

// Schedule makes campaigns at planned times.
type Schedule struct {
	// ID and CreatedAt are absent in the answer of a dry run.
	ID             string    `json:"id,omitempty"`
	Name           string    `json:"name"`
	Message        Message   `json:"message"`
	TemplateKind   string    `json:"template_kind"`
	Audience       Audience  `json:"audience"`
	At             time.Time `json:"at,omitzero"`
	Cron           string    `json:"cron,omitempty"`
	TimeZone       string    `json:"time_zone"`
	From           time.Time `json:"from,omitzero"`
	Until          time.Time `json:"until,omitzero"`
	GraceSeconds   int       `json:"grace_seconds"`
	SendForSeconds int       `json:"send_for_seconds,omitempty"`
	AtLeastOnce    bool      `json:"at_least_once"`
	KeepBack       int       `json:"keep_back,omitempty"`
	OnQuiet        string    `json:"on_quiet,omitempty"`
	Rollout        *Rollout  `json:"rollout,omitempty"`
	// State is active, paused or ended; Why explains it.
	State     string    `json:"state"`
	Why       *Reason   `json:"why,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	// Next are the next planned times, at most five; none of a schedule that has ended. A paused one would run then if it were resumed now.
	Next []time.Time `json:"next"`
	// Runs are the last planned times that came, latest first, at most 30; Started and Missed count all.
	Runs    []Run `json:"runs"`
	Started int64 `json:"started"`
	Missed  int64 `json:"missed"`
}

// Run is one planned time of a schedule that has come.
type Run struct {
	Planned time.Time `json:"planned"`
	// Campaign is what was made for it; absent: it was missed, since the server was not there until its grace was over.
	Campaign string `json:"campaign,omitempty"`
}

// Schedules answers GET schedules, newest first.
type Schedules struct {
	Schedules []Schedule `json:"schedules"`
	// Next is the cursor of the next page; absent at the end.
	Next string `json:"next,omitempty"`
}
