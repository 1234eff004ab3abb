package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
)

func (r *remote) campaignWatch() *cobra.Command {
	return &cobra.Command{
		Use: "watch ID", Short: "Show a campaign's progress until it ends",
		Long: `Show a campaign's progress until it ends: a bar on a terminal, a line a second in a pipe, JSON lines with --json.

The exit status is 0 if it finished and its sum closes, 3 otherwise.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			return r.watch(cmd.Context(), c, app, args[0])
		},
	}
}

func (r *remote) watch(ctx context.Context, c *client.Client, app, id string) error {
	r.noteStopped(ctx, r.e.stdout, c, app)
	m, err := follow(ctx, r.e, c, app, id, r.asJSON)
	if err != nil {
		return err
	}
	if !r.asJSON {
		fmt.Fprintln(r.e.stdout, r.e.lang().stateOf(m))
		printProgress(r.e.stdout, r.e.lang(), *m.Progress)
	}
	if m.State != "finished" || !adds(m.Progress) {
		return exitError{3, fmt.Errorf("campaign %s is %s", id, m.State)}
	}
	return nil
}

// adds tells that everybody examined is counted exactly once.
func adds(p *api.Progress) bool {
	sum := p.Pending
	for _, n := range p.Outcomes {
		sum += n
	}
	return sum == p.Audience
}

// follow shows progress until the campaign ends or is paused, and returns it as it then stands.
func follow(ctx context.Context, e *env, c *client.Client, app, id string, asJSON bool) (api.Campaign, error) {
	show, stop := progressLine(e, asJSON)
	defer stop()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		m, err := c.Campaign(ctx, app, id)
		if err != nil {
			return m, err
		}
		show(m)
		switch m.State {
		case "finished", "cancelled", "missed", "paused":
			return m, nil
		}
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-tick.C:
		}
	}
}

// progressLine makes what shows progress: a bar on a terminal; elsewhere a line at most every second.
func progressLine(e *env, asJSON bool) (show func(api.Campaign), stop func()) {
	if asJSON {
		return func(m api.Campaign) { _ = json.NewEncoder(e.stdout).Encode(m) }, func() {}
	}
	l := e.lang()
	meter := newMeter(e.stdout, false)
	meter.eachSecond = true
	whole := false
	return func(m api.Campaign) {
			done, total := walked(m.Progress)
			text := l.progressText(m)
			if meter.bar != nil { // which leaves less room
				text = fmt.Sprintf("%s / %s  %s", thousands(done), thousands(total), l.stateOf(m))
			}
			meter.at(done, total, text)
			if m.State != "running" {
				meter.flush()
			}
			whole = m.State == "finished"
		}, func() {
			meter.end(whole)
		}
}

// walked is how many have an outcome, of how many there are as far as is known.
func walked(p *api.Progress) (done, total int64) {
	done, total = p.Audience-p.Pending, p.Audience
	if p.NotWalked != nil {
		total += *p.NotWalked
	}
	return done, total
}

func (l language) progressText(m api.Campaign) string {
	done, total := walked(m.Progress)
	s := fmt.Sprintf("%s / %s", thousands(done), thousands(total))
	for _, name := range outcomeNames() {
		if n := m.Progress.Outcomes[name]; n > 0 {
			s += fmt.Sprintf("  %s %s", l.say(name), thousands(n))
		}
	}
	if n := m.Progress.Confirmed["delivered"]; n > 0 {
		s += fmt.Sprintf("  %s %s", l.say("delivered"), thousands(n))
	}
	if m.State != "running" || m.Hold != nil || m.Rollout != nil {
		s += "  " + l.stateOf(m)
	}
	return s
}
