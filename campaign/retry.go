package campaign

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// retryPage is how many deliveries are read at a time, and listPage how much of a list is.
const (
	retryPage = 2000
	listPage  = 200
)

// Again is what Retry needs.
type Again struct {
	Name string
	// Outcomes chooses the deliveries; none means Failed.
	Outcomes []minapush.Outcome
	// Key is the author's idempotency key, empty for none, and Fingerprint a hash of the whole request.
	Key         string
	Fingerprint uint64
}

func (a *Again) validate() error {
	if len(a.Name) > maxName {
		return minapush.FieldError("name", "must have at most %d bytes, has %d", maxName, len(a.Name))
	}
	if len(a.Outcomes) == 0 {
		a.Outcomes = []minapush.Outcome{minapush.Failed}
	}
	for _, o := range a.Outcomes {
		if o == minapush.Pending || o == minapush.Accepted || !slices.Contains(minapush.Outcomes[:], o) {
			return minapush.FieldError("outcomes", "must be failed, refused, skipped or unknown, not %s", o)
		}
	}
	return nil
}

// Retry makes a campaign with a list from the deliveries of one that has ended, with the same message, each user's own values and what
// is kept back, and not in stages. It is of the same series: what was tried again of a run is no other campaign to runs before and after,
// which may say the same. With a Key that was used before for the same request it completes, or returns, that campaign, and created
// is false. After an error the campaign may be there with a part of its list: it cannot be started, and the same call with its key completes
// it. Errors: NotFound; Invalid; Conflict (it has not ended; with Field "outcomes" if no delivery that is kept has such an outcome; with
// Field "Idempotency-Key" if that was used for another request; with Field "message.values.…" if its template does not take that value any
// more).
func (c *Campaigns) Retry(ctx context.Context, app minapush.App, id string, a Again) (m minapush.Campaign, created bool, err error) {
	if err := a.validate(); err != nil {
		return m, false, err
	}
	from, err := c.Get(ctx, app.ID, id)
	if err != nil {
		return m, false, err
	}
	if !from.State.Ended() {
		return m, false, wrongState(from, "tried again before its end")
	}
	r := &retrying{Campaigns: c, app: app, from: from, outcomes: a.Outcomes}
	m, err = c.madeWith(ctx, app.ID, a.Key, a.Fingerprint)
	if errors.Is(err, minapush.NotFound) {
		m, created, err = r.make(ctx, a)
	}
	if err == nil && m.RetryOf != from.ID {
		err = keyReused()
	}
	if err != nil || !m.Audience.Filling || m.State != minapush.Scheduled {
		return m, created, err
	}
	r.to = m.ID
	if err := r.copy(ctx); err != nil {
		return m, created, err
	}
	m, err = c.change(ctx, app.ID, m.ID, func(m *minapush.Campaign, _ time.Time) error {
		m.Audience.Filling = false
		return nil
	})
	return m, created, err
}

// retrying is one Retry under way.
type retrying struct {
	*Campaigns
	app      minapush.App
	from     minapush.Campaign
	to       string
	outcomes []minapush.Outcome
}

// make writes the new campaign, which cannot be started before its list is whole.
func (r *retrying) make(ctx context.Context, a Again) (minapush.Campaign, bool, error) {
	if err := r.any(ctx); err != nil {
		return minapush.Campaign{}, false, err
	}
	rules, err := r.rules(ctx, r.from)
	if err == nil {
		err = checkValues(rules, r.from.Message)
	}
	if err != nil {
		return minapush.Campaign{}, false, err
	}
	if a.Name == "" {
		a.Name = r.from.Name
	}
	return r.create(ctx, minapush.Campaign{
		ID: minapush.InSeries(r.cfg.NewID(), r.from.ID), Schedule: r.from.Schedule,
		App: r.app.ID, Name: a.Name, Message: r.from.Message, Kind: r.from.Kind, Keys: rules.Keys, AtLeastOnce: r.from.AtLeastOnce,
		Audience: minapush.Audience{List: true, Filling: true}, RetryOf: r.from.ID, KeepBack: r.from.KeepBack, OnQuiet: r.from.OnQuiet,
		Grace: minapush.DefaultGrace, State: minapush.Scheduled, CreatedAt: r.cfg.Now().UTC(),
	}, a.Key, a.Fingerprint)
}

// any refuses a retry that would reach nobody.
func (r *retrying) any(ctx context.Context) error {
	errFound := errors.New("found")
	err := r.each(ctx, func([]minapush.Delivery) error { return errFound })
	if err == nil {
		return &minapush.Error{Kind: minapush.Conflict, Field: "outcomes", Err: errors.New("no delivery that is still kept has such an outcome")}
	}
	if errors.Is(err, errFound) {
		return nil
	}
	return err
}

// each hands out the deliveries that are to be tried again, page by page.
func (r *retrying) each(ctx context.Context, do func([]minapush.Delivery) error) error {
	var match *minapush.Outcome
	if len(r.outcomes) == 1 {
		match = &r.outcomes[0]
	}
	for cursor := ""; ; {
		page, err := r.rows.List(ctx, r.app, r.from.ID, match, cursor, retryPage)
		if err != nil {
			return fmt.Errorf("deliveries of campaign %s: %w", r.from.ID, err)
		}
		rows := slices.DeleteFunc(page.Deliveries, func(d minapush.Delivery) bool {
			return d.State != minapush.Settled || !slices.Contains(r.outcomes, d.Outcome)
		})
		if len(rows) > 0 {
			if err := do(rows); err != nil {
				return err
			}
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

// copy fills the new list. A list that another call has completed meanwhile, so that its campaign could be started, is none the worse.
func (r *retrying) copy(ctx context.Context) error {
	err := r.each(ctx, func(rows []minapush.Delivery) error { return r.put(ctx, rows) })
	if !errors.Is(err, minapush.Conflict) {
		return err
	}
	m, e := r.Get(ctx, r.app.ID, r.to)
	if e == nil && !m.Audience.Filling {
		return nil
	}
	return err
}

// put adds the users of a page, several shards at a time.
func (r *retrying) put(ctx context.Context, rows []minapush.Delivery) error {
	byShard := map[minapush.Shard][]minapush.OpenID{}
	for _, d := range rows {
		s := r.app.Shard(d.OpenID)
		byShard[s] = append(byShard[s], d.OpenID)
	}
	putting, ctx := errgroup.WithContext(ctx)
	putting.SetLimit(addAtOnce)
	for shard, openids := range byShard {
		putting.Go(func() error {
			for some := range slices.Chunk(openids, addLimit) {
				if err := r.putSome(ctx, shard, some); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return putting.Wait()
}

func (r *retrying) putSome(ctx context.Context, shard minapush.Shard, openids []minapush.OpenID) error {
	users, err := r.listed(ctx, shard, openids)
	if err != nil || len(users) == 0 {
		return err
	}
	if _, err := r.st.AddListed(ctx, shard, r.to, users); err != nil {
		return fmt.Errorf("list of campaign %s: %w", r.to, err)
	}
	return nil
}

// listed gives users, ascending, the values that they had in the first campaign. Of one with placeholders, those who are not on its
// list any more were erased.
func (r *retrying) listed(ctx context.Context, shard minapush.Shard, openids []minapush.OpenID) ([]store.Listed, error) {
	users := make([]store.Listed, 0, len(openids))
	if len(r.from.Message.Placeholders()) == 0 {
		for _, o := range openids {
			users = append(users, store.Listed{OpenID: o})
		}
		return users, nil
	}
	var page []store.Listed
	for _, o := range openids {
		for len(page) > 0 && page[0].OpenID < o {
			page = page[1:]
		}
		if len(page) == 0 {
			var err error
			if page, err = r.st.Listed(ctx, shard, r.from.ID, before(o), listPage); err != nil {
				return nil, fmt.Errorf("list of campaign %s: %w", r.from.ID, err)
			}
		}
		if len(page) > 0 && page[0].OpenID == o {
			users = append(users, page[0])
		}
	}
	return users, nil
}

// before is greater than every openid that is less than o, which is of printable characters, and less than o.
func before(o minapush.OpenID) minapush.OpenID {
	last := len(o) - 1
	return o[:last] + minapush.OpenID([]byte{o[last] - 1, '~' + 1})
}
