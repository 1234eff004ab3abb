package bench

import "time"

// Report is what a run found.
type Report struct {
	Machine Machine   `json:"machine"`
	Began   time.Time `json:"began"`
	// Seconds is how long the whole run took.
	Seconds float64  `json:"seconds"`
	Rows    []Result `json:"rows"`
}

// Result is one row. Read its ratio: figure and limit alone say more of the machine than of minapush.
type Result struct {
	ID string `json:"id"`
	// Figure is the median of the rounds, in Unit.
	Figure float64 `json:"figure"`
	Unit   Unit    `json:"unit"`
	// Limit is what Figure is compared to, measured in the same run, in LimitUnit; nil if the row has none, or if it cannot be
	// measured here: then Missing says why.
	Limit     *float64 `json:"limit"`
	LimitUnit Unit     `json:"limit_unit,omitempty"`
	Missing   string   `json:"missing,omitempty"`
	// Ratio is the median of the rounds' ratios of figure to limit; nil without a limit.
	Ratio  *float64 `json:"ratio"`
	Target Target   `json:"target"`
	// Reached tells whether Target is reached. It is nil if that cannot be said: without the limit, or at sizes for which the target
	// was not set; then Unjudged says why.
	Reached  *bool  `json:"reached"`
	Unjudged string `json:"unjudged,omitempty"`
	// How says in words how it was measured; whoever shows the result writes it.
	How string `json:"how"`
	// Sizes are the numbers behind it: users, permits, writers.
	Sizes map[string]float64 `json:"sizes"`
	// Rounds are the single measurements, in the order in which they were made.
	Rounds []Round `json:"rounds"`
	// Notes are what there is to know beside the sizes, by name: of Redis "aof" (always, everysec, no, off, untold), "server" (its
	// release) and "rpush" (redis-benchmark, or loop); of filter "memory": how often more memory was resident after all users than after a
	// quarter of them, or untold.
	Notes map[string]string `json:"notes,omitempty"`
	// Skipped is why the row was not measured; then no other field means anything. It is no error.
	Skipped string `json:"skipped,omitempty"`
	// Error is why the row could not be measured; then no other field means anything.
	Error string `json:"error,omitempty"`
}

// Unit is what a figure counts.
type Unit string

// The units there are.
const (
	CallsPerSecond    Unit = "calls/s"
	SyncsPerSecond    Unit = "syncs/s"
	MessagesPerSecond Unit = "messages/s"
	PermitsPerSecond  Unit = "permits/s"
	UsersPerSecond    Unit = "users/s"
	BytesPerPermit    Unit = "bytes/permit"
	Bytes             Unit = "bytes"
	Seconds           Unit = "s"
)

// Why a limit is missing, or a target not judged.
const (
	// NeedsRedis: the row, or its limit, needs Redis: none was named, and this machine has no redis-server to start.
	NeedsRedis = "needs_redis"
	// NeedsReplica: the row needs a Redis whose masters have replicas.
	NeedsReplica = "needs_replica"
	// TooSmall: the target is for larger sizes, and easier at these.
	TooSmall = "too_small"
	// OtherConcurrency: the target is for another number of unanswered messages.
	OtherConcurrency = "other_in_flight"
)

// Target is what a row is to reach; 0 means that nothing is asked.
type Target struct {
	RatioAtLeast float64 `json:"ratio_at_least,omitempty"`
	RatioAtMost  float64 `json:"ratio_at_most,omitempty"`
	FigureAtMost float64 `json:"figure_at_most,omitempty"`
}

// Round is one measurement; Limit and Ratio are nil in a row without a limit.
type Round struct {
	Figure float64  `json:"figure"`
	Limit  *float64 `json:"limit,omitempty"`
	Ratio  *float64 `json:"ratio,omitempty"`
}

// over makes a round of a figure and its limit.
func over(figure, limit float64) Round {
	ratio := figure / limit
	return Round{Figure: figure, Limit: &limit, Ratio: &ratio}
}

// sum takes the medians of the rounds.
func (r *Result) sum(rounds []Round) {
	var figures, limits, ratios []float64
	for _, one := range rounds {
		figures = append(figures, one.Figure)
		if one.Limit != nil {
			limits, ratios = append(limits, *one.Limit), append(ratios, *one.Ratio)
		}
	}
	r.Rounds, r.Figure = rounds, median(figures)
	if len(limits) > 0 {
		limit, ratio := median(limits), median(ratios)
		r.Limit, r.Ratio = &limit, &ratio
	}
}

// judge sets Reached, if that can be said.
func (r *Result) judge() {
	t := r.Target
	if r.Error != "" || r.Skipped != "" || r.Unjudged != "" || t == (Target{}) {
		return
	}
	if (t.RatioAtLeast > 0 || t.RatioAtMost > 0) && r.Ratio == nil {
		r.Unjudged = r.Missing
		return
	}
	reached := (t.RatioAtLeast == 0 || *r.Ratio >= t.RatioAtLeast) && (t.RatioAtMost == 0 || *r.Ratio <= t.RatioAtMost) &&
		(t.FigureAtMost == 0 || r.Figure <= t.FigureAtMost)
	r.Reached = &reached
}
