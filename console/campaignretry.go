package console

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

// retryOutcomes are the outcomes that may be tried again, in the order of the form.
func retryOutcomes() []minapush.Outcome {
	return []minapush.Outcome{minapush.Failed, minapush.Skipped, minapush.RefusedByUser, minapush.Unknown}
}

// retryCampaign makes a campaign of those that one did not reach; it waits for its check like any other.
func (c *Console) retryCampaign(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	if err := rq.r.ParseForm(); err != nil {
		return minapush.Errorf(minapush.Invalid, "the form could not be read: %w", err)
	}
	form := rq.r.PostForm
	p := campaignPage{M: m, Retry: retryForm{Key: form.Get("key"), Name: strings.TrimSpace(form.Get("name")), Outcomes: map[string]bool{}}}
	if p.Retry.Key == "" || !plausibleID(p.Retry.Key) {
		p.Retry.Key = c.cfg.NewID()
	}
	again := campaign.Again{Name: p.Retry.Name, Key: p.Retry.Key, Fingerprint: fingerprint(form)}
	for _, o := range retryOutcomes() {
		for _, name := range form["outcome"] {
			if name == o.String() && !p.Retry.Outcomes[name] {
				p.Retry.Outcomes[name] = true
				again.Outcomes = append(again.Outcomes, o)
			}
		}
	}
	switch {
	case len(again.Outcomes) == 0:
		p.Retry.Mistake = &mistake{Name: "mistake.choose"}
	case len(again.Name) > maxCampaignName:
		p.Retry.Mistake = &mistake{Name: "mistake.name_long"}
	}
	if p.Retry.Mistake != nil {
		return c.showCampaign(ctx, rq, http.StatusUnprocessableEntity, p)
	}
	_ = http.NewResponseController(rq.w).SetWriteDeadline(time.Now().Add(listTime)) //arch:allow a connection's deadlines are of real time
	made, _, err := c.parts.Campaigns.Retry(ctx, rq.app, m.ID, again)
	var e *minapush.Error
	switch {
	case err == nil:
		return rq.goTo(rq.appPath("campaigns", made.ID, "check"))
	case errors.As(err, &e) && e.Kind == minapush.Conflict && e.Field == "outcomes":
		p.Retry.Mistake = &mistake{Name: "mistake.retry_nobody"}
	case errors.As(err, &e) && e.Kind == minapush.Conflict && e.Field == "Idempotency-Key":
		p.Retry.Key, p.Retry.Mistake = c.cfg.NewID(), &mistake{Name: "mistake.sent_before"}
	case errors.Is(err, minapush.Conflict):
		p.Refused = "retry"
		return c.showCampaign(ctx, rq, http.StatusConflict, p)
	default:
		return err
	}
	return c.showCampaign(ctx, rq, http.StatusUnprocessableEntity, p)
}
