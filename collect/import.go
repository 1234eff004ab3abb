package collect

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
)

const (
	// importChunk is how many rows are in hand at a time, and importWorkers how many users get permits at a time.
	importChunk   = 512
	importWorkers = 64
)

// Import deposits permits row by row, as api.PermitRow says; users are named by their openids only. id names the import, 1 to MaxNonce
// printable ASCII bytes without "#": a permit without a code or an id of its own is told apart by it and its line, so that the same
// import, or part of it, sent again counts once. Without an id such rows are refused. What is counted is durable, also beside an error,
// which ended the import: Invalid (the id), that of the reader, Unavailable (repeating is safe), or the end of ctx.
func (c *Collector) Import(ctx context.Context, app minapush.App, id string, rows *audience.Reader) (audience.Imported, error) {
	var sum audience.Imported
	if id != "" && !goodNonce(id) {
		return sum, minapush.FieldError("id", "must have 1 to %d printable ASCII bytes without spaces and #", MaxNonce)
	}
	for {
		if err := ctx.Err(); err != nil {
			return sum, fmt.Errorf("import permits: %w", err)
		}
		chunk, end := c.importChunk(id, rows)
		err := c.depositRows(ctx, app, chunk)
		for _, r := range chunk {
			c.countRow(app, &sum, r)
		}
		switch {
		case err != nil:
			return sum, fmt.Errorf("import permits: %w", err)
		case errors.Is(end, io.EOF):
			return sum, nil
		case end != nil:
			return sum, end
		}
	}
}

// importChunk reads the next rows, and tells what ended the reading if it did.
func (c *Collector) importChunk(id string, rows *audience.Reader) (chunk []*permitRow, end error) {
	now := c.cfg.Now().UTC()
	for len(chunk) < importChunk {
		row, err := rows.Next()
		var bad *audience.Problem
		switch {
		case errors.As(err, &bad):
			chunk = append(chunk, &permitRow{line: bad.Line, answer: refusal(ReasonBadRow), wrong: bad})
		case err != nil:
			return chunk, err
		default:
			chunk = append(chunk, readPermit(row, id, now))
		}
	}
	return chunk, nil
}

// depositRows brings the good rows of a chunk to the bank: users side by side, so that the store writes them down together, and all
// rows of one user in one step.
func (c *Collector) depositRows(ctx context.Context, app minapush.App, chunk []*permitRow) error {
	users := map[minapush.OpenID][]*permitRow{}
	var order []minapush.OpenID
	for _, r := range chunk {
		if r.answer.Status != "" {
			continue
		}
		if users[r.openid] == nil {
			order = append(order, r.openid)
		}
		users[r.openid] = append(users[r.openid], r)
	}
	if err := c.numberRows(ctx, app, chunk); err != nil {
		return err
	}
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(importWorkers)
	for _, o := range order {
		g.Go(func() error { return c.depositUser(each, app, o, users[o]) })
	}
	return g.Wait()
}

// numberRows gives every good row the number of its source; names that the bank knows cost no call of the store.
func (c *Collector) numberRows(ctx context.Context, app minapush.App, chunk []*permitRow) error {
	numbers := map[string]uint16{}
	var names []string
	for _, r := range chunk {
		if _, seen := numbers[r.source]; r.answer.Status == "" && r.source != "" && !seen {
			numbers[r.source] = 0
			names = append(names, r.source)
		}
	}
	if names == nil {
		return nil
	}
	got, err := c.bank.SourceNumbers(ctx, app, names)
	if err != nil {
		return err
	}
	for i, name := range names {
		numbers[name] = got[i]
	}
	for _, r := range chunk {
		r.permit.Source = numbers[r.source]
	}
	return nil
}

func (c *Collector) depositUser(ctx context.Context, app minapush.App, o minapush.OpenID, rows []*permitRow) error {
	permits := make([]minapush.Permit, len(rows))
	for i, r := range rows {
		permits[i] = r.permit
	}
	d, err := c.bank.Deposit(ctx, app, o, permits)
	if err != nil {
		return err
	}
	for i, r := range rows {
		r.answer.take(d.Items[i : i+1])
		if r.answer.Status == StatusRefused {
			r.refuse("", r.answer.Reason)
		}
	}
	return nil
}

// countRow counts a row that has its answer.
func (c *Collector) countRow(app minapush.App, sum *audience.Imported, r *permitRow) {
	if r.answer.Status == "" { // an error ended the import before
		return
	}
	c.count(app, r.kind, r.answer)
	switch r.answer.Status {
	case StatusAccepted:
		sum.Accepted++
	case StatusDuplicate:
		sum.Duplicate++
	case StatusEvicted:
		sum.Evicted++
	default:
		sum.Refuse(*r.wrong)
		return
	}
	sum.Rows++
}
