package campaign

import (
	"errors"
	"fmt"
	"strings"
	"sync"

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

// belowWhere says where in a campaign the place lies that an error of an expression names.
func belowWhere(err error) error {
	var e *minapush.Error
	if !errors.As(err, &e) {
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

// Filter returns what a campaign's audience expression says of a user at the time of the question; nil for a campaign without one. It
// may be called often: an expression is read once. Errors: Invalid (a stored expression that this release cannot read).
func (c *Campaigns) Filter(m minapush.Campaign) (func(bank.User) bool, error) {
	if len(m.Audience.Where) == 0 {
		return nil, nil
	}
	e, err := c.filters.of(m)
	if err != nil {
		return nil, fmt.Errorf("audience of campaign %s: %w", m.ID, belowWhere(err))
	}
	return func(u bank.User) bool { return e.Holds(u, c.cfg.Now()) }, nil
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
