package audience

import (
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
)

// days finds when the last n calendar days of a time zone began, today included. Whole audiences are asked about the same moment, so it
// remembers its last answer.
type days struct {
	n    int
	zone *time.Location
	// last is the last answer: the second that was asked for, and how many seconds before it the days began, in the low backBits. 0 is
	// none. One word, so that it is read and written as a whole.
	last atomic.Int64
}

// backBits hold the seconds of more than maxDays.
const backBits = 26

// begin is when the days of now began, in seconds since 1970. Days begin at whole seconds.
func (d *days) begin(now time.Time) int64 {
	second := now.Unix()
	if last := d.last.Load(); last != 0 && last>>backBits == second {
		return second - last&(1<<backBits-1)
	}
	begin := minapush.DaysBack(now, d.zone, d.n-1).Unix()
	if back := second - begin; second > 0 && second < 1<<(62-backBits) && back >= 0 && back < 1<<backBits {
		d.last.Store(second<<backBits | back)
	}
	return begin
}
