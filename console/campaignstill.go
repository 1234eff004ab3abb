package console

import (
	"time"

	"github.com/minapush/minapush"
)

// still says why a campaign does not move: a code of stillCodes, the reason behind it, and until when; each may be empty.
type still struct {
	Code  string
	Why   minapush.Reason
	Until time.Time
}

// The codes of still. Each has words, see stillTexts.
const (
	stillPlanned    = "planned"     // waits for its time
	stillUnstarted  = "unstarted"   // waits for its check and start
	stillPaused     = "paused"      // by somebody, or by a rule
	stillCancelling = "cancelling"  // those left are being counted
	stillStopped    = "stopped"     // the kill switch of the app
	stillHold       = "hold"        // waits by itself until a time
	stillStorm      = "storm"       // refusals are in doubt
	stillLate       = "late"        // past the latest send time: those left are being counted
	stillStarved    = "starved"     // the store gives out no tokens of the rate
	stillFirst      = "first_wave"  // waits for the answers to the first messages
	stillSuspects   = "suspects"    // only refusals that are in doubt are left
	stillAgain      = "again"       // only those to be tried again are left
	stillAnswers    = "answers"     // all that is under way waits for WeChat's answers
	stillNobody     = "nobody"      // no process works on it
	stillStartingUp = "starting_up" // it has just been started
)

func stillCodes() []string {
	return []string{
		stillPlanned, stillUnstarted, stillPaused, stillCancelling, stillStopped, stillHold, stillStorm, stillLate, stillStarved, stillFirst,
		stillSuspects, stillAgain, stillAnswers, stillNobody, stillStartingUp,
	}
}

// startingUp is for how long after its start a campaign need not have moved.
const startingUp = 5 * time.Second

// stillOf finds why a campaign does not move. moves tells that its figures changed lately, or that nobody has watched them for long enough
// to know; whole that everybody was examined.
func stillOf(m minapush.Campaign, app minapush.App, f figures, moves, whole bool, starved error, now time.Time) still {
	switch m.State {
	case minapush.Scheduled:
		if m.StartAt.IsZero() {
			return still{Code: stillUnstarted}
		}
		return still{Code: stillPlanned, Until: m.StartAt}
	case minapush.Paused:
		return still{Code: stillPaused, Why: m.Why}
	case minapush.Cancelling:
		return still{Code: stillCancelling}
	case minapush.Running:
	default:
		return still{}
	}
	switch {
	case !app.Stopped.IsZero():
		return still{Code: stillStopped, Why: app.Stopped}
	case holds(m, now):
		return still{Code: stillHold, Why: m.Hold.Why, Until: m.Hold.Until}
	case m.Fleet.Storm:
		return still{Code: stillStorm}
	case !m.LatestSend.IsZero() && !now.Before(m.LatestSend):
		return still{Code: stillLate}
	case moves:
		return still{}
	case starved != nil:
		return still{Code: stillStarved, Why: minapush.Reason{Params: map[string]string{"answer": starved.Error()}}}
	case f.Pending > 0 && f.Pending == f.Suspected:
		return still{Code: stillSuspects}
	case f.InHand > 0 && f.Done() == 0:
		return still{Code: stillFirst}
	case f.InHand > 0:
		return still{Code: stillAnswers}
	case whole && f.Waiting > 0:
		return still{Code: stillAgain}
	case now.Sub(m.StartedAt) < startingUp:
		return still{Code: stillStartingUp}
	}
	return still{Code: stillNobody}
}
