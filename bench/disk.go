package bench

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/minapush/minapush/store/pebblestore"
)

// disk is what a permit takes on disk: form ids, ten a user, none spent, everything compacted, and the log left out, which is bounded
// whatever the store holds.
func disk(ctx context.Context, b *bench) (Result, error) {
	res := Result{Unit: BytesPerPermit, Target: Target{FigureAtMost: 45}}
	users := max(1, b.Permits/permitsPerUser)
	dir, done, err := b.place()
	if err != nil {
		return res, err
	}
	defer done()
	st, err := pebblestore.Open(dir+"/db", pebblestore.Config{})
	if err != nil {
		return res, err
	}
	err = fill(ctx, st, storeApp(users), users, permitsPerUser)
	if err == nil {
		err = st.Compact(ctx)
	}
	if err = errors.Join(err, st.Close()); err != nil {
		return res, err
	}
	size, err := tables(dir)
	permits := float64(users * permitsPerUser)
	res.sum([]Round{{Figure: float64(size) / permits}})
	res.Sizes = map[string]float64{"users": float64(users), "permits": permits, "bytes": float64(size)}
	return res, err
}

// tables sums the files of a store that hold data.
func tables(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || (filepath.Ext(path) != ".sst" && filepath.Ext(path) != ".blob") {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
