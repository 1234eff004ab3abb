package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// demo is how long `demo --once` takes: server, simulator, sample users, two broadcasts, and every sum checked.
func demo(ctx context.Context, b *bench) (Result, error) {
	res := Result{Unit: Seconds, Target: Target{FigureAtMost: 20}, Sizes: map[string]float64{}}
	args := []string{"demo", "--once"}
	if b.DemoUsers > 0 {
		args = append(args, "--users", strconv.Itoa(b.DemoUsers))
		res.Unjudged = TooSmall
	}
	cmd := b.program.Command(ctx, args...)
	errs := &tail{}
	cmd.Stderr = errs
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return res, fmt.Errorf("%s: %w\n%s", cmd, err, errs.text())
	}
	res.sum([]Round{{Figure: time.Since(began).Seconds()}})
	return res, nil
}
