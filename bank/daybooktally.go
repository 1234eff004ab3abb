package bank

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

const (
	// followFor is for how long the sums of a campaign are still read that is not worked on any more: its last answers come in.
	followFor = 2 * time.Minute
	// maxCarried is of how many campaigns a day remembers where it began; the newest stay.
	maxCarried = 500
	// lateSettles is for how long after midnight (UTC, which ends a day of pushes) the pushes of the day before are still read.
	lateSettles = time.Hour
)

// ends counts how deliveries of one campaign, or of one UTC day of pushes, ended: by outcome, in the order of minapush.Outcomes, and last
// those that somebody else sent.
type ends [len(minapush.Outcomes) + 1]int64

const elsewhere = len(minapush.Outcomes)

func endsOf(t minapush.Tally) ends {
	var e ends
	for i, o := range minapush.Outcomes {
		e[i] = t.Count(o)
	}
	e[elsewhere] = t.By[minapush.Accepted][minapush.ReasonElsewhere]
	e[slices.Index(minapush.Outcomes[:], minapush.Accepted)] -= e[elsewhere]
	return e
}

func (e ends) sum() (n int64) {
	for _, c := range e {
		n += c
	}
	return n
}

// span is what a day knows of the deliveries of one batch.
type span struct {
	Opening ends `json:"o"`
	Closing ends `json:"c"`
	// Ended: nothing comes after this.
	Ended bool `json:"ended,omitempty"`
}

// move takes a reading over, unless a later one is there: sums only grow, though a delivery may change its outcome.
func (s span) move(to ends, ended bool) span {
	if !s.Ended && (ended || to.sum() >= s.Closing.sum()) {
		s.Closing, s.Ended = to, ended
	}
	return s
}

// reading is what the ledger says at a moment.
type reading struct {
	flow    flow
	batches map[string]ends
	ended   map[string]ends // campaigns that ended, with their last sums
}

// Follow says which campaigns of an app are being sent, so that the daybook has how their deliveries end: as of now, and again while they
// are. It never fails and never waits.
func (b *Bank) Follow(app minapush.App, campaigns []string) {
	if checkApp(app) != nil {
		return
	}
	b.book.follow(app, campaigns, b.cfg.Now())
}

// NoteEnd gives the last sums of a campaign that has ended. A crash of the process within seconds loses what of them was not read before.
func (b *Bank) NoteEnd(app minapush.App, campaign string, sums minapush.Tally) {
	if checkApp(app) != nil {
		return
	}
	b.book.mu.Lock()
	defer b.book.mu.Unlock()
	b.book.apps[app.Number] = app
	if b.book.ended[app.Number] == nil {
		b.book.ended[app.Number] = map[string]ends{}
	}
	b.book.ended[app.Number][campaign] = endsOf(sums)
	delete(b.book.followed[app.Number], campaign)
}

// follow notes campaigns, and forgets those that have not been followed for a while.
func (k *book) follow(app minapush.App, campaigns []string, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	have := k.followed[app.Number]
	if have == nil && len(campaigns) > 0 {
		have = map[string]time.Time{}
		k.followed[app.Number] = have
		k.apps[app.Number] = app
	}
	for _, id := range campaigns {
		have[id] = now
	}
	maps.DeleteFunc(have, func(_ string, at time.Time) bool { return now.Sub(at) > followFor })
}

// toRead lists the campaigns of an app whose sums are to be read, and those that ended.
func (k *book) toRead(app minapush.App) (ids []string, ended map[string]ends) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Keys(k.followed[app.Number])), maps.Clone(k.ended[app.Number])
}

// recorded forgets campaigns whose end is written down.
func (k *book) recorded(app minapush.App, ended map[string]ends) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.ended[app.Number], func(id string, e ends) bool { return ended[id] == e })
}

// read reads the ledger: the counters of permits, and the sums of today's pushes and of the campaigns that are followed. It reads one
// record a shard for each of them.
func (b *Bank) read(ctx context.Context, app minapush.App, now time.Time) (*reading, error) {
	flow, err := b.readFlow(ctx, app)
	if err != nil {
		return nil, err
	}
	r := &reading{flow: flow, batches: map[string]ends{}}
	ids, ended := b.book.toRead(app)
	r.ended = ended
	ids = append(ids, minapush.PushBatch(now))
	if before := minapush.PushBatch(now.Add(-lateSettles)); before != minapush.PushBatch(now) {
		ids = append(ids, before)
	}
	for _, id := range ids {
		p, err := b.st.Progress(ctx, app.Number, app.Shards, id)
		if err != nil {
			return nil, err
		}
		if e := endsOf(p.Tally); e.sum() > 0 {
			r.batches[id] = e
		}
	}
	return r, nil
}

// moveSpans takes the sums of batches over. It tells whether anything changed.
func (s *storedDay) moveSpans(r *reading) (changed bool) {
	for _, of := range []struct {
		batches map[string]ends
		ended   bool
	}{{r.batches, false}, {r.ended, true}} {
		for id, to := range of.batches {
			before, known := s.Batches[id]
			if after := before.move(to, of.ended); !known || after != before {
				if s.Batches == nil {
					s.Batches = map[string]span{}
				}
				s.Batches[id], changed = after, true
			}
		}
	}
	return changed
}

// carried are the batches with which a day begins: those of the day before that may still move, each where it stood, and those that ended
// on it, since a node may not know that yet and read them again. Of pushes it is the UTC day in which the day begins.
func (s *storedDay) carried(next date) map[string]span {
	list := map[string]span{}
	for id, b := range s.Batches {
		over := b.Ended && b.Opening == b.Closing || isPushes(id) && id < minapush.PushBatch(next.midnight())
		if !over {
			list[id] = span{Opening: b.Closing, Closing: b.Closing, Ended: b.Ended}
		}
	}
	ids := slices.Sorted(maps.Keys(list)) // by age: ids of campaigns are ULIDs, and the day of pushes comes after all of them
	for _, id := range ids[:max(0, len(ids)-maxCarried)] {
		delete(list, id)
	}
	return list
}

// isPushes tells the days of pushes from campaigns.
func isPushes(batch string) bool { return strings.HasPrefix(batch, "push-") }

// addBatches adds how deliveries ended on a day. next is the day with a document that comes after it; nil: there is none.
func (d *Day) addBatches(s, next *storedDay) {
	for id, b := range s.Batches {
		end := b.Closing
		if next != nil {
			if after, ok := next.Batches[id]; ok && after.Opening.sum() > 0 {
				end = after.Opening
			}
		}
		by := "campaign."
		if isPushes(id) {
			by = "push."
		}
		for i, o := range minapush.Outcomes {
			d.add(figure{FigureOutcome, by + o.String()}, end[i]-b.Opening[i])
		}
		d.add(figure{FigureOutcome, "elsewhere." + minapush.Accepted.String()}, end[elsewhere]-b.Opening[elsewhere])
	}
}
