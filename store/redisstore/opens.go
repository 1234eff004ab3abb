package redisstore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
)

// Open implements store.Deliveries. A settled row of a campaign shares its value with others, all of which are written anew: some
// kilobytes.
func (s *Store) Open(ctx context.Context, sh minapush.Shard, batch string, o minapush.OpenID, push string, at time.Time) (bool, error) {
	if at = cut(at); at.IsZero() {
		return false, minapush.FieldError("at", "must be a time")
	}
	first := false
	err := s.step(ctx, sh, func(ctx context.Context, st *step) error {
		first = false
		w, err := st.sentRow(ctx, batch, o, push)
		if err != nil || !w.OpenedAt.IsZero() {
			return err
		}
		if err := w.open(at); err != nil {
			return err
		}
		if first = true; w.State == minapush.Settled {
			p, err := st.of(ctx, batch)
			if err != nil {
				return err
			}
			p.opened(&w)
			if push == "" { // a settled push is replaced by put
				if _, err := st.cutSettled(ctx, batch, o); err != nil {
					return err
				}
			}
		}
		return st.put(ctx, &w)
	})
	return first && err == nil, err
}

// open notes it in the row. Errors: Conflict (it cannot have been opened).
func (w *row) open(at time.Time) error {
	if settled := w.State == minapush.Settled; settled && !w.Outcome.Openable() || !settled && w.Tries == 0 {
		return minapush.Errorf(minapush.Conflict, "the delivery to %s in %s was not sent", w.OpenID.Masked(), w.Batch)
	}
	w.OpenedAt = at
	return nil
}

// sentRow reads a row, wherever it stands. Errors: NotFound.
func (st *step) sentRow(ctx context.Context, batch string, o minapush.OpenID, push string) (row, error) {
	var w row
	var found bool
	var err error
	if push != "" {
		err = st.do(ctx, st.look(st.hand, pushField(batch, push, o)), st.look(st.hash(st.keys.pushes(batch)), string(o)), st.lookProgress(batch))
		if err == nil {
			w, found, err = st.findPush(ctx, batch, o, push)
		}
	} else {
		w, found, err = st.campaignRow(ctx, batch, o)
	}
	if err == nil && !found {
		err = minapush.Errorf(minapush.NotFound, "no delivery to %s in %s", o.Masked(), batch)
	}
	return w, err
}

// campaignRow reads a row of a campaign. From then on the step is strict, since the row may be in a text.
func (st *step) campaignRow(ctx context.Context, batch string, o minapush.OpenID) (row, bool, error) {
	var version []looking
	if st.strict = true; st.version == nil {
		version = st.readVersion() // first, so that what is read after it is of that version or of a later one
	}
	queue, settled := st.hash(st.keys.queue(batch)), st.text(st.keys.settled(batch, bucketOf(o)))
	err := st.do(ctx, version,
		st.look(st.hand, handField(batch, bucketOf(o))), st.look(queue, string(o)), st.lookText(settled), st.lookProgress(batch))
	if err != nil {
		return row{}, false, err
	}
	if w, found, err := st.inHand(ctx, batch, o, ""); err != nil || found {
		return w, found, err
	}
	stored := queue.cell(string(o)).now
	if stored == nil {
		if stored, _, _, err = findPacked(settled.is, o); err != nil || stored == nil {
			return row{}, false, err
		}
	}
	w, err := readRow(stored, batch, o, "")
	return w, err == nil, err
}
