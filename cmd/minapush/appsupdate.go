package main

import (
	"errors"
	"os"
	"strings"

	"github.com/minapush/minapush/api"
	"github.com/spf13/cobra"
)

// updateCommand changes what was set when an app was made; only the flags that are given count.
func (r *remote) updateCommand() *cobra.Command {
	var (
		name, secretFile, baseURL string
		rate, inFlight            int
		token                     api.TokenSource
		guards                    guardFlags
	)
	cmd := &cobra.Command{
		Use: "update APPID", Short: "Change an app: what is not given stays", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var change api.AppChange
			given := cmd.Flags().Changed
			if given("name") {
				change.Name = &name
			}
			if given("secret-file") {
				secret, err := readSecret(secretFile)
				if err != nil {
					return err
				}
				change.Secret = &secret
			}
			if given("rate") {
				change.Rate = &rate
			}
			if given("in-flight") {
				change.InFlight = &inFlight
			}
			if given("base-url") {
				change.BaseURL = &baseURL
			}
			if given("token") {
				change.Token = &token
			}
			if given("time-zone") {
				change.TimeZone = &guards.zone
			}
			if change == (api.AppChange{}) && !guards.given(given) && !guards.none {
				return errors.New("give at least one thing to change")
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			if change.Guards, err = guards.over(cmd, c, args[0]); err != nil {
				return err
			}
			got, err := c.UpdateApp(cmd.Context(), args[0], change)
			if err != nil {
				return err
			}
			return r.printApp(got)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "what people call it")
	flags.StringVar(&secretFile, "secret-file", "", "file with the new AppSecret; it is kept sealed")
	flags.IntVar(&rate, "rate", 0, "messages a second, over all nodes; -1 removes the pace")
	flags.IntVar(&inFlight, "in-flight", 0, "unanswered messages at a time, on each node")
	flags.StringVar(&baseURL, "base-url", "", "where the WeChat API is")
	tokenFlags(flags, &token)
	guards.add(flags)
	return cmd
}

// readSecret reads an AppSecret, without the end of its line.
func readSecret(file string) (string, error) {
	b, err := os.ReadFile(file)
	return strings.TrimSpace(string(b)), err
}
