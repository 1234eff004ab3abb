package campaign

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/minapush/minapush"
)

// rules is the template that the message of a campaign is judged by: as it now is, or as the campaign knows it if it is not known any
// more.
func (c *Campaigns) rules(ctx context.Context, m minapush.Campaign) (minapush.Template, error) {
	t := m.Rules()
	if c.cfg.Template == nil {
		return t, nil
	}
	now, err := c.cfg.Template(ctx, m.App, m.Message.Template)
	switch {
	case errors.Is(err, minapush.NotFound):
		return t, nil
	case err != nil:
		return t, fmt.Errorf("template of campaign %s: %w", m.ID, err)
	}
	t.Keys = now.Keys
	return t, nil
}

// checkValues refuses a message that its template would not take for anybody. Values with placeholders are checked user by user.
func checkValues(t minapush.Template, m minapush.Message) error {
	findings := t.Lint(m).Findings
	if len(findings) == 0 {
		return nil
	}
	e := findings[0].Err()
	return &minapush.Error{Kind: minapush.Conflict, Field: "message." + e.Field, Reason: minapush.ReasonBadValue, Err: e.Err}
}

// missForValues ends a campaign that was to start by itself and whose message its template does not take any more.
func missForValues(m *minapush.Campaign, f minapush.Finding, now time.Time) {
	why := map[string]string{"key": f.Key, "rule": f.Code, "answer": f.Key + ": " + f.Message()}
	miss(m, minapush.Reason{Code: minapush.ReasonBadValue, Params: why}, now)
}

// miss ends a campaign that was about to start by itself.
func miss(m *minapush.Campaign, why minapush.Reason, now time.Time) {
	m.State, m.Why, m.StartedAt, m.EndedAt, m.Audience.Listed = minapush.Missed, why, time.Time{}, now, 0
}

// fit refuses a row whose values would not go out.
func (f *filling) fit(l *listRow) {
	if !f.rules.HasRules() {
		return
	}
	found := f.rules.Fit(f.message.Fill(l.values)).Findings
	if len(found) == 0 {
		return
	}
	field := "values"
	asked := minapush.Message{Values: map[string]string{"": f.message.Values[found[0].Key]}}
	if names := asked.Placeholders(); len(names) > 0 {
		field += "." + names[0]
	}
	l.refuse(field, fmt.Sprintf("as part of %s: %s", found[0].Key, found[0].Message()))
}

// Unfinished lists the campaigns of an app that have not ended, oldest first.
func (c *Campaigns) Unfinished(ctx context.Context, app minapush.AppID) ([]minapush.Campaign, error) {
	list, err := c.active(ctx, app)
	if err != nil {
		return nil, fmt.Errorf("list campaigns of %s: %w", app, err)
	}
	return list, nil
}
