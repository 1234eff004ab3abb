package bank

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/minapush/minapush"
)

// What the daybook counts, by key. The first are noted by rooms as it happens. Those from FigureOutcome on come from the counters that the
// store keeps in the same steps that move permits and deliveries, read every few seconds: so they are exact whatever happens to a process.
const (
	// FigureIncome counts uses that came in, by "kind/source", such as "form/12": a kind's name and a number of the app's dictionary of
	// sources. A Standing permit counts as one.
	FigureIncome = "income"
	// FigureDuplicate counts permits that had been handed in before, by kind.
	FigureDuplicate = "duplicate"
	// FigureRefused counts items that gave no permit, by reason: those of package collect.
	FigureRefused = "refused"
	// FigureErrcode counts WeChat's answers other than ok, by who sent and code, such as "campaign.43101": every answer, those that were
	// tried again included.
	FigureErrcode = "errcode"
	// FigureVoid counts the answers 43101 by template: WeChat knew of no permit where the bank held one.
	FigureVoid = "void43101"

	// FigureOutcome counts deliveries that ended, by who sent and outcome: "campaign.accepted", "push.skipped"; those that somebody else
	// sent are "elsewhere.accepted". One that changes its outcome later, from unknown to accepted, does so on the day of that if its sums
	// are still read then: a campaign's until it ends, a push's on its day.
	FigureOutcome = "outcome"
	// FigureDeposited, FigureSpent, FigureDead, FigureExpired, FigureEvicted and FigureErased count uses by kind. Of Standing permits,
	// whose uses are not counted, there are FigureDeposited (permits) and FigureSpent (messages accepted).
	FigureDeposited = "deposited"
	FigureSpent     = "spent"
	FigureDead      = "dead"
	FigureExpired   = "expired"
	FigureEvicted   = "evicted"
	FigureErased    = "erased"
)

const (
	// KeepDays is for how many days the daybook is kept, today included.
	KeepDays = 400
	// MaxDayKeys is how many keys one day of an app tells apart, and MaxFigureKeys how many of them one figure may have, since some keys
	// come from outside. What goes beyond is counted under OtherKey.
	MaxDayKeys    = 2000
	MaxFigureKeys = MaxDayKeys / 2
	// MaxDayKey is the longest key in bytes; a longer one is counted under OtherKey.
	MaxDayKey = 96
	// OtherKey is the key of what has none of its own.
	OtherKey = "other"
)

// beijing is where the days of the daybook begin and end, as WeChat's quotas do. China has kept no summer time since 1991.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// date is a day in Beijing, counted from 1970-01-01.
type date int64

// dateOf is the day of a time.
func dateOf(t time.Time) date {
	const day = 24 * 60 * 60
	s := t.Unix() + 8*60*60
	d := s / day
	if s%day < 0 {
		d--
	}
	return date(d)
}

func (d date) midnight() time.Time { return time.Unix(int64(d)*24*60*60-8*60*60, 0).In(beijing) }

// Day is what one app did on one day.
type Day struct {
	// Date is the day's midnight in Beijing, at which it begins.
	Date time.Time
	// Figures are the counts by figure (see FigureIncome and the others) and key. A count that is 0 is absent, as is a figure without
	// counts.
	Figures map[string]map[string]int64
	// At is when the store's own counters (FigureOutcome to FigureErased, but for Standing permits) were last found changed on this day;
	// zero: they were not read. What moves within seconds of midnight may be counted on the next day.
	At time.Time
}

// Count is one figure of the day; 0 if it is absent.
func (d Day) Count(what, key string) int64 { return d.Figures[what][key] }

// Sum adds all keys of a figure up.
func (d Day) Sum(what string) int64 {
	var n int64
	for _, c := range d.Figures[what] {
		n += c
	}
	return n
}

// Note adds n, which may be below 0, to a figure of today in Beijing. It never fails and never waits for the store: sums stay in memory
// until Run writes them down, every two seconds and at its end, so a crash of the process loses those of the last seconds. It does
// nothing for an app that was never created.
func (b *Bank) Note(app minapush.App, what, key string, n int64) {
	if n == 0 || checkApp(app) != nil {
		return
	}
	b.book.add(app, dateOf(b.cfg.Now()), figure{what, key}, n)
}

// Days returns the days of an app in their order: as many as asked for, from the one in which from lies, days without figures included.
// What this node has not yet written down is in them; other nodes may have sums that are some seconds old. Errors: Invalid (days must be
// 1 to KeepDays); Unavailable.
func (b *Bank) Days(ctx context.Context, app minapush.App, from time.Time, days int) ([]Day, error) {
	if err := checkApp(app); err != nil {
		return nil, err
	}
	if days < 1 || days > KeepDays {
		return nil, minapush.FieldError("days", "must be 1 to %d, is %d", KeepDays, days)
	}
	for range maxEdits {
		before := b.book.snapshot(app.Number)
		list, err := b.readDays(ctx, app, dateOf(from), days, before)
		if !errors.Is(err, errStale) {
			return list, err
		}
	}
	return nil, minapush.Errorf(minapush.Unavailable, "the daybook of app %s is being written all the time", app.ID)
}

// errStale tells that what was in memory has been written down since it was looked at: adding it would count it twice.
var errStale = errors.New("the daybook was written meanwhile")

// readDays reads the documents of days and adds what was in memory before.
func (b *Bank) readDays(ctx context.Context, app minapush.App, first date, days int, memory map[date]pageView) ([]Day, error) {
	// One more than asked for: the day after the last says where the counters of the last one ended.
	docs, err := b.listDays(ctx, app, first, days+1)
	if err != nil {
		return nil, fmt.Errorf("daybook of app %s: %w", app.ID, err)
	}
	list := make([]Day, days)
	for i := range list {
		list[i] = Day{Date: (first + date(i)).midnight(), Figures: map[string]map[string]int64{}}
	}
	marks := map[date]uint64{}
	for i, s := range docs {
		if s.date >= first+date(days) {
			break
		}
		day := &list[s.date-first]
		day.addAll(s.Sums)
		marks[s.date] = s.mark(b.book.node)
		if s.Opening == nil {
			continue
		}
		day.At = s.At
		end, next := s.Closing, nextDay(docs[i+1:])
		if next != nil {
			end = next.Opening
		}
		day.addFlow(s.Opening, end)
		day.addBatches(&s, next)
	}
	for d, view := range memory {
		if d < first || d >= first+date(days) {
			continue
		}
		sums, ok := view.unwritten(marks[d])
		if !ok {
			return nil, errStale
		}
		for f, n := range sums {
			list[d-first].add(f, n)
		}
	}
	return list, nil
}

// nextDay is the first of some days that has counters: where it began the day before it ended.
func nextDay(days []storedDay) *storedDay {
	for i := range days {
		if days[i].Opening != nil {
			return &days[i]
		}
	}
	return nil
}

func (d *Day) add(f figure, n int64) {
	keys := d.Figures[f.what]
	if keys == nil {
		keys = map[string]int64{}
		d.Figures[f.what] = keys
	}
	if keys[f.key] += n; keys[f.key] == 0 {
		delete(keys, f.key)
	}
	if len(keys) == 0 {
		delete(d.Figures, f.what)
	}
}

func (d *Day) addAll(sums map[string]map[string]int64) {
	for what, keys := range sums {
		for key, n := range keys {
			d.add(figure{what, key}, n)
		}
	}
}

// addFlow adds what the counters of the ledger moved from one reading to another.
func (d *Day) addFlow(from, to flow) {
	for kind, end := range to {
		for i, n := range end {
			if moved := n - from[kind][i]; moved != 0 {
				d.add(figure{flowFigures[i], kind}, moved)
			}
		}
	}
}

// Flush writes down at once what this node has noted, for every app, and reads the counters of the ledger for the apps that Run or Note
// has met. Run does it by itself. Errors: Unavailable; what could not be written stays in memory.
func (b *Bank) Flush(ctx context.Context) error {
	var errs []error
	for _, app := range b.book.known() {
		errs = append(errs, b.writeDown(ctx, app, true))
	}
	return errors.Join(errs...)
}

// flow is a reading of the ledger's counters: by kind's name, in the order of flowFigures.
type flow map[string][len(flowFigures)]int64

var flowFigures = [...]string{FigureDeposited, FigureSpent, FigureDead, FigureExpired, FigureEvicted, FigureErased}

// readFlow reads the counters of an app: one record a shard.
func (b *Bank) readFlow(ctx context.Context, app minapush.App) (flow, error) {
	sums, err := b.Flow(ctx, app)
	if err != nil {
		return nil, err
	}
	f := flow{}
	for kind, c := range sums {
		f.raise(kind.String(), [...]int64{c.Deposited, c.Spent, c.Dead, c.Expired, c.Evicted, c.Erased})
	}
	return f, nil
}

// raise moves the counters of a kind forward. They only ever grow, so of two readings the larger is the later, one by one.
func (f flow) raise(kind string, to [len(flowFigures)]int64) {
	if to == [len(flowFigures)]int64{} {
		return
	}
	have := f[kind]
	for i, n := range to {
		have[i] = max(have[i], n)
	}
	f[kind] = have
}

// later is f moved forward to g.
func (f flow) later(g flow) flow {
	sum := maps.Clone(f)
	if sum == nil {
		sum = flow{}
	}
	for kind, c := range g {
		sum.raise(kind, c)
	}
	return sum
}
