package collect

import (
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// takenAt is when something was earned that arrived with an age. What is older than limit is refused as tooOld.
func takenAt(ageMS int64, arrival time.Time, limit time.Duration, tooOld string) (taken time.Time, reason string) {
	switch {
	case ageMS < 0:
		return time.Time{}, ReasonNegativeAge
	case ageMS > limit.Milliseconds(): // compared before it becomes a Duration, which it may be too large for
		return time.Time{}, tooOld
	}
	return arrival.Add(-time.Duration(ageMS) * time.Millisecond), ""
}

// goodNonce accepts printable ASCII without spaces. "#" is kept out: the counts of trusted items are named with it.
func goodNonce(n string) bool {
	return n != "" && len(n) <= MaxNonce && !strings.ContainsFunc(n, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' })
}

// identityOf is the identity of the item at a place of a report: its own nonce, or the report's with the place. "": neither is good.
func identityOf(report string, i int, own string) string {
	switch {
	case goodNonce(own):
		return own
	case own == "" && goodNonce(report):
		return report + "." + strconv.Itoa(i)
	}
	return ""
}

// goodTemplate accepts what can be a template id; whether the app has it is not looked at.
func goodTemplate(id string) bool {
	return minapush.Template{ID: id, Kind: minapush.OneTimeTemplate}.Validate() == nil
}
