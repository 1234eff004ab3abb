package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// syncedBlock is what the disk's own limit appends before each sync: about what a group of collects writes.
const syncedBlock = 4096

// syncRate is the disk's own limit: how often a second one writer can append a block and wait until it is durable.
func (b *bench) syncRate(ctx context.Context, dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "synced"))
	if err != nil {
		return 0, err
	}
	block := make([]byte, syncedBlock)
	got, err := rate(ctx, b.piece(), 1, func(r *rand.Rand) (func(context.Context) error, error) {
		for i := range block {
			block[i] = byte(r.Uint32())
		}
		return func(context.Context) error {
			if _, err := f.Write(block); err != nil {
				return err
			}
			return syncData(f)
		}, nil
	})
	return got, errors.Join(err, f.Close(), os.Remove(f.Name()))
}
