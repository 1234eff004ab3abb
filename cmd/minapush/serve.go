package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/minapush/minapush/campaign"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
)

// Where the parts listen unless told otherwise: loopback only.
const (
	defaultListen  = "127.0.0.1:7330"
	defaultPublic  = "127.0.0.1:7331"
	defaultSandbox = "127.0.0.1:7332"
)

const oneDay = 24 * time.Hour

// maxKeepDays is the most that --keep-deliveries takes: ten years.
const maxKeepDays = 3650

// serveFlags are the settings of the server: flags, environment and file have the same names.
type serveFlags struct {
	settings
	// listen is the address of the private listener, host:port; port 0 takes any.
	// Defaults to 127.0.0.1:7330.
	listen string
	// public is the address of the public listener; empty: there is none.
	// Defaults to 127.0.0.1:7331.
	public string
	limitFlags
	// level is the least that is logged: debug, info, warn or error.
	// Defaults to info.
	level string
}

// add defines the flags.
func (f *serveFlags) add(flags *pflag.FlagSet) {
	f.addPlace(flags)
	flags.StringVar(&f.keyFile, "sealing-key-file", "", "file with the key that seals secrets, the same on every node; made if absent while the store is new (default DIR/secret.key; with Redis it must be given)")
	flags.StringVar(&f.listen, "listen", defaultListen, "address of the private listener: every call")
	flags.StringVar(&f.public, "listen-public", defaultPublic, "address of the public listener: session and reports; empty for none")
	flags.StringVar(&f.basePath, "base-path", "", "prefix of every path, such as /push")
	f.limitFlags.add(flags)
	flags.IntVar(&f.keepDays, "keep-deliveries", int(campaign.DefaultKeep/oneDay),
		"days for which deliveries can be listed, exported and retried after their campaign has ended; sums stay for ever")
	flags.BoolVar(&f.consoleHTTPS, "console-https", false, "browsers reach the console by https only, through a proxy: its cookies are sent no other way")
	flags.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
}

// check refuses what serve could not run with, without touching anything.
func (f *serveFlags) check() error {
	_, err := f.place()
	problems := []error{err}
	for name, addr := range map[string]string{"--listen": f.listen, "--listen-public": f.public} {
		if _, _, err := net.SplitHostPort(addr); err != nil && !(name == "--listen-public" && addr == "") {
			problems = append(problems, fmt.Errorf("%s: must be host:port, not %q", name, addr))
		}
	}
	if f.basePath != "" && (!strings.HasPrefix(f.basePath, "/") || strings.HasSuffix(f.basePath, "/") || strings.ContainsAny(f.basePath, "{} ?#")) {
		problems = append(problems, fmt.Errorf(`--base-path: must look like "/push", with no slash at its end, not %q`, f.basePath))
	}
	if f.keepDays < 1 || f.keepDays > maxKeepDays {
		problems = append(problems, fmt.Errorf("--keep-deliveries: must be from 1 to %d days, not %d", maxKeepDays, f.keepDays))
	}
	if err := f.limitFlags.check(); err != nil {
		problems = append(problems, err)
	}
	if _, err := parseLevel(f.level); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

func serveCommand(e *env) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server: the private listener has the console and every call, the public one only what mini programs and WeChat need.
Until there is an operator it prints a link at every start with which the first one comes into the console; it is good for a day.

On an empty store it writes an admin key to DIR/admin.key (mode 0600), with Redis beside the sealing key file. SIGTERM drains: no new batch is taken, what is in flight
is settled. A second signal ends at once; nothing that was acknowledged is lost.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			log, err := e.logger(f.level)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), f, log, func(private, public, console string) {
				fmt.Fprintf(e.stdout, "minapush %s\n  private  %s\n  public   %s\n  console  %s\n", version, private, public, console)
			})
		},
	}
	f.add(cmd.Flags())
	return cmd
}

// serve runs the whole server until ctx ends. Its stop order is intake, planner, dispatcher, store.
func serve(ctx context.Context, f serveFlags, log *slog.Logger, ready func(private, public, console string)) (err error) {
	f.settings.limits = f.limitFlags.limits
	sys, err := assemble(ctx, f.settings, log)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := sys.store.Close(); err == nil {
			err = cerr
		}
	}()
	if err := sys.firstKey(ctx, f.settings); err != nil {
		return err
	}
	link, err := sys.welcomeLink(ctx)
	if err != nil {
		return sys.place.refused(err)
	}
	private, err := listen(f.listen, sys.private(f.basePath), log)
	if err != nil {
		return err
	}
	private.server.RegisterOnShutdown(sys.console.Close) // open pages would hold it up
	listeners := []*listener{private}
	publicURL := "none"
	if f.public != "" {
		public, err := listen(f.public, sys.server.Public(), log)
		if err != nil {
			private.Close()
			return err
		}
		listeners = append(listeners, public)
		publicURL = public.url()
	}
	if link == "" {
		link = sys.console.Root()
	}
	ready(private.url(), publicURL, private.url()+link)
	notify("READY=1")
	return sys.serveOn(ctx, listeners)
}

// serveOn answers on the listeners and works until ctx ends, then stops in order.
func (sys *system) serveOn(ctx context.Context, listeners []*listener) error {
	// Intake ends first: work goes on until the last request is answered, since pushes need it.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	hard, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	group, gctx := errgroup.WithContext(ctx)
	for _, l := range listeners {
		group.Go(l.serve)
	}
	group.Go(func() error { return sys.run(work, hard) })
	group.Go(func() error {
		<-gctx.Done()
		notify("STOPPING=1")
		sys.log.Info("stopping: requests under way are answered, messages in flight settled")
		for _, l := range listeners {
			l.shut(drainTime)
		}
		sys.lastEvents()
		stopWork()
		deadline := time.AfterFunc(drainTime, giveUp)
		context.AfterFunc(hard, func() { deadline.Stop() })
		return nil
	})
	err := group.Wait()
	sys.log.Info("stopped")
	return err
}
