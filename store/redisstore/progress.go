package redisstore

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
)

// progress is how far a batch is in a shard: what was read of it, and by how much the step moves it. Counters are moved, not set, so
// that steps on different users of a batch are not in each other's way; where the walk stands is compared like any other field.
type progress struct {
	minapush.Tally
	batch string
	at    *hash // cursor and done flag
	moved []counted
}

// The fields of a progress. An outcome's reasons are under its number and their name.
const (
	fieldCursor   = "k"
	fieldDone     = "z"
	fieldExamined = "e"
	// A release that knows of no opens, or of no confirmations, reads these as outcomes that nobody asks for.
	fieldOpened      = "o"
	fieldDelivered   = "d"
	fieldUndelivered = "f"
)

var pendingFields = map[minapush.DeliveryState]string{
	minapush.Waiting: "w", minapush.HeldState: "h", minapush.Sending: "s", minapush.Suspected: "u",
}

const (
	// maxReasons is how many reasons a tally tells apart, for each outcome and shard; the rest is reasonOther. Steps at the same time
	// may each add one above that.
	maxReasons  = 64
	reasonOther = "other"
)

// readTally reads the counters of a progress.
func readTally(fields map[string]string) (minapush.Tally, error) {
	var t minapush.Tally
	for field, value := range fields {
		if field == fieldCursor || field == fieldDone {
			continue
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || field == "" {
			return t, errCorrupt
		}
		switch field[0] {
		case 'e':
			t.Examined = n
		case 'w':
			t.Waiting = n
		case 'h':
			t.Held = n
		case 's':
			t.Sending = n
		case 'u':
			t.Suspected = n
		case 'o':
			t.Opened = n
		case 'd':
			t.Delivered = n
		case 'f':
			t.Undelivered = n
		default:
			t.Add(minapush.Outcome(field[0]-'0'), field[1:], n)
		}
	}
	return t, nil
}

func (p *progress) move1(field string, by int64) {
	for i := range p.moved {
		if p.moved[i].field == field {
			p.moved[i].by += by
			return
		}
	}
	p.moved = append(p.moved, counted{field, by})
}

// examined counts users who were examined.
func (p *progress) examined(by int64) {
	p.Examined += by
	p.move1(fieldExamined, by)
}

// pend counts rows that come to a state that is not settled, or leave it.
func (p *progress) pend(s minapush.DeliveryState, by int64) { p.move1(pendingFields[s], by) }

// move counts a row that went from one pending state to another.
func (p *progress) move(from, to minapush.DeliveryState) {
	p.pend(from, -1)
	p.pend(to, 1)
}

// settle counts a row that went from a pending state to its outcome, and returns the reason that it is counted under.
func (p *progress) settle(from minapush.DeliveryState, o minapush.Outcome, reason string) string {
	p.pend(from, -1)
	return p.count(o, reason)
}

// count counts an outcome, and returns the reason that it is counted under.
func (p *progress) count(o minapush.Outcome, reason string) string {
	if reasons := p.By[o]; len(reasons) >= maxReasons {
		if _, known := reasons[reason]; !known {
			reason = reasonOther
		}
	}
	p.Add(o, reason, 1)
	p.move1(string('0'+rune(o))+reason, 1)
	return reason
}

// opened counts a row that was opened and gets its outcome. One that cannot have been opened forgets it.
func (p *progress) opened(w *row) {
	switch {
	case w.OpenedAt.IsZero():
	case w.Outcome.Openable():
		p.Opened++
		p.move1(fieldOpened, 1)
	default:
		w.OpenedAt = time.Time{}
	}
}

// confirmed counts a row that the platform confirmed and that has its outcome.
func (p *progress) confirmed(w *row) {
	switch w.Confirmed {
	case minapush.Delivered:
		p.Delivered++
		p.move1(fieldDelivered, 1)
	case minapush.Undelivered:
		p.Undelivered++
		p.move1(fieldUndelivered, 1)
	}
}

// uncount takes an outcome back.
func (p *progress) uncount(o minapush.Outcome, reason string) {
	p.Add(o, reason, -1)
	p.move1(string('0'+rune(o))+reason, -1)
}

func (p *progress) cursor() minapush.OpenID { return minapush.OpenID(p.at.cell(fieldCursor).now) }

func (p *progress) done() bool { return p.at.cell(fieldDone).now != nil }

// walked moves the cursor, and notes that it is at the end of the shard.
func (p *progress) walked(to minapush.OpenID, done bool) {
	if to != p.cursor() {
		p.at.set(fieldCursor, []byte(to))
	}
	if done {
		p.at.set(fieldDone, []byte{'1'})
	}
}

// known finds the progress of a batch that the step has read; nil if it has not.
func (st *step) known(batch string) *progress {
	for _, p := range st.progress {
		if p.batch == batch {
			return p
		}
	}
	return nil
}

// of gives the progress of a batch in the step's shard, to be read and moved.
func (st *step) of(ctx context.Context, batch string) (*progress, error) {
	if err := st.do(ctx, st.lookProgress(batch)); err != nil {
		return nil, err
	}
	return st.known(batch), nil
}

// lookProgress reads the progress of batches, unless the step knows it.
func (st *step) lookProgress(batches ...string) (list []looking) {
	for i, batch := range batches {
		if st.known(batch) != nil || i > 0 && batches[i-1] == batch || st.recalledProgress(batch) {
			continue
		}
		cmd := st.s.client.B().Hgetall().Key(st.keys.progress(batch)).Build()
		list = append(list, looking{cmd, func(r rueidis.RedisResult) error {
			fields, err := r.AsStrMap()
			if err != nil {
				return err
			}
			return st.sawProgress(batch, fields)
		}})
	}
	return list
}

// sawProgress notes what was read of a batch's progress. Counters may move until the commit: nothing depends on them. So may the
// cursor, unless the step walks.
func (st *step) sawProgress(batch string, fields map[string]string) error {
	if st.known(batch) != nil {
		return nil
	}
	t, err := readTally(fields)
	if err != nil {
		return err
	}
	st.addProgress(batch, t, fieldBytes(fields, fieldCursor), fieldBytes(fields, fieldDone))
	return nil
}

// fieldBytes is one of the fields that were read; nil if it is not there.
func fieldBytes(fields map[string]string, name string) []byte {
	if v, ok := fields[name]; ok {
		return []byte(v)
	}
	return nil
}

func (st *step) addProgress(batch string, t minapush.Tally, cursor, done []byte) {
	p := &progress{Tally: t, batch: batch, at: st.hash(st.keys.progress(batch))}
	p.at.saw(fieldCursor, cursor).free = true
	p.at.saw(fieldDone, done).free = true
	st.progress = append(st.progress, p)
}

// walks says that the step depends on where the walk stands.
func (p *progress) walks() {
	p.at.cell(fieldCursor).free, p.at.cell(fieldDone).free = false, false
}
