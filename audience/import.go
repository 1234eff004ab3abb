package audience

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/minapush/minapush"
)

const (
	// importChunk is how many rows are in hand at a time, and importWorkers how many users are changed at a time.
	importChunk   = 512
	importWorkers = 64
)

// Import changes the profiles of many users, row by row, as api.UserRow and the package comment say; rows have the effect that they
// have one after the other. A row that changes nothing counts as Duplicate, so a stream may be sent again. What is counted is durable,
// also beside an error, which ended the import: that of the reader, Unavailable, or the end of ctx.
func (p *Profiles) Import(ctx context.Context, app minapush.App, rows *Reader) (Imported, error) {
	var sum Imported
	if err := checkApp(app); err != nil {
		return sum, err
	}
	in := intake{rows: rows}
	for {
		if err := ctx.Err(); err != nil {
			return sum, fmt.Errorf("import users: %w", err)
		}
		chunk, end := in.chunk()
		err := p.applyAll(ctx, app, chunk)
		for _, t := range chunk {
			t.count(&sum)
		}
		switch {
		case err != nil:
			return sum, fmt.Errorf("import users: %w", err)
		case errors.Is(end, io.EOF):
			return sum, nil
		case end != nil:
			return sum, end
		}
	}
}

func (t *told) count(sum *Imported) {
	switch {
	case !t.done: // an error ended the import before
	case t.wrong != nil:
		sum.Refuse(*t.wrong)
	case t.changed:
		sum.Rows++
		sum.Accepted++
	default:
		sum.Rows++
		sum.Duplicate++
	}
}

// intake cuts rows into chunks whose users can be changed side by side.
type intake struct {
	rows *Reader
	kept *told // the first row of the next chunk
}

// chunk returns the next rows, and what ended the reading if it did. A row that names its user by a uid does not stand behind one that
// gives a uid, nor do two that give the same.
func (in *intake) chunk() (chunk []*told, end error) {
	uids := map[string]bool{}
	for len(chunk) < importChunk {
		t := in.kept
		if in.kept = nil; t == nil {
			if t, end = in.row(); end != nil {
				return chunk, end
			}
		}
		if !t.done && len(uids) > 0 && (t.uid != nil && uids[*t.uid] || t.byUID()) {
			in.kept = t
			return chunk, nil
		}
		if !t.done && t.uid != nil {
			uids[*t.uid] = true
		}
		chunk = append(chunk, t)
	}
	return chunk, nil
}

// row reads one row. One that is no good is done.
func (in *intake) row() (*told, error) {
	row, err := in.rows.Next()
	var bad *Problem
	if errors.As(err, &bad) {
		return &told{done: true, wrong: bad}, nil
	}
	if err != nil {
		return nil, err
	}
	t, err := readUser(row, in.rows.format)
	if err != nil {
		return &told{done: true, wrong: problemOf(row.Line, err)}, nil
	}
	return t, nil
}

func (t *told) byUID() bool {
	return len(t.name) >= len(UIDPrefix) && t.name[:len(UIDPrefix)] == UIDPrefix
}

// applyAll brings the rows of a chunk to the store: users side by side, the rows of one user one after the other.
func (p *Profiles) applyAll(ctx context.Context, app minapush.App, chunk []*told) error {
	if err := p.findAll(ctx, app, chunk); err != nil {
		return err
	}
	users := map[minapush.OpenID][]*told{}
	var order []minapush.OpenID
	for _, t := range chunk {
		if t.done {
			continue
		}
		if users[t.openid] == nil {
			order = append(order, t.openid)
		}
		users[t.openid] = append(users[t.openid], t)
	}
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(importWorkers)
	for _, o := range order {
		g.Go(func() error { return p.applyRows(each, app, users[o], true) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	// Users whose uid was another's may have it now that the other's rows are through.
	left := slices.DeleteFunc(slices.Clone(chunk), func(t *told) bool { return t.done })
	return p.applyRows(ctx, app, left, false)
}

// findAll finds the users whom rows name by a uid.
func (p *Profiles) findAll(ctx context.Context, app minapush.App, chunk []*told) error {
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(importWorkers)
	for _, t := range chunk {
		switch {
		case t.done:
		case !t.byUID():
			t.openid = minapush.OpenID(t.name)
		default:
			g.Go(func() (err error) {
				t.openid, err = p.OpenID(each, app, t.name)
				return t.settle(err)
			})
		}
	}
	return g.Wait()
}

// applyRows changes users row by row. With pause it stops before a row whose uid is another user's.
func (p *Profiles) applyRows(ctx context.Context, app minapush.App, rows []*told, pause bool) error {
	for _, t := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, changed, err := p.change(ctx, app, t.openid, t.apply)
		if pause && taken(err) {
			return nil
		}
		t.done, t.changed = err == nil, changed
		if err := t.settle(err); err != nil {
			return err
		}
	}
	return nil
}

// settle makes an error that is the row's own fault its answer, and returns any other.
func (t *told) settle(err error) error {
	if err == nil {
		return nil
	}
	switch minapush.KindOf(err) {
	case minapush.Invalid, minapush.NotFound, minapush.Conflict:
		t.done, t.wrong = true, problemOf(t.line, err)
		return nil
	}
	return err
}
