package delivery

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// ScanLimit is how many rows one page examines at most; then it hands out a cursor, full or not.
const ScanLimit = 20_000

// Page is some deliveries of a batch and where to go on.
type Page struct {
	Deliveries []minapush.Delivery
	// Next is the cursor of the next page; empty at the end.
	Next string
}

// cursor is where a page ended: a shard and the last row examined there.
type cursor struct {
	Shard  uint32          `json:"s"`
	OpenID minapush.OpenID `json:"o,omitempty"`
	Push   string          `json:"p,omitempty"`
}

func (c cursor) String() string {
	b, _ := json.Marshal(c) // a struct of strings and numbers always marshals
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s string) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return c, minapush.FieldError("cursor", "is not one that this server handed out")
	}
	return c, nil
}

// List returns up to limit deliveries of a batch, shard by shard and within a shard by openid, with the given outcome or, for nil,
// with any. Users skipped by a campaign have no row. Errors: Invalid for a foreign cursor.
func (l *Ledger) List(ctx context.Context, app minapush.App, batch string, match *minapush.Outcome, after string, limit int) (Page, error) {
	at, err := parseCursor(after)
	if err != nil {
		return Page{}, err
	}
	var page Page
	scanned := 0
	for int(at.Shard) < app.Shards {
		from := store.Ref{Batch: batch, OpenID: at.OpenID, Push: at.Push}
		if at.OpenID == "" {
			from = store.Ref{}
		}
		// A page never examines more rows than it may return, so that no row is examined and then cut off.
		scan := limit - len(page.Deliveries)
		rows, next, more, err := l.Storage.List(ctx, minapush.Shard{App: app.Number, N: at.Shard}, batch, from, scan, match)
		if err != nil {
			return Page{}, err
		}
		page.Deliveries = append(page.Deliveries, rows...)
		scanned += scan
		if more {
			at.OpenID, at.Push = next.OpenID, next.Push
		} else {
			at = cursor{Shard: at.Shard + 1}
		}
		if len(page.Deliveries) >= limit || scanned >= ScanLimit {
			break
		}
	}
	if int(at.Shard) < app.Shards {
		page.Next = at.String()
	}
	return page, nil
}

// Forget removes the settled rows of a batch; its sums stay.
func (l *Ledger) Forget(ctx context.Context, app minapush.App, batch string) error {
	for n := range app.Shards {
		if err := l.Storage.Forget(ctx, minapush.Shard{App: app.Number, N: uint32(n)}, batch); err != nil {
			return err
		}
	}
	return nil
}

// ForgetPushes removes the push rows of the days that begin with that of from and end before that of to.
func (l *Ledger) ForgetPushes(ctx context.Context, app minapush.App, from, to time.Time) error {
	last := minapush.PushBatch(to)
	for day := from; minapush.PushBatch(day) != last && day.Before(to); day = day.AddDate(0, 0, 1) {
		if err := l.Forget(ctx, app, minapush.PushBatch(day)); err != nil {
			return err
		}
	}
	return nil
}
