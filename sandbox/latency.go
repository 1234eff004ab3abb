package sandbox

import (
	"context"
	"errors"
	"math"
	"time"
)

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263478740408408

func (l Latency) check() error {
	switch {
	case l.Median < 0 || l.P99 < 0:
		return errors.New("negative duration")
	case l.Median == 0 && l.P99 != 0:
		return errors.New("P99 without Median")
	case l.P99 != 0 && l.P99 < l.Median:
		return errors.New("P99 is below Median")
	}
	return nil
}

// SetLatency replaces the latency; sends already waiting keep theirs.
func (s *Sandbox) SetLatency(l Latency) error {
	if err := l.check(); err != nil {
		return &ArgError{Field: "latency", Problem: err.Error()}
	}
	s.latency.Store(&l)
	return nil
}

// drawLatency is a sample of the log-normal distribution through Median and P99.
func (s *Sandbox) drawLatency() time.Duration {
	l := *s.latency.Load()
	if l.Median <= 0 {
		return 0
	}
	if l.P99 == 0 {
		l.P99 = 10 * l.Median
	}
	sigma := math.Log(float64(l.P99)/float64(l.Median)) / z99
	return time.Duration(float64(l.Median) * math.Exp(sigma*s.rand.normal()))
}

// wait lets d pass on the process's own clock, or returns why the caller gave up.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
