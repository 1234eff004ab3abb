package bank

import (
	"context"
	"errors"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// lookEvery is how often Run looks for apps that are due, new ones included.
const lookEvery = 5 * time.Second

// Run surveys the apps that the given function names, one after the other: each soon after the start or after it came to be, and
// again Config.SurveyEvery after its last survey ended. Surveys of other nodes count, but for the first. It works for
// Config.SurveyShare of the time that a survey takes. Run returns when ctx ends, with ctx's error; a survey that fails is logged
// and tried again when it is next due.
func (b *Bank) Run(ctx context.Context, apps func(context.Context) ([]minapush.App, error)) error {
	due := map[uint32]time.Time{} // by app number
	for {
		list, err := apps(ctx)
		if err != nil && ctx.Err() == nil {
			b.cfg.Logger.Error("apps to survey are not known", "err", err)
		}
		if err == nil {
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
		at, known := due[app.Number]
		if known && b.cfg.Now().Before(at) {
			next[app.Number] = at
			continue
		}
		if known {
			wait, err := b.takeTurn(ctx, app)
			if err != nil && ctx.Err() == nil {
				b.cfg.Logger.Error("turn to survey is not known", "app", app.ID, "err", err)
			}
			if wait > 0 || err != nil {
				next[app.Number] = b.cfg.Now().Add(wait)
				continue
			}
		}
		if _, err := b.survey(ctx, app, b.cfg.SurveyShare); err != nil && ctx.Err() == nil {
			b.cfg.Logger.Error("survey ended early", "app", app.ID, "err", err)
		}
		next[app.Number] = b.cfg.Now().Add(b.cfg.SurveyEvery)
	}
	return next
}

const kindTurn = "bank.survey_turn"

// storedTurn tells other nodes that one has begun a survey.
type storedTurn struct {
	V     int       `json:"v"`
	Begun time.Time `json:"begun"`
}

// takeTurn answers 0 if this node is to survey the app now, or how long to wait before asking again: another node has surveyed it,
// or is at it. The turn of a node that died ends by itself. It spares work and nothing else: two surveys at once do no harm.
func (b *Bank) takeTurn(ctx context.Context, app minapush.App) (wait time.Duration, err error) {
	now := b.cfg.Now()
	last, err := b.LastSurvey(ctx, app)
	if err != nil && !errors.Is(err, minapush.NotFound) {
		return 0, err
	}
	if err == nil {
		if wait := last.At.Add(last.Took + b.cfg.SurveyEvery).Sub(now); wait > 0 {
			return wait, nil
		}
	}
	d, err := b.st.Get(ctx, kindTurn, appID(app))
	if err != nil && !errors.Is(err, minapush.NotFound) {
		return 0, err
	}
	if err == nil {
		var turn storedTurn
		if err := decode(d, &turn); err != nil {
			return 0, err
		}
		if turn.Begun.After(last.At) && now.Sub(turn.Begun) < max(b.cfg.SurveyEvery, 3*last.Took) {
			return lookEvery, nil
		}
	}
	value, err := encodePlain(storedTurn{V: format, Begun: now.UTC().Truncate(time.Millisecond)})
	if err != nil {
		return 0, err
	}
	_, err = b.st.Put(ctx, store.Document{Kind: kindTurn, ID: appID(app), Version: d.Version, Value: value})
	if errors.Is(err, minapush.Conflict) {
		return lookEvery, nil
	}
	return 0, err
}
