package server

import (
	"context"
	"errors"
	"strconv"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
)

// unconfirmed names the accepted of which WeChat has not said more.
const unconfirmed = "unconfirmed"

// progress sums a campaign over its shards.
func (s *Server) progress(ctx context.Context, app minapush.App, m minapush.Campaign) (*api.Progress, error) {
	sum, err := s.parts.Ledger.Sum(ctx, app, m.ID)
	if err != nil {
		return nil, err
	}
	t := sum.Tally
	p := &api.Progress{
		Audience: t.Examined, Pending: t.Count(minapush.Pending),
		PendingBy: map[string]int64{
			minapush.Waiting.String(): t.Waiting, minapush.HeldState.String(): t.Held, minapush.Sending.String(): t.Sending,
			minapush.Suspected.String(): t.Suspected,
		},
		Outcomes: map[string]int64{}, Reasons: map[string]map[string]int64{}, ShardsDone: sum.ShardsDone, Shards: app.Shards,
		Opened: t.Opened,
	}
	for _, o := range minapush.Outcomes {
		p.Outcomes[o.String()] = t.Count(o)
		for reason, n := range t.By[o] {
			if reason == "" || n == 0 {
				continue
			}
			if p.Reasons[o.String()] == nil {
				p.Reasons[o.String()] = map[string]int64{}
			}
			p.Reasons[o.String()][reason] = n
		}
	}
	if t.Delivered+t.Undelivered > 0 {
		p.Confirmed = map[string]int64{
			minapush.Delivered.String(): t.Delivered, minapush.Undelivered.String(): t.Undelivered,
			unconfirmed: t.Count(minapush.Accepted) - t.Delivered - t.Undelivered,
		}
	}
	return p, s.notWalked(ctx, app, m, p)
}

// notWalked adds who is still to be examined: exactly for a list, else an estimate from the last survey.
func (s *Server) notWalked(ctx context.Context, app minapush.App, m minapush.Campaign, p *api.Progress) error {
	var left int64
	switch {
	case m.State.Ended() || p.ShardsDone == p.Shards:
	case m.Audience.List:
		listed := m.Audience.Listed
		if m.State == minapush.Scheduled { // it is being filled
			var err error
			if listed, err = s.parts.Campaigns.Listed(ctx, app, m.ID); err != nil {
				return err
			}
		}
		left = max(0, listed-p.Audience)
	default:
		survey, err := s.parts.Bank.LastSurvey(ctx, app)
		if errors.Is(err, minapush.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		left, p.SurveyedAt = max(0, survey.Users-p.Audience), utc(survey.At)
	}
	p.NotWalked = &left
	return nil
}

func (s *Server) listDeliveries(ctx context.Context, c *call, _ *none) (api.Deliveries, error) {
	id, err := c.campaignID()
	if err != nil {
		return api.Deliveries{}, err
	}
	limit, err := c.limit(api.DefaultDeliveries, api.MaxDeliveries)
	if err != nil {
		return api.Deliveries{}, err
	}
	var match *minapush.Outcome
	if name := c.query("outcome"); name != "" {
		o, err := minapush.ParseOutcome(name)
		if err != nil {
			return api.Deliveries{}, below("query", err)
		}
		match = &o
	}
	if _, err := s.parts.Campaigns.Get(ctx, c.app.ID, id); err != nil {
		return api.Deliveries{}, err
	}
	page, err := s.parts.Ledger.List(ctx, c.app, id, match, c.query("cursor"), limit)
	if err != nil {
		return api.Deliveries{}, below("query", err)
	}
	out := api.Deliveries{Deliveries: make([]api.Delivery, len(page.Deliveries)), Next: page.Next}
	for i, d := range page.Deliveries {
		out.Deliveries[i] = deliveryBody(d)
	}
	return out, nil
}

// limit is the size of a page.
func (c *call) limit(normal, most int) (int, error) {
	text := c.query("limit")
	if text == "" {
		return normal, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, wrong("query.limit", "must be a number from 1 to "+strconv.Itoa(most))
	}
	return n, nil
}
