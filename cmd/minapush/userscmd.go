package main

import (
	"context"

	"github.com/minapush/minapush/api"
	"github.com/spf13/cobra"
)

func usersCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{Use: "users", Short: "Users of an app: import what the team knows of them, tell what they did"}
	r := remoteFlags(e, cmd, true)
	cmd.AddCommand(r.usersImport(), r.usersEvent())
	return cmd
}

func (r *remote) usersImport() *cobra.Command {
	i := &importing{remote: r}
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Change the profiles of many users from a table",
		Long: `Change the profiles of many users: uid, tags, attributes, opt_out. FILE is CSV with a first line of names (tags separated by |, every
other column an attribute), or NDJSON; - is stdin. What a row has replaces; the same file may be sent again.

The exit status is 2 if a row was refused, 1 if the import did not come to its end.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i.path = args[0]
			c, app, err := r.openLong(cmd)
			if err != nil {
				return err
			}
			if _, err := c.App(cmd.Context(), app); err != nil { // else its parts would be sent for a while to nobody
				return err
			}
			i.goOn = commandLine(cmd, []string{"users", "import", i.path}, append(remoteFlagNames, "format", "charset", "errors")...)
			var got api.ImportAnswer
			err = i.send(cmd.Context(), func(ctx context.Context, rows *rowSource) (err error) {
				got, err = c.ImportUsers(ctx, app, rows, rows.rows)
				return err
			})
			if err != nil {
				return err
			}
			return i.showRows(got, got, "changed", "same", "refused")
		},
	}
	i.rowFlags.add(cmd.Flags())
	return cmd
}
