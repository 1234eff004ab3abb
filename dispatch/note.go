package dispatch

import (
	"errors"
	"strconv"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/delivery"
)

// Who sends, in the figures of the daybook.
const (
	byCampaign = "campaign."
	byPush     = "push."
)

const codeRefused = 43101

// tally is what answers add to the daybook, so that many are noted at once. How deliveries end the bank reads from the ledger itself.
type tally struct {
	standing int64            // messages accepted on Standing permits
	codes    map[int]int64    // WeChat's answers other than ok
	voids    map[string]int64 // 43101 by template
}

// answered counts one answer of WeChat.
func (t *tally) answered(template string, err error) {
	var e *minapush.Error
	if err == nil || !errors.As(err, &e) || e.Code == 0 {
		return
	}
	if t.codes == nil {
		t.codes = map[int]int64{}
	}
	t.codes[e.Code]++
	if e.Code == codeRefused {
		if t.voids == nil {
			t.voids = map[string]int64{}
		}
		t.voids[template]++
	}
}

// ended counts one delivery whose end is durable. Of Standing permits the ledger keeps no counter of its own.
func (t *tally) ended(o minapush.Outcome, kind minapush.PermitKind) {
	if o == minapush.Accepted && kind == minapush.Standing {
		t.standing++
	}
}

// note writes a tally into the daybook.
func (r *runner) note(by string, t tally) {
	app := r.settings()
	r.d.bank.Note(app, bank.FigureSpent, minapush.Standing.String(), t.standing)
	for code, n := range t.codes {
		r.d.bank.Note(app, bank.FigureErrcode, by+strconv.Itoa(code), n)
	}
	for template, n := range t.voids {
		r.d.bank.Note(app, bank.FigureVoid, template, n)
	}
}

// noteAnswers counts answers to a campaign, and with settled the ends that they made.
func (v *visit) noteAnswers(rs []result, xs []delivery.Settlement, settled bool) {
	var t tally
	for i, r := range rs {
		t.answered(r.c.need.Template, r.err)
		if settled {
			t.ended(xs[i].Outcome, r.row.Permit.Kind)
		}
	}
	v.r.note(byCampaign, t)
}

// notePush counts one answer to a push.
func (r *runner) notePush(template string, err error) {
	if err == nil {
		return
	}
	var t tally
	t.answered(template, err)
	r.note(byPush, t)
}

// notePushEnded counts a push that has its outcome.
func (r *runner) notePushEnded(d minapush.Delivery) {
	var t tally
	if t.ended(d.Outcome, d.Permit.Kind); t.standing > 0 {
		r.note(byPush, t)
	}
}

// follow tells the bank which campaigns have work.
func (r *runner) follow(app minapush.App, work []job) {
	ids := make([]string, len(work))
	for i, c := range work {
		ids[i] = c.ID
	}
	r.d.bank.Follow(app, ids)
}
