package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
)

// profiled measures a figure, with profiles of it if they are wanted of this round: ROW.cpu.pprof, and the memory allocated before and
// after it, to be compared by `go tool pprof -base`.
func (b *bench) profiled(ctx context.Context, wanted bool, figure func(context.Context) (float64, error)) (float64, error) {
	if b.Profiles == "" || !wanted {
		return figure(ctx)
	}
	if err := os.MkdirAll(b.Profiles, 0o755); err != nil {
		return 0, err
	}
	if err := b.allocations("before"); err != nil {
		return 0, err
	}
	f, err := os.Create(filepath.Join(b.Profiles, b.row+".cpu.pprof"))
	if err != nil {
		return 0, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	got, err := figure(ctx)
	pprof.StopCPUProfile()
	return got, errors.Join(err, f.Close(), b.allocations("after"))
}

// allocations writes what was allocated since the process began.
func (b *bench) allocations(when string) error {
	f, err := os.Create(filepath.Join(b.Profiles, b.row+".allocs-"+when+".pprof"))
	if err != nil {
		return err
	}
	runtime.GC() // the profile is as of the last collection
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}
