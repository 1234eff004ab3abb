package main

import (
	"fmt"

	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
)

// healthCommand is for containers and scripts: images without a shell have no other way to ask.
func healthCommand(e *env) *cobra.Command {
	var server string
	cmd := &cobra.Command{
		Use: "health", Short: "Ask a running server whether it is ready; the exit status tells", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := client.New(server, "", client.Config{Tries: 1})
			if err != nil {
				return err
			}
			h, err := c.Ready(cmd.Context())
			if err != nil {
				return fmt.Errorf("not ready: %w", err)
			}
			_, err = fmt.Fprintln(e.stdout, h.Status, h.Version)
			return err
		},
	}
	cmd.Flags().StringVar(&server, "server", "http://"+defaultListen, "address of a running server's private listener")
	return cmd
}
