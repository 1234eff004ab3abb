package dispatch

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
)

// word gives each row the values that go out to its user: filled, and with the policies of the template applied. Users whose values no
// policy helps are failed, with their permits back, before they take a place in a wave: it is nobody's fault but theirs.
func (v *visit) word(c *campaignRun, rows []minapush.Delivery) []minapush.Delivery {
	if !c.personal && c.bad == nil {
		return rows
	}
	now := v.r.d.cfg.Now()
	var bad []delivery.Settlement
	good := rows[:0]
	for _, row := range rows {
		err := c.bad
		if c.personal {
			fitted := c.rules.Fit(c.message.Fill(row.Values))
			row.Values, err = fitted.Message.Values, fitted.Err()
		}
		if err == nil {
			good = append(good, row)
			continue
		}
		bad = append(bad, unsendable(row, now))
	}
	if len(bad) > 0 {
		v.persist(bad)
		v.r.ruled(c, c.untried(len(bad)))
		c.failedUnsent(len(bad))
		v.r.judgeFailures(c)
	}
	return good
}

// unsendable ends a delivery whose values the template does not take. What an earlier try with the same code left open stays so.
func unsendable(row minapush.Delivery, now time.Time) delivery.Settlement {
	x := delivery.Settlement{Ref: delivery.RefOf(row), Outcome: minapush.Failed, Permit: delivery.Release, Reason: minapush.ReasonBadValue, Now: now}
	if row.Resend {
		x.Outcome, x.Permit = minapush.Unknown, delivery.Spend
	}
	return x
}
