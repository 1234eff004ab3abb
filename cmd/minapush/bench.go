package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/bench"
	"github.com/minapush/minapush/store"
	"github.com/spf13/cobra"
)

func benchCommand(e *env) *cobra.Command {
	var cfg bench.Config
	var asJSON, quick bool
	sizes := bench.Defaults()
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine, each figure with its limit beside it",
		Long: `Measure minapush on this machine: each figure with the limit that it is compared to, measured in the same run. Read the ratios.
docs/benchmarks.md says what the rows mean. The rows, in the order in which they run:

  ` + strings.Join(bench.RowIDs(), ", ") + `

The rows that need Redis, or have their limit there, use the one of --store, whose database must be empty, or start a redis-server if there is one
on the PATH; else they are skipped, and say so. Of --store, keys of other names than the run's own are never touched.

It needs room for its stores in --dir, about 5 GB with the sizes that are the default, and removes them afterwards. A row whose target is missed
is no error: the status is 1 only if a row could not be measured.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if quick {
				cfg = quicker(cmd, cfg)
			}
			return e.bench(cmd.Context(), cfg, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&cfg.Rows, "rows", nil, "only these rows, such as collect-store,disk")
	flags.StringVar(&cfg.Store, "store", "", "redis:// or rediss:// URL of an empty database for the rows that need Redis; empty: a redis-server is started. Not taken from environment and file, whose store is the server's")
	flags.Lookup("store").Annotations = map[string][]string{onlyGiven: {"true"}}
	flags.StringVar(&cfg.Fsync, "fsync", sizes.Fsync, "appendfsync of a redis-server that is started: always, everysec or no")
	flags.IntVar(&cfg.RedisUsers, "redis-users", sizes.RedisUsers, "users of the row redis-memory (its target is for 1000000)")
	flags.IntVar(&cfg.FilterUsers, "filter-users", sizes.FilterUsers, "users of the row filter (its target is for 1000000)")
	flags.StringVar(&cfg.Dir, "dir", ".", "directory on the disk to measure; it gets a directory for this run, which is removed")
	flags.IntVar(&cfg.Users, "users", sizes.Users, "users of the row memory (its target is for 10000000), and at most of the timed rows")
	flags.IntVar(&cfg.Permits, "permits", sizes.Permits, "permits of the rows disk and open, ten a user")
	flags.Float64Var(&cfg.Seconds, "seconds", sizes.Seconds, "how long each timed piece runs")
	flags.IntVar(&cfg.Rounds, "rounds", sizes.Rounds, "how often a figure and its limit take turns")
	flags.IntVar(&cfg.InFlight, "in-flight", 0, "messages unanswered at a time in the rows that send; 0: 128, and 512 in broadcast-50ms")
	flags.StringVar(&cfg.Profiles, "profiles", "", "directory for profiles of processor time and of memory allocated, for go tool pprof; empty for none")
	flags.BoolVar(&quick, "quick", false, "small sizes where none are given: under a minute, for a first look")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// quicker replaces the sizes that were not given.
func quicker(cmd *cobra.Command, cfg bench.Config) bench.Config {
	q := bench.Quick()
	given := cmd.Flags().Changed
	if !given("users") {
		cfg.Users = q.Users
	}
	if !given("redis-users") {
		cfg.RedisUsers = q.RedisUsers
	}
	if !given("filter-users") {
		cfg.FilterUsers = q.FilterUsers
	}
	if !given("permits") {
		cfg.Permits = q.Permits
	}
	if !given("seconds") {
		cfg.Seconds = q.Seconds
	}
	if !given("rounds") {
		cfg.Rounds = q.Rounds
	}
	return cfg
}

// benchChildCommand is a process of its own for the rows of bench that need one.
func benchChildCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use: bench.ChildCommand, Short: "A process of bench", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench.Child(cmd.Context(), e.benchProgram(cmd.Context()), cmd.InOrStdin(), e.stdout)
		},
	}
}

func (e *env) bench(ctx context.Context, cfg bench.Config, asJSON bool) error {
	l := e.lang()
	cfg.Began = func(id string, n, of int) { fmt.Fprintf(e.stderr, "%d/%d %s: %s\n", n, of, id, l.say("bench."+id)) }
	report, err := bench.Run(ctx, e.benchProgram(ctx), cfg)
	if err != nil {
		return err
	}
	var failed []error
	for i, r := range report.Rows {
		report.Rows[i].How = english.benchHow(r)
		if r.Skipped != "" {
			fmt.Fprintf(e.stderr, "%s: %s: %s\n", r.ID, l.say("bench.skipped"), l.say("bench."+r.Skipped))
		}
		if r.Error != "" {
			failed = append(failed, fmt.Errorf("%s: %s", r.ID, r.Error))
		}
	}
	if asJSON {
		err = printJSON(e.stdout, report)
	} else {
		printReport(e, l, report)
	}
	return errors.Join(append(failed, err)...)
}

// benchProgram is this program, to be measured.
func (e *env) benchProgram(ctx context.Context) bench.Program {
	log := slog.New(slog.DiscardHandler)
	return bench.Program{
		Assemble: func(dir, url string, wrap func(store.Store) store.Store) (*bench.System, error) {
			s := settings{store: "pebble:" + dir, wrap: wrap}
			if url != "" {
				s.store, s.keyFile = url, filepath.Join(dir, "secret.key")
			}
			sys, err := assemble(ctx, s, log)
			if err != nil {
				return nil, err
			}
			return &bench.System{
				Store: sys.store, Accounts: sys.accounts, Bank: sys.bank, Campaigns: sys.campaigns, Ledger: sys.ledger, WeChat: sys.wechat,
				Handler: sys.server.Private(), Run: sys.run,
			}, nil
		},
		Listen: func(h http.Handler) (string, func(), error) {
			l, err := listen("127.0.0.1:0", h, log)
			if err != nil {
				return "", nil, err
			}
			go func() { _ = l.serve() }()
			return l.url(), func() { l.shut(0) }, nil
		},
		Command: func(ctx context.Context, args ...string) *exec.Cmd {
			path, err := os.Executable()
			cmd := exec.CommandContext(ctx, path, args...)
			cmd.Env = e.environ()
			if err != nil {
				cmd.Err = err
			}
			return cmd
		},
	}
}

func printReport(e *env, l language, report bench.Report) {
	m := report.Machine
	fmt.Fprintf(e.stdout, "minapush %s · %s · %s %d × %s · %s · %s · %s · %s\n", version, report.Began.Format(time.RFC3339), m.OS, m.Cores,
		m.Processor, benchNumber(float64(m.Memory), bench.Bytes), m.Kernel, m.Filesystem, m.Go)
	t := newTable(e.stdout, table.Row{
		l.say("bench.row"), l.say("bench.figure"), l.say("bench.limit"), l.say("bench.ratio"), l.say("bench.target"), l.say("bench.reached"),
	}, 2, 3, 4, 5)
	for _, r := range report.Rows {
		if r.Error != "" {
			t.AppendRow(table.Row{l.say("bench." + r.ID), "", "", "", "", l.say("bench.failed")})
			continue
		}
		if r.Skipped != "" {
			t.AppendRow(table.Row{l.say("bench." + r.ID), "", "", "", "", l.say("bench.skipped") + ": " + l.say("bench."+r.Skipped)})
			continue
		}
		limit, ratio := "", ""
		if r.Limit != nil {
			limit, ratio = l.benchFigure(*r.Limit, r.LimitUnit), fmt.Sprintf("%.2f ×", *r.Ratio)
		} else if r.Missing != "" {
			limit = l.say("bench." + r.Missing)
		}
		t.AppendRow(table.Row{l.say("bench." + r.ID), l.benchFigure(r.Figure, r.Unit), limit, ratio, l.benchTarget(r), l.benchReached(r)})
	}
	t.Render()
	for _, r := range report.Rows {
		if r.Error == "" && r.Skipped == "" {
			fmt.Fprintf(e.stdout, "%s: %s\n", r.ID, l.benchHow(r))
		}
	}
}

func (l language) benchReached(r bench.Result) string {
	switch {
	case r.Reached == nil && r.Unjudged != "":
		return l.say("bench.unjudged") + ": " + l.say("bench."+r.Unjudged)
	case r.Reached == nil:
		return ""
	case *r.Reached:
		return l.say("bench.yes")
	}
	return l.say("bench.no")
}

func (l language) benchTarget(r bench.Result) string {
	var parts []string
	if v := r.Target.RatioAtLeast; v > 0 {
		parts = append(parts, fmt.Sprintf("≥ %v ×", v))
	}
	if v := r.Target.RatioAtMost; v > 0 {
		parts = append(parts, fmt.Sprintf("≤ %v ×", v))
	}
	if v := r.Target.FigureAtMost; v > 0 {
		text := benchNumber(v, bench.Bytes)
		if r.Unit != bench.Bytes {
			text = fmt.Sprintf("%v %s", v, l.say("bench.unit."+string(r.Unit)))
		}
		parts = append(parts, "≤ "+text)
	}
	return strings.Join(parts, ", ")
}

// benchFigure writes a figure with its unit.
func (l language) benchFigure(v float64, u bench.Unit) string {
	if u == bench.Bytes {
		return benchNumber(v, u)
	}
	return benchNumber(v, u) + " " + l.say("bench.unit."+string(u))
}

func benchNumber(v float64, u bench.Unit) string {
	switch u {
	case bench.Bytes:
		return fmt.Sprintf("%.0f MB", v/1e6)
	case bench.Seconds:
		return fmt.Sprintf("%.2f", v)
	case bench.BytesPerPermit:
		return fmt.Sprintf("%.1f", v)
	}
	return thousands(int64(v))
}

// benchHow says how a row was measured: the sentence of the row with its sizes filled in.
func (l language) benchHow(r bench.Result) string {
	var pairs []string
	for name, v := range r.Sizes {
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if v == float64(int64(v)) {
			text = thousands(int64(v))
		}
		pairs = append(pairs, "{"+name+"}", text)
	}
	sentence := benchSentences[r.ID][l]
	if _, ok := r.Notes["aof"]; ok {
		sentence += l.say("bench.on_redis")
	}
	for name, v := range r.Notes {
		pairs = append(pairs, "{"+name+"}", l.benchNote(v))
	}
	return strings.NewReplacer(pairs...).Replace(sentence)
}

// benchNote writes a note: names that are the same everywhere as they are, others in words.
func (l language) benchNote(v string) string {
	if said := l.say("bench.note." + v); !strings.HasPrefix(said, "bench.note.") {
		return said
	}
	return v
}
