package store

import (
	"context"
	"slices"
	"time"
)

// Transfer is one copy of everything. Nothing is checked beforehand: see BeginCopy.
type Transfer struct {
	From, To Copyable
	// Now is the caller's clock when the copy began: idempotency keys whose time is over are left behind, as a sweep would leave them.
	Now time.Time
	// Layout, if not nil, spreads users over other shards.
	Layout *Layout
	// Document changes documents on their way; nil: none.
	Document func(Document) (Document, error)
	// Tell, if not nil, is told of every piece that was written, or with read set read back.
	Tell func(p Piece, read bool)
}

// queued is how many imports may wait for one under way: as much is in memory.
const queued = 4

// Run copies everything and returns what it read, changed as it was to be written.
func (t *Transfer) Run(ctx context.Context) (*Contents, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	pieces, ended := make(chan []Piece, queued), make(chan error, 1)
	go func() {
		var err error
		for list := range pieces {
			if err == nil {
				if err = t.To.Import(ctx, list, t.Now); err != nil {
					stop() // nothing more is read
				}
			}
		}
		ended <- err
	}()
	read, err := t.read(ctx, pieces)
	close(pieces)
	if failed := <-ended; failed != nil {
		return read, failed
	}
	return read, err
}

func (t *Transfer) read(ctx context.Context, pieces chan<- []Piece) (*Contents, error) {
	sum := NewContents(t.Layout != nil)
	give := func(list []Piece) error {
		select {
		case pieces <- list:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := t.From.Export(ctx, func(p Piece) error {
		if err := t.change(&p); err != nil {
			return err
		}
		sum.Add(p)
		if t.Tell != nil {
			t.Tell(p, false)
		}
		list := []Piece{p}
		if t.Layout != nil {
			var err error
			if list, err = t.Layout.Move(p); err != nil {
				return err
			}
		}
		return give(list)
	})
	if err == nil && t.Layout != nil {
		err = t.Layout.Sums(func(p Piece) error { return give([]Piece{p}) })
	}
	return sum, err
}

// change leaves out what is not copied, and changes what goes over changed.
func (t *Transfer) change(p *Piece) error {
	t.leave(p)
	for i := range p.Documents {
		if t.Document != nil {
			var err error
			if p.Documents[i], err = t.Document(p.Documents[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// leave leaves out keys whose time is over, and the mark of the copy.
func (t *Transfer) leave(p *Piece) {
	p.Keys = slices.DeleteFunc(p.Keys, func(k CopiedKey) bool { return t.Now.UnixMilli() >= k.Until.UnixMilli() })
	p.Documents = slices.DeleteFunc(p.Documents, func(d Document) bool { return d.Kind == KindUnfinished })
}

// ReadBack reads what was written, to be compared with what Run returned.
func (t *Transfer) ReadBack(ctx context.Context) (*Contents, error) {
	sum := NewContents(t.Layout != nil)
	err := t.To.Export(ctx, func(p Piece) error {
		t.leave(&p)
		sum.Add(p)
		if t.Tell != nil {
			t.Tell(p, true)
		}
		return nil
	})
	return sum, err
}
