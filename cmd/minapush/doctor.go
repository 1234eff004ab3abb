package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// doctor is one run of the command.
type doctor struct {
	*remote
	m         messageFlags
	to        string
	publicURL string
	yes       bool
}

// diagnosis is the answer of --json.
type diagnosis struct {
	OK bool `json:"ok"`
	// Server is the way from this machine to the server.
	Server []api.Check `json:"server"`
	// Apps is the way from there to a message, of each app.
	Apps []appDiagnosis `json:"apps,omitempty"`
}

type appDiagnosis struct {
	AppID string `json:"app_id"`
	api.Checks
}

func doctorCommand(e *env) *cobra.Command {
	d := &doctor{}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Walk the way to a delivered message, and name what is in the way",
		Long: `Walk the whole way from this machine to a delivered message: this machine to the server; there, for each app, its store, clock,
access token, quota and templates, and with --public-url the address that phones reach. What is wrong is named, with what to do.

With --to it also sends one message, which costs that user one permit; it asks first, or wants --yes where nobody can answer.

The exit status is 1 if any step failed; warnings do not count.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := d.checkFlags(cmd.Flags()); err != nil {
				return err
			}
			return d.run(cmd.Context())
		},
	}
	d.remote = remoteFlags(e, cmd, true)
	cmd.PersistentFlags().Lookup("app").Usage = "appid of the mini program (default: all of them)"
	d.m.define(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&d.to, "to", "", "openid of a user who is sent one test message; it costs one permit")
	flags.StringVar(&d.publicURL, "public-url", "", "address under which phones reach the public listener, such as https://push.example.com")
	flags.BoolVar(&d.yes, "yes", false, "send the test message without asking")
	return cmd
}

// checkFlags refuses a message without somebody to send it to, and the other way about. A template in the environment or the file
// may be meant for another command.
func (d *doctor) checkFlags(flags *pflag.FlagSet) (err error) {
	if d.to != "" && d.m.template == "" {
		return errors.New("--template: must be given with --to")
	}
	if d.to != "" {
		return nil
	}
	var message pflag.FlagSet
	new(messageFlags).define(&message)
	message.VisitAll(func(f *pflag.Flag) {
		if from, _ := originOf(flags.Lookup(f.Name)); from == fromFlag {
			err = fmt.Errorf("--%s: goes with --to", f.Name)
		}
	})
	return err
}

func (d *doctor) run(ctx context.Context) error {
	want, err := d.wanted()
	if err != nil {
		return err
	}
	found := diagnosis{}
	show := func(title, app string, steps []api.Check) {
		if !d.asJSON {
			printChecks(d.e.stdout, d.e.lang(), title, app, steps)
		}
	}
	c, apps, steps := d.reach(ctx)
	found.Server = steps
	show(d.e.lang().say("doctor.way"), "", steps)
	if !failed(steps) {
		if apps, err = d.chosen(apps); err != nil {
			return err
		}
		if err := d.confirm(); err != nil {
			return err
		}
		for _, app := range apps {
			checks, err := d.check(ctx, c, app.AppID, want)
			if err != nil {
				return err
			}
			found.Apps = append(found.Apps, appDiagnosis{app.AppID, checks})
			show(strings.TrimSpace(d.e.lang().say("doctor.app")+" "+app.AppID+" "+app.Name), app.AppID, checks.Steps)
		}
	}
	return d.conclude(found)
}

// wanted is what the server is asked for.
func (d *doctor) wanted() (api.NewChecks, error) {
	want := api.NewChecks{OpenID: d.to, PublicURL: d.publicURL}
	if _, err := publicURL(d.publicURL); err != nil {
		return want, fmt.Errorf("--public-url: %w", asPlatformError(err).Err)
	}
	if d.to == "" {
		return want, nil
	}
	msg, err := d.m.message()
	want.Message = &msg
	return want, err
}

// chosen is the app of --app, or every app; a test message goes to one.
func (d *doctor) chosen(apps []api.App) ([]api.App, error) {
	if d.app != "" {
		for _, a := range apps {
			if a.AppID == d.app {
				return []api.App{a}, nil
			}
		}
		return nil, fmt.Errorf("--app: this server has no app %s that the key may read", d.app)
	}
	if d.to != "" && len(apps) != 1 {
		return nil, fmt.Errorf("--app: must be given with --to, since this server has %d apps", len(apps))
	}
	return apps, nil
}

// confirm asks before a permit is spent.
func (d *doctor) confirm() error {
	if d.to == "" || d.yes {
		return nil
	}
	if !isTerminal(d.e.stdin) {
		return errors.New("--to: sends one message, which costs the user one permit: add --yes")
	}
	l := d.e.lang()
	fmt.Fprintf(d.e.stderr, l.say("doctor.ask"), minapush.OpenID(d.to).Masked())
	line, err := bufio.NewReader(d.e.stdin).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	if err != nil && answer == "" || answer != "y" && answer != "yes" && answer != "是" {
		return errors.New("nothing was sent")
	}
	return nil
}

func failed(steps []api.Check) bool {
	for _, s := range steps {
		if s.Status == stepFailed {
			return true
		}
	}
	return false
}

// reach walks from this machine to the server, as far as it gets.
func (d *doctor) reach(ctx context.Context) (c *client.Client, apps []api.App, steps []api.Check) {
	add := func(step string, check api.Check) {
		check.Step = step
		steps = append(steps, check)
	}
	plain := plainHTTP()
	defer plain.CloseIdleConnections()
	base := strings.TrimRight(d.server, "/")
	sent := time.Now()
	got := askHealth(ctx, plain, base)
	if got.code != "" {
		add("server", finding(stepFailed, "server_"+got.code, "address", base, "why", got.why))
		return nil, nil, steps
	}
	add("server", finding(stepOK, "server_ok", "address", base, "answer_ms", strconv.FormatInt(got.took.Milliseconds(), 10)))
	add("version", versionFinding(got.health.Version))
	add("time", timeFinding(sent.Add(got.took/2), got.date))
	c, err := d.client()
	if err != nil {
		add("key", finding(stepFailed, "no_key", "error", err.Error()))
		return nil, nil, steps
	}
	apps, err = c.Apps(ctx)
	switch {
	case err != nil:
		add("key", keyFailed(err))
	case len(apps) == 0:
		add("key", finding(stepWarning, "no_apps"))
	default:
		add("key", finding(stepOK, "key_ok", "apps", strconv.Itoa(len(apps))))
	}
	return c, apps, steps
}

func versionFinding(server string) api.Check {
	if server != version {
		return finding(stepWarning, "version_differs", "server", server, "here", version)
	}
	return finding(stepOK, "version_ok", "version", version)
}

// timeFinding compares this machine with the Date of the server's answer. It never fails: the server's own clock is what counts.
func timeFinding(at time.Time, date string) api.Check {
	there, err := http.ParseTime(date)
	if err != nil {
		return finding(stepWarning, "time_unknown")
	}
	f := clockFinding(at.Sub(there.Add(500*time.Millisecond)), time.Duration(1<<63-1))
	f.Reason.Code = "time" + strings.TrimPrefix(f.Reason.Code, "clock")
	return f
}

func keyFailed(err error) api.Check {
	var e *client.Error
	if !errors.As(err, &e) {
		return finding(stepFailed, "key_lost", "error", err.Error())
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return finding(stepFailed, "key_refused")
	case http.StatusForbidden:
		return finding(stepFailed, "key_scope", "error", e.Title)
	}
	return finding(stepFailed, "key_lost", "error", e.Error())
}

// check asks the server about one app. What the server says about the request itself is an error; that it cannot answer is a step.
func (d *doctor) check(ctx context.Context, c *client.Client, app string, want api.NewChecks) (api.Checks, error) {
	got, err := c.Check(ctx, app, want)
	var e *client.Error
	switch {
	case err == nil || ctx.Err() != nil:
		return got, err
	case errors.As(err, &e) && e.Field() != "":
		return got, err
	case errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed):
		return notChecked("server_old", err), nil
	case errors.As(err, &e) && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden):
		return notChecked("key_scope", err), nil
	}
	return notChecked("key_lost", err), nil
}

func notChecked(code string, err error) api.Checks {
	f := finding(stepFailed, code, "error", err.Error())
	f.Step = "server"
	return api.Checks{Steps: []api.Check{f}}
}

// conclude prints the sum of it, and makes the exit status.
func (d *doctor) conclude(found diagnosis) error {
	count := map[string]int{}
	for _, s := range found.Server {
		count[s.Status]++
	}
	for _, a := range found.Apps {
		for _, s := range a.Steps {
			count[s.Status]++
		}
	}
	found.OK = count[stepFailed] == 0
	if d.asJSON {
		if err := printJSON(d.e.stdout, found); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(d.e.stdout, d.e.lang().verdictOf(count[stepFailed], count[stepWarning]))
	}
	if !found.OK {
		return exitError{status: 1}
	}
	return nil
}
