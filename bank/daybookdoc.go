package bank

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	kindDay = "bank.day"
	// maxMarks is of how many processes a day remembers the last write; those that wrote last stay.
	maxMarks = 64
)

// storedDay is the document of one day of one app.
type storedDay struct {
	V int `json:"v"`
	// Sums are what rooms noted, of all nodes.
	Sums map[string]map[string]int64 `json:"sums,omitempty"`
	// Opening and Closing are the counters of the ledger when the day began and when they were last read, at At; nil: not yet.
	Opening flow      `json:"opening,omitzero"`
	Closing flow      `json:"closing,omitzero"`
	At      time.Time `json:"at,omitzero"`
	// Batches are the sums of campaigns and of days of pushes that moved on this day or may still, by id.
	Batches map[string]span `json:"batches,omitempty"`
	// Marks say up to which of its writes each process is in Sums; who wrote last is the last.
	Marks []mark `json:"marks,omitempty"`

	date date
}

type mark struct {
	Node string `json:"n"`
	Seq  uint64 `json:"s"`
}

func (s *storedDay) mark(node string) uint64 {
	for _, m := range s.Marks {
		if m.Node == node {
			return m.Seq
		}
	}
	return 0
}

func (s *storedDay) setMark(node string, seq uint64) {
	s.Marks = slices.DeleteFunc(s.Marks, func(m mark) bool { return m.Node == node })
	s.Marks = append(s.Marks, mark{node, seq})
	s.Marks = s.Marks[max(0, len(s.Marks)-maxMarks):]
}

// merge adds sums of a node. The bounds hold for all nodes together.
func (s *storedDay) merge(list sums) {
	if s.Sums == nil {
		s.Sums = map[string]map[string]int64{}
	}
	inAll := 0
	for _, keys := range s.Sums {
		inAll += len(keys)
	}
	for f, n := range list {
		keys := s.Sums[f.what]
		if keys == nil {
			keys = map[string]int64{}
			s.Sums[f.what] = keys
		}
		if _, known := keys[f.key]; !known && f.key != OtherKey && full(f.key, len(keys), inAll) {
			f.key = OtherKey
		}
		before := len(keys)
		keys[f.key] += n
		inAll += len(keys) - before
	}
}

// dayID names the document of a day: those of an app lie together, in order.
func dayID(app minapush.App, d date) string {
	return appID(app) + "/" + d.midnight().Format("20060102")
}

// dayOfID reads a day from its document's id; false if it is of another app.
func dayOfID(app minapush.App, id string) (date, bool) {
	text, ok := strings.CutPrefix(id, appID(app)+"/")
	if !ok {
		return 0, false
	}
	t, err := time.ParseInLocation("20060102", text, beijing)
	return dateOf(t), err == nil
}

// listDays reads up to limit documents of an app, from a day on, in their order.
func (b *Bank) listDays(ctx context.Context, app minapush.App, from date, limit int) ([]storedDay, error) {
	docs, err := b.st.ListDocuments(ctx, kindDay, dayID(app, from-1), limit)
	if err != nil {
		return nil, err
	}
	list := make([]storedDay, 0, len(docs))
	for _, d := range docs {
		day, ok := dayOfID(app, d.ID)
		if !ok {
			break // of another app
		}
		s := storedDay{date: day}
		if err := decode(d, &s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// writeDown writes what was noted of an app, and with counters what the ledger says now, into the documents of their days.
func (b *Bank) writeDown(ctx context.Context, app minapush.App, counters bool) error {
	b.book.writing.Lock()
	defer b.book.writing.Unlock()
	now := b.cfg.Now().UTC()
	today := dateOf(now)
	var read *reading
	var errs []error
	if counters {
		var err error
		if read, err = b.read(ctx, app, now); err != nil {
			errs = append(errs, err)
		}
	}
	days := b.book.days(app.Number)
	if !slices.Contains(days, today) {
		days = append(days, today)
	}
	for _, d := range days {
		of := read
		if d != today {
			of = nil
		}
		if err := b.writeDay(ctx, app, d, of, now); err != nil {
			errs = append(errs, fmt.Errorf("daybook of app %s: %w", app.ID, err))
		}
	}
	return errors.Join(append(errs, b.writeLatest(ctx, app))...)
}

// writeDay writes one day down, and again while other nodes are in its way. What could not be written stays in memory; when an answer was
// lost, the mark tells next time whether the write took effect.
func (b *Bank) writeDay(ctx context.Context, app minapush.App, d date, read *reading, now time.Time) error {
	l := leaf{app.Number, d}
	list, seq := b.book.take(l)
	if list == nil && read == nil {
		b.book.written(l, dateOf(now))
		return nil
	}
	for range maxEdits {
		err := b.editDay(ctx, app, d, now, read, list, seq)
		if err == nil {
			b.book.written(l, dateOf(now))
			if read != nil {
				b.book.recorded(app, read.ended)
			}
		}
		if !errors.Is(err, minapush.Conflict) {
			return err
		}
	}
	return minapush.Errorf(minapush.Conflict, "the day is being written by others all the time")
}

// editDay makes one try to write a day. Errors: Conflict (another node was faster).
func (b *Bank) editDay(ctx context.Context, app minapush.App, d date, now time.Time, read *reading, list sums, seq uint64) error {
	s := storedDay{V: format}
	doc, err := b.st.Get(ctx, kindDay, dayID(app, d))
	switch {
	case err == nil:
		err = decode(doc, &s)
	case errors.Is(err, minapush.NotFound):
		err = nil
	}
	if err != nil {
		return err
	}
	changed := false
	if read != nil {
		if changed, err = b.turnPage(ctx, app, d, &s, read, now); err != nil {
			return err
		}
	}
	if list != nil && s.mark(b.book.node) < seq {
		s.merge(list)
		s.setMark(b.book.node, seq)
		changed = true
	}
	if !changed {
		return nil
	}
	value, err := encodePlain(s)
	if err != nil {
		return err
	}
	_, err = b.st.Put(ctx, store.Document{Kind: kindDay, ID: dayID(app, d), Version: doc.Version, Value: value})
	return err
}

// turnPage moves a day to a reading of the ledger, and opens the day with it if it is new. It tells whether anything changed.
func (b *Bank) turnPage(ctx context.Context, app minapush.App, d date, s *storedDay, read *reading, now time.Time) (changed bool, err error) {
	if s.Opening == nil {
		if err := b.open(ctx, app, d, s, read); err != nil {
			return false, err
		}
		changed = true
	}
	closing := s.Closing.later(read.flow)
	changed = !maps.Equal(closing, s.Closing) || changed
	changed = s.moveSpans(read) || changed
	if changed {
		s.Closing, s.At = closing, now.Truncate(time.Millisecond)
	}
	return changed, nil
}

// open begins a new day where the last one ended, so that every move of a counter is on one day. Of an app without a day before it that
// is nothing, or, of one that is older than its daybook, what was read first. It also removes days that are too old.
func (b *Bank) open(ctx context.Context, app minapush.App, d date, s *storedDay, read *reading) error {
	days, err := b.listDays(ctx, app, 0, 2*KeepDays)
	if err != nil {
		return err
	}
	var last *storedDay
	for i := range days {
		if days[i].date < d && days[i].Closing != nil {
			last = &days[i]
		}
		if days[i].date <= d-KeepDays {
			b.removeDay(ctx, app, days[i].date)
		}
	}
	switch {
	case last != nil:
		s.Opening, s.Batches = last.Closing, last.carried(d)
	case !app.CreatedAt.IsZero() && dateOf(app.CreatedAt) < d:
		s.Opening, s.Batches = read.flow, map[string]span{}
		for id, e := range read.batches {
			s.Batches[id] = span{Opening: e, Closing: e}
		}
	default:
		s.Opening = flow{}
	}
	return nil
}

// removeDay removes a day's document. Another node may do the same; what fails is tried again tomorrow.
func (b *Bank) removeDay(ctx context.Context, app minapush.App, d date) {
	doc, err := b.st.Get(ctx, kindDay, dayID(app, d))
	if err == nil {
		err = b.st.Delete(ctx, doc)
	}
	if err != nil && !errors.Is(err, minapush.NotFound) && !errors.Is(err, minapush.Conflict) {
		b.cfg.Logger.Debug("old day of the daybook not removed, it will be tomorrow", "app", app.ID, "err", err)
	}
}
