package bank

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// lookEvery is how often Run looks for apps that are due, new ones included.
const lookEvery = 5 * time.Second

// Run surveys the apps that the given function names, one after the other: each soon after the start or after it came to be, unless it
// was surveyed a moment ago, and again Config.SurveyEvery after its last survey ended. Of several nodes on one store one surveys an app at
// a time, and the others answer from what it found; when it dies another goes on within turnLife or SurveyEvery. Run works for
// Config.SurveyShare of the time that a survey takes. It returns when ctx ends, with ctx's error; a survey that fails is logged and tried
// again when it is next due.
//
// It also writes the daybook and the latest reporters down every two seconds, and once more at its end: see Note, Latest and Flush.
func (b *Bank) Run(ctx context.Context, apps func(context.Context) ([]minapush.App, error)) error {
	var keeping sync.WaitGroup
	keeping.Go(func() { b.keepBook(ctx) })
	defer keeping.Wait()
	due := map[uint32]time.Time{} // by app number
	for {
		list, err := apps(ctx)
		if err != nil && ctx.Err() == nil {
			b.cfg.Logger.Error("apps to survey are not known", "err", err)
		}
		if err == nil {
			b.book.meet(list)
			due = b.surveyDue(ctx, list, due)
		}
		if err := pause(ctx, min(lookEvery, b.cfg.SurveyEvery)); err != nil {
			return err
		}
	}
}

// surveyDue surveys the apps whose time has come and returns when each is to be looked at next.
func (b *Bank) surveyDue(ctx context.Context, apps []minapush.App, due map[uint32]time.Time) map[uint32]time.Time {
	next := make(map[uint32]time.Time, len(apps)) // apps that are gone are forgotten
	for _, app := range apps {
		if at := due[app.Number]; b.cfg.Now().Before(at) {
			next[app.Number] = at
			continue
		}
		turn, wait, err := b.takeTurn(ctx, app)
		if err != nil && ctx.Err() == nil {
			b.cfg.Logger.Error("turn to survey is not known", "app", app.ID, "err", err)
		}
		if wait > 0 || err != nil {
			next[app.Number] = b.cfg.Now().Add(wait)
			continue
		}
		if _, err := b.survey(ctx, app, b.cfg.SurveyShare, turn.keep); err != nil && ctx.Err() == nil {
			b.cfg.Logger.Error("survey ended early", "app", app.ID, "err", err)
		}
		turn.end(ctx)
		next[app.Number] = b.cfg.Now().Add(b.cfg.SurveyEvery)
	}
	return next
}

const kindTurn = "bank.survey_turn"

const (
	// turnLife is how long a node that surveys may show no sign of life before another takes its turn; clocks may differ by much of it.
	turnLife = 2 * time.Minute
	// turnBeat is how often it shows one.
	turnBeat = 20 * time.Second
)

// storedTurn tells other nodes that one is at a survey.
type storedTurn struct {
	V     int       `json:"v"`
	Begun time.Time `json:"begun"`
	// Alive is when the node last showed a sign of life; zero: it has ended. A turn of an earlier release has none.
	Alive time.Time `json:"alive,omitzero"`
}

// turn is this node's turn to survey an app. It spares work and nothing else: two surveys at once do no harm.
type turn struct {
	b   *Bank
	doc store.Document
	storedTurn
}

// takeTurn gives this node the turn to survey the app now, or says how long to wait before asking again: another node has surveyed it, or
// is at it.
func (b *Bank) takeTurn(ctx context.Context, app minapush.App) (*turn, time.Duration, error) {
	now := b.cfg.Now()
	last, err := b.LastSurvey(ctx, app)
	if err != nil && !errors.Is(err, minapush.NotFound) {
		return nil, 0, err
	}
	if err == nil {
		// One from the future is of a clock that was wrong.
		if wait := last.At.Add(last.Took + b.cfg.SurveyEvery).Sub(now); wait > 0 && wait <= last.Took+b.cfg.SurveyEvery {
			return nil, wait, nil
		}
	}
	t := &turn{b: b}
	t.doc, err = b.st.Get(ctx, kindTurn, appID(app))
	if err != nil && !errors.Is(err, minapush.NotFound) {
		return nil, 0, err
	}
	if err == nil {
		if err := decode(t.doc, &t.storedTurn); err != nil {
			return nil, 0, err
		}
		if age := now.Sub(t.Alive).Abs(); !t.Alive.IsZero() && age < turnLife {
			return nil, lookEvery, nil
		}
	}
	t.doc.Kind, t.doc.ID = kindTurn, appID(app)
	t.storedTurn = storedTurn{V: format, Begun: now.UTC().Truncate(time.Millisecond)}
	err = t.sign(ctx, now)
	if errors.Is(err, minapush.Conflict) {
		return nil, lookEvery, nil
	}
	return t, 0, err
}

// sign writes a sign of life. Errors: Conflict (another node has the turn).
func (t *turn) sign(ctx context.Context, at time.Time) error {
	t.Alive = at.UTC().Truncate(time.Millisecond)
	value, err := encodePlain(t.storedTurn)
	if err != nil {
		return err
	}
	doc := t.doc
	doc.Value = value
	version, err := t.b.st.Put(ctx, doc)
	if err == nil {
		t.doc.Version = version
	}
	return err
}

// keep shows a sign of life if it is time. It fails if another node has taken the turn.
func (t *turn) keep(ctx context.Context) error {
	now := t.b.cfg.Now()
	if now.Sub(t.Alive) < turnBeat {
		return nil
	}
	err := t.sign(ctx, now)
	if errors.Is(err, minapush.Unavailable) {
		return nil // the next one will do, or the survey fails by itself
	}
	return err
}

// end gives the turn back, also when ctx has ended.
func (t *turn) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := t.sign(ctx, time.Time{}); err != nil {
		t.b.cfg.Logger.Debug("turn to survey not given back, it will lapse", "err", err)
	}
}
