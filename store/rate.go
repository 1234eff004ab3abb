package store

import (
	"time"

	"github.com/minapush/minapush"
)

// Validate refuses what makes no sense. Errors: Invalid.
func (r RateAsk) Validate() error {
	switch {
	case !(r.PerSecond > 0): // NaN too
		return minapush.FieldError("PerSecond", "must be above 0, is %v", r.PerSecond)
	case r.Want < 1:
		return minapush.FieldError("Want", "must be above 0, is %d", r.Want)
	case r.Ahead < 0 || r.Ahead >= MaxTokens/2:
		return minapush.FieldError("Ahead", "must be from 0 to less than %v, is %v", MaxTokens/2, r.Ahead)
	}
	return nil
}

// Cost is how many tokens are given at a time, and for how long they use up the rate: at least one, and no more than half of MaxTokens
// holds.
func (r RateAsk) Cost() (n int, takes time.Duration) {
	n = r.Want
	if most := r.PerSecond * (MaxTokens / 2).Seconds(); float64(n) > most {
		n = max(1, int(most))
	}
	return n, max(time.Microsecond, min(time.Duration(float64(n)/r.PerSecond*float64(time.Second)).Round(time.Microsecond), MaxTokens/2))
}
