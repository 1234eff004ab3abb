package bank

import (
	"context"
	"time"
)

const (
	// bookEvery is how often what was noted is written down: as much a crash may lose.
	bookEvery = 2 * time.Second
	// bookRest is how much longer than a reading of the ledger's counters the time to the next one is.
	bookRest = 100
	// bookEnd is how long Run may write at its end.
	bookEnd = 5 * time.Second
)

// keepBook writes the daybook down every bookEvery until ctx ends, and once more after it.
func (b *Bank) keepBook(ctx context.Context) {
	due := map[uint32]time.Time{} // when the counters of each app are read next
	for {
		for _, app := range b.book.known() {
			if ctx.Err() != nil {
				break
			}
			begun := time.Now() //arch:allow a duration inside the process
			counters := !begun.Before(due[app.Number])
			if err := b.writeDown(ctx, app, counters); err != nil && ctx.Err() == nil {
				b.cfg.Logger.Warn("daybook not written, it will be soon", "app", app.ID, "err", err)
			}
			if counters {
				ended := time.Now() //arch:allow a duration inside the process
				due[app.Number] = ended.Add(bookRest * ended.Sub(begun))
			}
		}
		if pause(ctx, bookEvery) != nil {
			break
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bookEnd)
	defer cancel()
	if err := b.Flush(ctx); err != nil {
		b.cfg.Logger.Warn("daybook not written at the end: the last seconds are lost", "err", err)
	}
}
