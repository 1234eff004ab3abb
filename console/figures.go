package console

import (
	"cmp"
	"slices"

	"github.com/minapush/minapush"
)

// figures are where a campaign stands: Audience is the sum of Pending and the five outcomes.
type figures struct {
	Audience                                    int64
	Pending                                     int64
	Accepted, Refused, Failed, Skipped, Unknown int64
	// Waiting, InHand and Suspected split Pending.
	Waiting, InHand, Suspected int64
	// Opened are among those accepted or unknown; Delivered and Undelivered among those accepted.
	Opened, Delivered, Undelivered int64
	// Reasons split the outcomes but accepted, the largest first.
	Reasons []reasonCount
}

type reasonCount struct {
	Outcome minapush.Outcome
	Code    string
	N       int64
}

func figuresOf(t minapush.Tally) figures {
	f := figures{
		Audience: t.Examined, Pending: t.Count(minapush.Pending), Accepted: t.Count(minapush.Accepted),
		Refused: t.Count(minapush.RefusedByUser), Failed: t.Count(minapush.Failed), Skipped: t.Count(minapush.Skipped),
		Unknown: t.Count(minapush.Unknown), Waiting: t.Waiting, InHand: t.Held + t.Sending, Suspected: t.Suspected,
		Opened: t.Opened, Delivered: t.Delivered, Undelivered: t.Undelivered,
	}
	for _, o := range minapush.Outcomes {
		for code, n := range t.By[o] {
			if code != "" && n > 0 {
				f.Reasons = append(f.Reasons, reasonCount{o, code, n})
			}
		}
	}
	slices.SortFunc(f.Reasons, func(a, b reasonCount) int {
		return cmp.Or(cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(b.N, a.N), cmp.Compare(a.Code, b.Code))
	})
	return f
}

// Done counts those with an outcome.
func (f figures) Done() int64 { return f.Audience - f.Pending }

// Closes tells whether everybody is counted exactly once.
func (f figures) Closes() bool {
	return f.Audience == f.Pending+f.Accepted+f.Refused+f.Failed+f.Skipped+f.Unknown
}

// Confirms tells that WeChat has said of some what became of them.
func (f figures) Confirms() bool { return f.Delivered+f.Undelivered > 0 }

// Unconfirmed are those accepted of which WeChat has said nothing more.
func (f figures) Unconfirmed() int64 { return max(0, f.Accepted-f.Delivered-f.Undelivered) }

// Openable is of how many the opened are a part.
func (f figures) Openable() int64 { return f.Accepted + f.Unknown }

// Count is one outcome by its name.
func (f figures) Count(outcome string) int64 {
	return map[string]int64{
		"pending": f.Pending, "accepted": f.Accepted, "refused": f.Refused, "failed": f.Failed, "skipped": f.Skipped, "unknown": f.Unknown,
	}[outcome]
}

// Names are the outcomes by which rows can be told apart, by their names.
func (f figures) Names() []string {
	var names []string
	for _, o := range minapush.Outcomes {
		names = append(names, o.String())
	}
	return names
}
