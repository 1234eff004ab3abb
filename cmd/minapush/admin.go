package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/api"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func appsCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{Use: "apps", Short: "Mini programs of a running server"}
	r := remoteFlags(e, cmd, false)
	list := &cobra.Command{
		Use: "list", Short: "List the apps", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			got, err := c.Apps(cmd.Context())
			if err != nil {
				return err
			}
			return r.printApps(got...)
		},
	}
	var (
		app        api.NewApp
		secretFile string
		token      api.TokenSource
		guards     guardFlags
	)
	create := &cobra.Command{
		Use: "create APPID", Short: "Add an app", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			app.AppID = args[0]
			if secretFile != "" {
				secret, err := readSecret(secretFile)
				if err != nil {
					return err
				}
				app.Secret = secret
			}
			if token.Kind != "" {
				app.Token = &token
			}
			var err error
			if app.Guards, err = guards.guards(cmd.Flags().Changed, newGuards()); err != nil {
				return err
			}
			app.TimeZone = guards.zone
			c, err := r.client()
			if err != nil {
				return err
			}
			got, err := c.CreateApp(cmd.Context(), app)
			if err != nil {
				return err
			}
			return r.printApp(got)
		},
	}
	flags := create.Flags()
	flags.StringVar(&app.Name, "name", "", "what people call it")
	flags.StringVar(&secretFile, "secret-file", "", "file with the AppSecret; it is kept sealed")
	flags.IntVar(&app.Shards, "shards", 0, "over how many shards users are spread, fixed for good (default 256; 4096 for ten million users)")
	flags.IntVar(&app.Rate, "rate", 0, "messages a second, over all nodes; -1 removes the pace (default 100)")
	flags.IntVar(&app.InFlight, "in-flight", 0, "unanswered messages at a time, on each node (default 128)")
	flags.StringVar(&app.BaseURL, "base-url", "", "where the WeChat API is (default https://api.weixin.qq.com)")
	tokenFlags(flags, &token)
	guards.add(flags)
	cmd.AddCommand(list, create, r.appsShow(), r.updateCommand(), r.appsStop(), r.appsGo(), r.appsEvents())
	return cmd
}

// tokenFlags say where the access token comes from.
func tokenFlags(flags *pflag.FlagSet, token *api.TokenSource) {
	flags.StringVar(&token.Kind, "token", "", "where the access token comes from: stable (default), classic, url, fixed or none")
	flags.StringVar(&token.URL, "token-url", "", "address of the team's token service, for --token url")
	flags.StringVar(&token.Header, "token-header", "", `header sent to it, as "Name: value"`)
	flags.StringVar(&token.Path, "token-path", "", "where its JSON answer has the token (default access_token)")
	flags.StringVar(&token.Value, "token-value", "", "the token itself, for --token fixed")
}

// appsStop turns the kill switch of an app on.
func (r *remote) appsStop() *cobra.Command {
	return &cobra.Command{
		Use: "stop APPID", Short: "Stop every send of an app at once (kill switch)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			got, err := c.StopApp(cmd.Context(), args[0], true)
			if err != nil {
				return err
			}
			return r.printApps(got)
		},
	}
}

func (r *remote) printApps(apps ...api.App) error {
	if r.asJSON {
		return printJSON(r.e.stdout, api.Apps{Apps: apps})
	}
	l := r.e.lang()
	t := newTable(r.e.stdout, table.Row{l.say("app"), l.say("name"), l.say("rate"), "base url", l.say("state")}, 3)
	for _, a := range apps {
		state := ""
		if a.Stopped {
			state = l.say("app.is_stopped") + ": " + l.why(a.StoppedWhy)
		}
		t.AppendRow(table.Row{a.AppID, a.Name, rateText(a.Rate), a.BaseURL, state})
	}
	t.Render()
	return nil
}

func rateText(rate int) string {
	if rate < 0 {
		return "∞"
	}
	return fmt.Sprint(rate)
}

func keysCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "API keys of a running server"}
	r := remoteFlags(e, cmd, true)
	list := &cobra.Command{
		Use: "list", Short: "List the keys; their secrets are not kept", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			got, err := c.Keys(cmd.Context())
			if err != nil {
				return err
			}
			if r.asJSON {
				return printJSON(e.stdout, got)
			}
			l := e.lang()
			t := newTable(e.stdout, table.Row{l.say("key"), l.say("name"), l.say("app"), l.say("scopes")})
			for _, k := range got {
				t.AppendRow(table.Row{k.ID, k.Name, k.AppID, strings.Join(k.Scopes, " ")})
			}
			t.Render()
			return nil
		},
	}
	var (
		name   string
		scopes []string
	)
	create := &cobra.Command{
		Use: "create", Short: "Make a key; its secret is shown once", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			got, err := c.CreateKey(cmd.Context(), api.NewKey{Name: name, AppID: r.app, Scopes: scopes})
			if err != nil {
				return err
			}
			if r.asJSON {
				return printJSON(e.stdout, got)
			}
			fmt.Fprintln(e.stdout, got.Secret)
			return nil
		},
	}
	create.Flags().StringVar(&name, "name", "", "who uses it")
	create.Flags().StringSliceVar(&scopes, "scope", nil, "what it may: report, read, push, campaign, admin")
	revoke := &cobra.Command{
		Use: "revoke ID", Short: "End a key", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			return c.RevokeKey(cmd.Context(), args[0])
		},
	}
	cmd.AddCommand(list, create, revoke)
	return cmd
}

func templatesCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{Use: "templates", Short: "Message templates of an app"}
	r := remoteFlags(e, cmd, true)
	list := &cobra.Command{
		Use: "list", Short: "List the templates", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			got, err := c.Templates(cmd.Context(), app)
			if err != nil {
				return err
			}
			if r.asJSON {
				return printJSON(e.stdout, got)
			}
			l := e.lang()
			t := newTable(e.stdout, table.Row{l.say("template"), l.say("kind"), l.say("name"), l.say("template.keys")})
			for _, x := range got {
				t.AppendRow(table.Row{x.ID, l.say("kind." + x.Kind), x.Title, keysText(x.Keys)})
			}
			t.Render()
			return nil
		},
	}
	var (
		tmpl api.Template
		keys []string
	)
	put := &cobra.Command{
		Use: "put ID", Short: "Write a template by hand", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			tmpl.ID = args[0]
			for _, k := range keys {
				tmpl.Keys = append(tmpl.Keys, api.TemplateKey{Key: k})
			}
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			_, err = c.PutTemplate(cmd.Context(), app, tmpl)
			return err
		},
	}
	put.Flags().StringVar(&tmpl.Kind, "kind", "one_time", "legacy, one_time or long_term")
	put.Flags().StringVar(&tmpl.Title, "title", "", "its title")
	put.Flags().StringSliceVar(&keys, "keys", nil, "names of its keys, such as thing1,date2")
	cmd.AddCommand(list, put, r.templatesSync(), r.templatesPolicy())
	return cmd
}

// keysText lists the keys of a template, each with what WeChat calls it.
func keysText(keys []api.TemplateKey) string {
	var list []string
	for _, k := range keys {
		if k.Label != "" {
			list = append(list, k.Key+" ("+k.Label+")")
		} else {
			list = append(list, k.Key)
		}
	}
	return strings.Join(list, "\n")
}
