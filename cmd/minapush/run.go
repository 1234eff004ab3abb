package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// version is stamped in by the linker.
var version = "dev"

// env is what commands know of the world, so that tests can give them another.
type env struct {
	getenv         func(string) string
	environ        func() []string
	stdout, stderr io.Writer
}

// exitError ends the program with a status of its own; its text, if any, is printed.
type exitError struct {
	status int
	err    error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

// run is the program: it parses args, runs one command and returns the exit status. The first SIGINT or SIGTERM ends ctx, the
// second ends the process at once: every acknowledged step is durable already.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on a signal has its default effect
	return runIn(ctx, &env{getenv: getenv, environ: os.Environ, stdout: stdout, stderr: stderr}, args)
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
	fmt.Fprintln(e.stderr, "minapush:", strings.TrimPrefix(err.Error(), "minapush: "))
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
			return e.fromEnvironment(cmd)
		},
	}
	root.SetVersionTemplate("minapush {{.Version}}\n")
	root.AddCommand(
		demoCommand(e), serveCommand(e), sandboxCommand(e), pushCommand(e), campaignCommand(e), appsCommand(e), keysCommand(e),
		templatesCommand(e), versionCommand(e),
	)
	return root
}

// fromEnvironment sets each flag that was not given from MINAPUSH_<FLAG>, and refuses variables that no command knows.
func (e *env) fromEnvironment(cmd *cobra.Command) error {
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if v := e.getenv(envName(f.Name)); v != "" && !f.Changed && f.Name != "help" && f.Name != "version" {
			if serr := cmd.Flags().Set(f.Name, v); serr != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", envName(f.Name), serr))
			}
		}
	})
	known := map[string]bool{langVariable: true}
	everyFlag(cmd.Root(), func(f *pflag.Flag) { known[envName(f.Name)] = true })
	for _, kv := range e.environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "MINAPUSH_") && !known[name] && !strings.HasPrefix(name, "MINAPUSH_TEST_") {
			err = errors.Join(err, fmt.Errorf("environment: %s is not a setting of any command", name))
		}
	}
	return err
}

func envName(flag string) string {
	return "MINAPUSH_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func everyFlag(cmd *cobra.Command, f func(*pflag.Flag)) {
	cmd.Flags().VisitAll(f)
	cmd.PersistentFlags().VisitAll(f)
	for _, c := range cmd.Commands() {
		everyFlag(c, f)
	}
}

// logger writes text for people on a terminal and JSON for machines elsewhere.
func (e *env) logger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: must be debug, info, warn or error, not %q", level)
	}
	opts := &slog.HandlerOptions{Level: l}
	if isTerminal(e.stderr) {
		return slog.New(slog.NewTextHandler(e.stderr, opts)), nil
	}
	return slog.New(slog.NewJSONHandler(e.stderr, opts)), nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func versionCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(*cobra.Command, []string) { fmt.Fprintln(e.stdout, "minapush", version) },
	}
}
