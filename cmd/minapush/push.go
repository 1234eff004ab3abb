package main

import (
	"errors"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
)

func pushCommand(e *env) *cobra.Command {
	var (
		r        *remote
		m        messageFlags
		to, idem string
	)
	cmd := &cobra.Command{
		Use:   "push --to OPENID --template T",
		Short: "Send one message to one user",
		Long: `Send one message to one user, spending the permit that expires first.

The exit status is 0 if WeChat accepted it, 3 if it was refused, failed, skipped or is unknown, 1 if it could not be asked.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			msg, err := m.message()
			if err != nil {
				return err
			}
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			got, err := c.Push(cmd.Context(), app, api.NewPush{OpenID: to, Message: msg}, idem)
			if err != nil {
				if stopped := (*client.Error)(nil); errors.As(err, &stopped) && stopped.Number == api.NumStopped {
					r.noteStopped(cmd.Context(), e.stderr, c, app)
				}
				return err
			}
			if r.asJSON {
				err = printJSON(e.stdout, got)
			} else {
				printDelivery(e, got.Delivery)
			}
			if err == nil && got.Outcome != "accepted" {
				err = exitError{3, fmt.Errorf("the message was not accepted: %s", got.Outcome)}
			}
			return err
		},
	}
	r = remoteFlags(e, cmd, true)
	m.add(cmd)
	cmd.Flags().StringVar(&to, "to", "", "openid of the user")
	cmd.Flags().StringVar(&idem, "idempotency-key", "", "the same key never sends twice (default: a new one)")
	_ = cmd.MarkFlagRequired("to") // fails only for a flag that does not exist
	return cmd
}

func printDelivery(e *env, d api.Delivery) {
	l := e.lang()
	t := newTable(e.stdout, table.Row{l.say("openid"), l.say("outcome"), l.say("why"), "msgid"})
	msgid := ""
	if d.MsgID != 0 {
		msgid = fmt.Sprint(d.MsgID)
	}
	t.AppendRow(table.Row{d.OpenID, l.say(d.Outcome), l.why(d.Reason), msgid})
	t.Render()
}
