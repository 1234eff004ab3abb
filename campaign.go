package minapush

import (
	"encoding/json"
	"time"
)

// CampaignState is where a campaign stands.
type CampaignState string

const (
	// Scheduled: waits for StartAt. A campaign without StartAt waits for its start call.
	Scheduled CampaignState = "scheduled"
	// Running: is being sent.
	Running CampaignState = "running"
	// Paused: stopped by somebody or by a rule; Why says by what. It can be resumed.
	Paused CampaignState = "paused"
	// Cancelling: nothing more is sent; what was examined and not sent is being counted as skipped.
	Cancelling CampaignState = "cancelling"
	// Finished: every user examined has an outcome. An end.
	Finished CampaignState = "finished"
	// Cancelled: stopped for good; its sums are closed over the users examined. An end.
	Cancelled CampaignState = "cancelled"
	// Missed: was not started in time, and will not be. An end.
	Missed CampaignState = "missed"
)

// Ended tells whether nothing will change any more.
func (s CampaignState) Ended() bool { return s == Finished || s == Cancelled || s == Missed }

// Campaign is one message to an audience.
type Campaign struct {
	// ID is a ULID, given at creation.
	ID   string
	App  AppID
	Name string
	// Message is what is sent, and Kind the kind of its template.
	Message Message
	Kind    TemplateKind
	// Keys are those of the template when it was started, before that when it was made: values are checked against them. Nil: nothing is
	// known of them.
	Keys []TemplateKey `json:",omitempty"`
	// Audience is who it is for.
	Audience Audience
	// RetryOf is the campaign whose failed deliveries its list was made from; empty for others.
	RetryOf string

	// AtLeastOnce re-sends what may have arrived, with another permit. The default is at most once.
	AtLeastOnce bool
	// StartAt is when it starts by itself; zero: by a start call.
	StartAt time.Time
	// Grace is how late a start may be before it is Missed. Defaults to an hour.
	Grace time.Duration
	// LatestSend is the moment after which nothing is sent; zero: none.
	LatestSend time.Time
	// KeepBack is how many permits that serve it are left to each user for pushes. 0: none.
	KeepBack int `json:",omitempty"`
	// OnQuiet says what becomes of it in the quiet hours of the app: QuietWait or QuietSkip. Empty: as the app says.
	OnQuiet string `json:",omitempty"`
	// Rollout sends it in stages; nil: to all at once.
	Rollout *Rollout `json:",omitempty"`
	// Schedule is the schedule of which it is a run, planned for StartAt, or of which it tries a run again; empty for others.
	Schedule string `json:",omitempty"`

	State CampaignState
	// Why explains a Paused, Cancelled or Missed state.
	Why Reason
	// Hold says why a Running campaign waits, and until when: quota, back-off, a storm of refusals.
	Hold Hold
	// Fleet is what the nodes that send it tell each other.
	Fleet Fleet `json:",omitzero"`
	// Stage is which stage of Rollout is being sent, from 0; len(Rollout.Percents) is the rest.
	Stage int `json:",omitempty"`

	CreatedAt time.Time
	// StartedAt bounds the audience: only users first seen before it are examined.
	StartedAt time.Time
	EndedAt   time.Time

	// Sums is how the deliveries of an ended campaign ended, so that a list of campaigns need not sum its shards; nil: not known yet. It
	// is as of SummedAt: opens and confirmations that come later are counted in it by and by, for about a week.
	Sums     *Tally    `json:",omitempty"`
	SummedAt time.Time `json:",omitzero"`
}

// Rules is the template as the campaign knows it: enough to Fit and Lint its message.
func (c Campaign) Rules() Template {
	return Template{ID: c.Message.Template, Kind: c.Kind, Keys: c.Keys}
}

// Fleet is what the nodes that send a campaign tell each other. All but the counts are written by the node that leads the app.
type Fleet struct {
	// Opened: the first wave was answered, and every node may send.
	Opened bool `json:",omitempty"`
	// Storm: refusals are in doubt, and only the node that leads sends, to find out. Share is the share of refusals that a roll-out was
	// stopped for.
	Storm bool    `json:",omitempty"`
	Share float64 `json:",omitempty"`
	// Rulings are the last ones on refusals, the latest last.
	Rulings []Ruling `json:",omitempty"`
	// Accepted, Refused and Failed count the answers that nodes had which did not lead.
	Accepted int64 `json:",omitempty"`
	Refused  int64 `json:",omitempty"`
	Failed   int64 `json:",omitempty"`
}

// Ruling says what becomes of the refusals up to a time: they are believed, or those users are sent to again.
type Ruling struct {
	Believe bool
	Until   time.Time
}

// maxRulings is how many rulings are remembered, of which each is unlike the one before.
const maxRulings = 8

// Rule adds a ruling. One that says the same as the last takes its place.
func (s *Fleet) Rule(r Ruling) {
	list := append([]Ruling(nil), s.Rulings...)
	if n := len(list); n > 0 && list[n-1].Believe == r.Believe {
		list = list[:n-1]
	}
	list = append(list, r)
	s.Rulings = list[max(0, len(list)-maxRulings):]
}

// Audience is who a campaign is for. The zero Audience is every user of the app.
type Audience struct {
	// List keeps to the users on the campaign's own list, which is filled before its start.
	List bool
	// Listed counts the list when the campaign was started.
	Listed int64 `json:",omitempty"`
	// Filling tells that the list is still being copied from another campaign: until it is done the campaign cannot be started.
	Filling bool `json:",omitempty"`
	// Where is an audience expression in JSON (package audience): users for whom it does not hold are not part of the audience.
	// Empty: it holds for all. With List it must be empty.
	Where json.RawMessage `json:",omitempty"`
}

// What a campaign does in quiet hours.
const (
	QuietWait = "wait"
	QuietSkip = "skip"
)

// MaxKeepBack is how many permits a campaign can leave to each user.
const MaxKeepBack = 100

// MaxListRows is up to how many users a list leaves a row for each user skipped, too; longer lists count them by reason only.
const MaxListRows = 100_000

// Hold is a wait that ends by itself.
type Hold struct {
	Why   Reason
	Until time.Time
}

// DefaultGrace is how late a scheduled start may be.
const DefaultGrace = time.Hour
