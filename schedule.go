package minapush

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// ScheduleState is where a schedule stands.
type ScheduleState string

const (
	// ScheduleActive: its runs are made at their time.
	ScheduleActive ScheduleState = "active"
	// SchedulePaused: nothing runs until it is resumed; what was planned meanwhile is passed over.
	SchedulePaused ScheduleState = "paused"
	// ScheduleEnded: there will be no run any more. An end.
	ScheduleEnded ScheduleState = "ended"
)

// Schedule makes campaigns at planned times: once, or again and again. Its audience is evaluated by each run, at the time of that run.
type Schedule struct {
	// ID is a ULID, given at creation.
	ID   string
	App  AppID
	Name string
	// Message, Kind, Keys, Audience, AtLeastOnce, KeepBack, OnQuiet, Rollout and Grace are those of each run; the audience has no list.
	Message     Message
	Kind        TemplateKind
	Keys        []TemplateKey `json:",omitempty"`
	Audience    Audience
	AtLeastOnce bool     `json:",omitempty"`
	KeepBack    int      `json:",omitempty"`
	OnQuiet     string   `json:",omitempty"`
	Rollout     *Rollout `json:",omitempty"`
	Grace       time.Duration
	// SendFor is how long after its planned time a run may send: its LatestSend. 0: as long as it takes.
	SendFor time.Duration `json:",omitempty"`

	// At is the one planned time of a schedule that runs once, in UTC; zero: it recurs.
	At time.Time `json:",omitzero"`
	// Cron says when a schedule runs that recurs, on the clock of its time zone: minute, hour, day of month, month, day of week.
	Cron string `json:",omitempty"`
	// TimeZone names the time zone of Cron; it is never empty.
	TimeZone string
	// From and Until bound the planned times, both included; zero: not bounded.
	From  time.Time `json:",omitzero"`
	Until time.Time `json:",omitzero"`

	State ScheduleState
	// Why explains a Paused or Ended state.
	Why       Reason
	CreatedAt time.Time
	EndedAt   time.Time `json:",omitzero"`
	// Handled is up to which time everything planned was dealt with. It never goes back, whatever the clock does.
	Handled time.Time
	// Runs are the last ones, latest first, at most MaxRuns; Started and Missed count all.
	Runs    []Run `json:",omitempty"`
	Started int64 `json:",omitempty"`
	Missed  int64 `json:",omitempty"`
}

// Run is one planned time of a schedule that has come.
type Run struct {
	Planned time.Time
	// Campaign is the campaign that was made for it; empty: it was missed, since nobody was there until its grace was over.
	Campaign string `json:",omitempty"`
}

// MaxRuns is how many runs a schedule remembers.
const MaxRuns = 30

// RunID is the id of the campaign of a schedule's run. Whoever makes it, and how often, it is the same: so a run is made once. It is a ULID
// of the planned time; runs of one schedule have the same SeriesOf.
func RunID(schedule string, planned time.Time) string {
	ms := uint64(planned.UnixMilli())
	series, run := sha256.Sum256([]byte("series "+schedule)), sha256.Sum256(binary.BigEndian.AppendUint64([]byte("run "+schedule+" "), ms))
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], ms<<16)
	copy(id[6:11], series[:])
	copy(id[11:], run[:5])
	// A ULID has 26 digits of 5 bits each for its 128: with 4 bytes in front there are 32 digits.
	return crockford.EncodeToString(append(make([]byte, 4, 20), id[:]...))[6:]
}

// SeriesOf is the part of a campaign's id that runs of one schedule share, and what was tried again of a campaign with it, and that no
// other campaign is likely to have.
func SeriesOf(id string) string {
	if len(id) != idLength {
		return ""
	}
	return id[10:18]
}

// InSeries gives a new campaign's id the series of another campaign: that of one that tries again what the other did not reach is no other
// campaign, and says the same. Ids that are no ULIDs have no series, and stay as they are.
func InSeries(id, of string) string {
	series := SeriesOf(of)
	if series == "" || len(id) != idLength {
		return id
	}
	return id[:10] + series + id[18:]
}

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)
