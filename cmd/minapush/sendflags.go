package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/spf13/pflag"
)

// sendFlags say how campaigns, and runs of schedules, are sent.
type sendFlags struct {
	keepBack int
	onQuiet  string
	rollout  []string
	pause    time.Duration
}

func (f *sendFlags) add(flags *pflag.FlagSet) {
	flags.IntVar(&f.keepBack, "keep-back", 0, "permits that serve it and are left to each user for pushes")
	flags.StringVar(&f.onQuiet, "on-quiet", "", "in the app's quiet hours: wait or skip (default: as the app says)")
	flags.StringSliceVar(&f.rollout, "rollout", nil, "send in stages: percent of the users reached after each, as 1,10; then the rest")
	flags.DurationVar(&f.pause, "rollout-pause", 10*time.Minute, "how long it waits after each stage; 0: it does not")
}

// stages are those of a roll-out; nil: to all at once. The pause alone asks for the usual stages.
func (f *sendFlags) stages(given func(string) bool) (*api.Rollout, error) {
	if len(f.rollout) == 0 && !given("rollout-pause") {
		return nil, nil
	}
	pause, err := wholeSeconds("--rollout-pause", f.pause)
	if err != nil {
		return nil, err
	}
	r := &api.Rollout{PauseSeconds: cmp.Or(pause, -1)}
	for _, text := range f.rollout {
		p, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), "%"), 64)
		if err != nil || !(p > 0 && p < 100) {
			return nil, fmt.Errorf("--rollout: must be numbers between 0 and 100, as 1,10, not %q", text)
		}
		r.Percents = append(r.Percents, p)
	}
	return r, nil
}

// wholeSeconds are the seconds of a flag. A part of one is refused: without it 500ms would be 0, which often is the default.
func wholeSeconds(flag string, d time.Duration) (int, error) {
	if d < 0 || d%time.Second != 0 {
		return 0, fmt.Errorf("%s: must be 0 or more whole seconds, not %v", flag, d)
	}
	return int(d / time.Second), nil
}

// readWhere reads an audience expression of --where: JSON, or @ and the file that has it, of which - is stdin. Nil for "".
func (e *env) readWhere(text string) (json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	raw := []byte(text)
	if file, ok := strings.CutPrefix(text, "@"); ok {
		var err error
		if file == "-" {
			raw, err = io.ReadAll(e.stdin)
		} else {
			raw, err = os.ReadFile(file)
		}
		if err != nil {
			return nil, fmt.Errorf("--where: %w", err)
		}
	}
	if !json.Valid(raw) {
		return nil, errors.New(`--where: must be JSON, such as '{"seen_within": "7d"}', or @FILE`)
	}
	return raw, nil
}

// whereUsage is the help of --where.
const whereUsage = `only users for whom this holds, such as '{"seen_within": "7d"}', or @FILE; docs/api.md has the words`
