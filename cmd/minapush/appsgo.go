package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
)

// restoredCode is why an app is stopped that came from a backup. Its parameter "at" is when that was taken, and "before" why the app was
// stopped then, if it was.
const restoredCode = "restored"

// restored says of which backup an app is.
func (l language) restored(r *api.Reason) string {
	text := ""
	if at := backupMoment(r); at != "" {
		text = fmt.Sprintf(l.say("restored.of"), at)
	}
	if before := r.Params["before"]; before != "" {
		text += fmt.Sprintf(l.say("restored.before"), l.reason(before))
	}
	return text
}

// backupMoment is when the backup was taken, as people here write it.
func backupMoment(r *api.Reason) string {
	at, err := time.Parse(time.RFC3339, r.Params["at"])
	if err != nil {
		return r.Params["at"]
	}
	return shortTime(at)
}

// appsGo turns the kill switch of an app off. Of one that was restored it says first what that means.
func (r *remote) appsGo() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "go APPID", Short: "Let an app send again", Args: cobra.ExactArgs(1),
		Long: `Let an app send again that was stopped. Of one that was restored from a backup, or copied from another store, it says first what that means, shows
the campaigns that would go on, and asks; where nobody can answer it wants --yes.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			ctx, app := cmd.Context(), args[0]
			now, err := c.App(ctx, app)
			if err != nil {
				return err
			}
			if now.StoppedWhy != nil && (now.StoppedWhy.Code == restoredCode || now.StoppedWhy.Code == copiedCode) {
				if err := r.confirmRestored(ctx, c, now, yes); err != nil {
					return err
				}
			}
			got, err := c.StopApp(ctx, app, false)
			if err != nil {
				return err
			}
			return r.printApps(got)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask, though it was restored from a backup or copied from another store")
	return cmd
}

func (r *remote) confirmRestored(ctx context.Context, c *client.Client, app api.App, yes bool) error {
	l, w := r.e.lang(), r.e.stderr
	fmt.Fprintf(w, l.say("go."+app.StoppedWhy.Code)+"\n", backupMoment(app.StoppedWhy))
	var open []string
	for m, err := range c.Campaigns(ctx, app.AppID) {
		if err != nil {
			return err
		}
		if m.EndedAt.IsZero() {
			open = append(open, fmt.Sprintf("  %s  %s  %s", m.ID, l.stateOf(m), m.Name))
		}
	}
	if open == nil {
		fmt.Fprintln(w, l.say("go.none"))
	} else {
		fmt.Fprintf(w, "%s\n%s\n", l.say("go.campaigns"), strings.Join(open, "\n"))
	}
	switch {
	case yes:
		return nil
	case !isTerminal(r.e.stdin):
		return errors.New("the app was restored from a backup or copied from another store, so that messages may be sent again: add --yes if that is wanted")
	case !r.e.ask(l.say("go.ask")):
		return errors.New("the app is still stopped")
	}
	return nil
}

// ask puts a question to somebody at a terminal, and tells whether the answer was yes.
func (e *env) ask(question string) bool {
	fmt.Fprint(e.stderr, question)
	line, _ := bufio.NewReader(e.stdin).ReadString('\n') // no answer is no yes
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes", "是":
		return true
	}
	return false
}
