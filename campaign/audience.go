package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
)

const whereField = "audience.where"

// checkAudience refuses an audience that cannot be read, and a message that it cannot fill.
func checkAudience(a minapush.Audience, m minapush.Message) error {
	if !a.List {
		if err := m.CheckFilled(); err != nil {
			return err
		}
	}
	if len(a.Where) == 0 {
		return nil
	}
	if a.List {
		return minapush.FieldError(whereField, "cannot stand beside a list")
	}
	_, err := audience.Parse(a.Where)
	return belowWhere(err)
}

// CheckAudience reads an audience expression, nil for an empty one. It refuses one that asks of a campaign that the app does not have, of
// the list of one that has none, or of one that ended so long ago that its rows and its list are forgotten: nobody would have got it.
// Errors: Invalid, with the path to the place; Unavailable.
func (c *Campaigns) CheckAudience(ctx context.Context, app minapush.App, where json.RawMessage) (*audience.Expression, error) {
	if len(where) == 0 {
		return nil, nil
	}
	e, err := audience.Parse(where)
	if err != nil {
		return nil, belowWhere(err)
	}
	asked := map[string]minapush.Campaign{}
	for _, named := range e.Named() {
		m, ok := asked[named.Campaign]
		if !ok {
			if m, err = c.asked(ctx, app, named); err != nil {
				return nil, belowWhere(err)
			}
			asked[named.Campaign] = m
		}
		if named.List && !m.Audience.List {
			return nil, belowWhere(minapush.FieldError(named.Path, "names a campaign that has no list: %q", m.ID))
		}
	}
	return e, nil
}

// asked finds a campaign that an audience names, and refuses one that it asks of in vain.
func (c *Campaigns) asked(ctx context.Context, app minapush.App, named audience.Named) (minapush.Campaign, error) {
	m, err := c.Get(ctx, app.ID, named.Campaign)
	switch {
	case errors.Is(err, minapush.NotFound):
		return m, minapush.FieldError(named.Path, "names a campaign that the app does not have: %q", named.Campaign)
	case err == nil && m.State.Ended() && c.cfg.Now().Sub(m.EndedAt) > c.cfg.Keep:
		return m, minapush.FieldError(named.Path, "names a campaign whose deliveries are forgotten, since it ended more than %d days ago: %q",
			int(c.cfg.Keep/(24*time.Hour)), named.Campaign)
	}
	return m, err
}

// belowWhere says where in a campaign the place lies that an error of an expression names.
func belowWhere(err error) error {
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Invalid {
		return err
	}
	at := *e
	switch {
	case at.Field == "" || strings.HasPrefix(at.Field, "["):
		at.Field = whereField + at.Field
	default:
		at.Field = whereField + "." + at.Field
	}
	return &at
}

// Filter returns what a campaign's audience expression says of a user, and what it asks to be told of it; nil for a campaign without one.
// Each user is asked about at the time of the question: "seen within an hour", and where a day begins and ends, are those of that moment,
// however long ago the campaign was started. It may be called often: an expression is read once. Errors: Invalid (a stored expression that
// this release cannot read).
func (c *Campaigns) Filter(m minapush.Campaign) (holds func(*bank.User) bool, asks bank.Asks, err error) {
	if len(m.Audience.Where) == 0 {
		return nil, asks, nil
	}
	e, err := c.filters.of(m)
	if err != nil {
		return nil, asks, fmt.Errorf("audience of campaign %s: %w", m.ID, belowWhere(err))
	}
	return func(u *bank.User) bool {
		return e.Holds(u, audience.Asked{Now: c.cfg.Now(), Kind: m.Kind, Template: m.Message.Template})
	}, bank.Asks{Looks: e.Looks(), Beside: e.Campaigns()}, nil
}

// maxFilters is how many expressions are kept: more than ever run at a time.
const maxFilters = 256

// filters keeps the expressions of campaigns as they were read. An expression never changes.
type filters struct {
	mu    sync.Mutex // guards all below
	byID  map[string]*audience.Expression
	order []string // oldest first
}

func (f *filters) of(m minapush.Campaign) (*audience.Expression, error) {
	key := string(m.App) + "/" + m.ID
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, ok := f.byID[key]; ok {
		return e, nil
	}
	e, err := audience.Parse(m.Audience.Where)
	if err != nil {
		return nil, err
	}
	if f.byID == nil {
		f.byID = map[string]*audience.Expression{}
	}
	if len(f.order) == maxFilters {
		delete(f.byID, f.order[0])
		f.order = append(f.order[:0], f.order[1:]...)
	}
	f.byID[key], f.order = e, append(f.order, key)
	return e, nil
}
