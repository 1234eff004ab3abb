package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// env is what commands know of the world, so that tests can give them another.
type env struct {
	getenv         func(string) string
	environ        func() []string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// exitError ends the program with a status of its own. Its err is printed, unless it is nil.
type exitError struct {
	status int
	err    error
}

func (e exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// run is the program: it parses args, runs one command and returns the exit status. The first SIGINT or SIGTERM ends ctx, the
// second ends the process at once: every acknowledged step is durable already.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on a signal has its default effect
	if getenv("GOMAXPROCS") == "" {
		// Two more than cores: the store's log is nearly always in a sync, and the scheduler misses a processor that waits in one.
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
	}
	return runIn(ctx, &env{getenv: getenv, environ: os.Environ, stdin: os.Stdin, stdout: stdout, stderr: stderr}, args)
}

// runIn is run in a world of its own, without signals.
func runIn(ctx context.Context, e *env, args []string) int {
	root := newRoot(e)
	root.SetArgs(args)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(e.stderr, "minapush:", strings.TrimPrefix(text, "minapush: "))
	}
	var exit exitError
	if errors.As(err, &exit) {
		return exit.status
	}
	return 1
}

func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "minapush",
		Short: "Permit bank and broadcast engine for WeChat mini programs",
		Long: `minapush collects the push permits that users of a WeChat mini program give, keeps a ledger of each, and spends
them on pushes to one user and campaigns to all, so that every number adds up afterwards.

Try it without an account:  minapush demo`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return e.configure(cmd)
		},
	}
	root.SetVersionTemplate("minapush {{.Version}}\n")
	root.AddCommand(
		demoCommand(e), serveCommand(e), sandboxCommand(e), pushCommand(e), campaignCommand(e), appsCommand(e), keysCommand(e), operatorsCommand(e),
		templatesCommand(e), lintCommand(e), permitsCommand(e), usersCommand(e), audienceCommand(e), scheduleCommand(e), remindCommand(e),
		backupCommand(e), restoreCommand(e), storeCommand(e), doctorCommand(e), configCommand(e), benchCommand(e), benchChildCommand(e),
		healthCommand(e), manCommand(e), versionCommand(e),
	)
	root.PersistentFlags().String(configFlag, "", "YAML file with settings; see minapush config")
	_ = root.MarkPersistentFlagFilename(configFlag, "yaml", "yml") // fails only for a flag that does not exist
	return root
}

// logger writes text for people on a terminal and JSON for machines elsewhere.
func (e *env) logger(level string) (*slog.Logger, error) {
	l, err := parseLevel(level)
	if err != nil {
		return nil, err
	}
	opts := &slog.HandlerOptions{Level: l}
	if isTerminal(e.stderr) {
		return slog.New(slog.NewTextHandler(e.stderr, opts)), nil
	}
	return slog.New(slog.NewJSONHandler(e.stderr, opts)), nil
}

func parseLevel(level string) (l slog.Level, err error) {
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return l, fmt.Errorf("--log-level: must be debug, info, warn or error, not %q", level)
	}
	return l, nil
}

// isTerminal tells whether a reader or writer is a terminal.
func isTerminal(rw any) bool {
	f, ok := rw.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
