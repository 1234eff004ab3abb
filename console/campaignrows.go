package console

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
)

const (
	// rowsShown is how many deliveries a page shows, and rowsWritten how many an export reads at a time.
	rowsShown   = 50
	rowsWritten = 2000
	// exportTime is how long an export may take.
	exportTime = 30 * time.Minute
)

func (c *Console) rowRoutes() {
	c.appPage("GET campaigns/{id}/deliveries", c.deliveries)
	c.appPageWithin("GET campaigns/{id}/export", bounds{exportTime, maxForm}, c.exportDeliveries)
}

// rowsPage are deliveries of a campaign.
type rowsPage struct {
	M minapush.Campaign
	// Outcome is the one that is shown, by its name; empty: all.
	Outcome  string
	Outcomes []string
	Rows     []minapush.Delivery
	// First tells that this page is the first, and Next is the address of the one that follows.
	First bool
	Next  string
}

// outcomeAsked is the outcome that the address names; nil: all.
func outcomeAsked(rq *request) (*minapush.Outcome, string) {
	name := rq.r.URL.Query().Get("outcome")
	if name == "" {
		return nil, ""
	}
	o, err := minapush.ParseOutcome(name)
	if err != nil {
		return nil, ""
	}
	return &o, name
}

func (c *Console) deliveries(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	match, name := outcomeAsked(rq)
	after := rq.r.URL.Query().Get("after")
	page, err := c.parts.Ledger.List(ctx, rq.app, m.ID, match, after, rowsShown)
	if err != nil {
		return err
	}
	p := rowsPage{M: m, Outcome: name, Rows: page.Deliveries, First: after == "", Outcomes: []string{"", minapush.Pending.String()}}
	for _, o := range minapush.Outcomes {
		p.Outcomes = append(p.Outcomes, o.String())
	}
	if page.Next != "" {
		v := url.Values{"after": {page.Next}}
		if name != "" {
			v.Set("outcome", name)
		}
		p.Next = rq.appPath("campaigns", m.ID, "deliveries") + "?" + v.Encode()
	}
	return rq.show(http.StatusOK, view{"campaignrows", rq.say("rows.title"), "campaigns"}, p)
}

// exportDeliveries writes deliveries as a table, page by page: UTF-8 with a byte order mark, which spreadsheets want.
func (c *Console) exportDeliveries(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	match, name := outcomeAsked(rq)
	page, err := c.parts.Ledger.List(ctx, rq.app, m.ID, match, "", rowsWritten)
	if err != nil {
		return err
	}
	file := "minapush-" + m.ID
	if name != "" {
		file += "-" + name
	}
	h := rq.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+strings.Map(plainName, file)+`.csv"`)
	h.Set("Cache-Control", "no-store")
	err = c.writeRows(ctx, rq, m.ID, match, page)
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, errGone) {
			c.cfg.Logger.Error("export broke off", "app", rq.app.ID, "campaign", m.ID, "err", err)
		}
		panic(http.ErrAbortHandler) // half a table must not look like a whole one
	}
	return nil
}

// plainName keeps what is plain in the name of a file.
func plainName(r rune) rune {
	if r == '-' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
		return r
	}
	return '_'
}

// deliveryColumns are those of `minapush campaign export`.
func deliveryColumns() []string {
	return []string{"openid", "outcome", "reason", "errcode", "msgid", "permit", "tries", "reserved_at", "settled_at", "opened_at"}
}

func (c *Console) writeRows(ctx context.Context, rq *request, id string, match *minapush.Outcome, page delivery.Page) error {
	conn := http.NewResponseController(rq.w)
	out := bufio.NewWriter(goneWriter{rq.w})
	if _, err := out.WriteString("\ufeff"); err != nil {
		return err
	}
	lines := csv.NewWriter(out)
	if err := lines.Write(deliveryColumns()); err != nil {
		return err
	}
	for {
		for _, d := range page.Deliveries {
			if err := lines.Write(deliveryCells(d)); err != nil {
				return err
			}
		}
		lines.Flush()
		_ = conn.SetWriteDeadline(time.Now().Add(writeEvent)) //arch:allow a connection's deadlines are of real time
		if err := errors.Join(lines.Error(), out.Flush()); err != nil || page.Next == "" {
			return err
		}
		var err error
		if page, err = c.parts.Ledger.List(ctx, rq.app, id, match, page.Next, rowsWritten); err != nil {
			return err
		}
	}
}

// goneWriter calls every failure to write what it is: nobody reads any more.
type goneWriter struct{ io.Writer }

func (w goneWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		err = errGone
	}
	return n, err
}

// deliveryCells are a delivery's cells, in the order of deliveryColumns.
func deliveryCells(d minapush.Delivery) []string {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	return []string{
		plainCell(string(d.OpenID)), d.Outcome.String(), plainCell(d.Reason), number(int64(d.Errcode)), number(d.MsgID), d.Permit.Kind.String(),
		strconv.Itoa(d.Tries), stamp(d.ReservedAt), stamp(d.SettledAt), stamp(d.OpenedAt),
	}
}

// plainCell makes a cell that no spreadsheet runs as a formula: those that could be one get a ' in front.
func plainCell(cell string) string {
	first, _ := utf8.DecodeRuneInString(cell)
	if cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return "'" + cell
	}
	return cell
}
