package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/minapush/minapush/sandbox"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func sandboxCommand(e *env) *cobra.Command {
	var (
		addr, level, appid, secret string
		domain, backend            string
		latency                    time.Duration
		today, countsOnly          bool
		push                       pushFlags
	)
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run the WeChat simulator alone",
		Long: `Run the WeChat simulator alone, for tries and for anybody's CI: it answers like api.weixin.qq.com for one made-up app, and under
/sandbox/v1/ lets you make users, permits and faults, move its clock, and see what each user received. Under /phone/ is a phone for each
user, and /phone/inbox lists all messages; /phone/api/messages answers tests that ask what a user got.

With --push-url it tells that server what users do, as WeChat's message push does: popups answered, templates switched off, messages
delivered. The URL is not verified at the start, since your server may start later; PUT /sandbox/v1/push sets one and verifies it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := e.logger(level)
			if err != nil {
				return err
			}
			cfg := sandbox.Config{Latency: sandbox.Latency{Median: latency}, PhoneDomain: domain, PhoneBackend: backend}
			if today {
				cfg.Legacy = sandbox.Today
			}
			if countsOnly {
				cfg.Record = sandbox.RecordCounts
			}
			if domain != "" && backend == "" {
				return errors.New("--phone-backend: must be given with --phone-domain")
			}
			sb, err := sandbox.New(cfg)
			if err != nil {
				return fmt.Errorf("--latency, --phone-domain or --phone-backend: %w", err)
			}
			defer func() { _ = sb.Close() }()
			setting, err := push.setting()
			if err != nil {
				return err
			}
			app, err := sb.AddApp(sandbox.App{AppID: appid, Secret: secret, Push: setting})
			if err != nil {
				return push.named(err)
			}
			l, err := listen(addr, sb, log)
			if err != nil {
				return err
			}
			l.server.RegisterOnShutdown(sb.HangUp) // open pages would hold it up
			fmt.Fprintf(e.stdout, "WeChat simulator on %s\n  appid   %s\n  secret  %s\n  control %s/sandbox/v1/stats?appid=%s\n", l.url(), app.AppID, app.Secret, l.url(), app.AppID)
			fmt.Fprintf(e.stdout, "  phone   %s/phone/?app=%s&user=%s\n  inbox   %s/phone/inbox\n", l.url(), app.AppID, demoUser, l.url())
			if p := app.Push; p != nil {
				fmt.Fprintf(e.stdout, "  events  %s, %s, from %s, to %s\n", p.Mode, p.Format, p.ToUserName, p.URL)
			}
			group, ctx := errgroup.WithContext(cmd.Context())
			group.Go(l.serve)
			group.Go(func() error {
				<-ctx.Done()
				l.shut(5 * time.Second)
				return nil
			})
			return group.Wait()
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&addr, "listen", defaultSandbox, "address to listen on")
	flags.StringVar(&appid, "app", "", "appid of the made-up app (default a new one)")
	flags.StringVar(&secret, "secret", "", "its AppSecret (default a new one)")
	flags.StringVar(&domain, "phone-domain", "", "the one address that wx.request of the phone may call, such as https://shop.example.com (default: --phone-backend)")
	flags.StringVar(&backend, "phone-backend", "", "where that address is in truth, such as http://127.0.0.1:8080; empty: the phone calls nothing")
	flags.DurationVar(&latency, "latency", 0, "median time of an answer, such as 100ms; 0 answers at once")
	flags.BoolVar(&today, "today", false, "answer template messages with 45103, as WeChat does since 2020")
	flags.BoolVar(&countsOnly, "counts-only", false, "keep counts but not messages, for load tests")
	push.add(flags)
	flags.StringVar(&level, "log-level", "warn", "debug, info, warn or error")
	return cmd
}
