package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/api"
	"github.com/spf13/cobra"
)

func (r *remote) templatesSync() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "sync", Short: "Fetch the templates that the app has on WeChat, and show what differs", Args: cobra.NoArgs,
		Long: `Fetch the templates that the app has on WeChat, show what differs, and write those that are new or were changed; the policies of
their keys stay. Templates that WeChat does not have are marked and stay here. Legacy templates are never listed by WeChat: see templates
put. With --dry-run nothing is written.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			sync := c.SyncTemplates
			if dry {
				sync = c.TemplateDrift
			}
			got, err := sync(cmd.Context(), app)
			if err != nil {
				return err
			}
			if r.asJSON {
				return printJSON(r.e.stdout, got)
			}
			r.showSync(got)
			return nil
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "write nothing: only show what differs")
	return cmd
}

func (r *remote) showSync(got api.TemplateSync) {
	l := r.e.lang()
	t := newTable(r.e.stdout, table.Row{l.say("template"), l.say("state")})
	for _, part := range []struct {
		name string
		ids  []string
	}{{"added", got.Added}, {"changed", got.Changed}, {"same", got.Same}, {"missing", got.Missing}} {
		for _, id := range part.ids {
			t.AppendRow(table.Row{id, l.say("sync." + part.name)})
		}
	}
	t.Render()
	if len(got.Drift) == 0 {
		fmt.Fprintln(r.e.stdout, l.say("drift.none"))
		return
	}
	d := newTable(r.e.stdout, table.Row{l.say("template"), l.say("name"), l.say("drift.field"), l.say("drift.was"), l.say("drift.is"), l.say("drift.used")})
	for _, one := range got.Drift {
		used := l.usedBy(one)
		if len(one.Changes) == 0 {
			d.AppendRow(table.Row{one.Template, plainText(one.Title), l.say("drift." + one.What), "", "", used})
		}
		for _, c := range one.Changes {
			d.AppendRow(table.Row{one.Template, plainText(one.Title), c.Field, plainText(c.Was), plainText(c.Is), used})
		}
	}
	d.Render()
	if len(got.Missing) > 0 {
		fmt.Fprintln(r.e.stdout, l.say("sync.warn"))
	}
	if got.DryRun {
		fmt.Fprintln(r.e.stdout, l.say("drift.dry"))
	}
}

// usedBy names who a template that differs may trouble.
func (l language) usedBy(d api.TemplateDrift) string {
	var list []string
	for _, name := range d.Scenes {
		list = append(list, fmt.Sprintf(l.say("drift.scene"), name))
	}
	for _, id := range d.Campaigns {
		list = append(list, fmt.Sprintf(l.say("drift.campaign"), id))
	}
	return strings.Join(list, "\n")
}

// templatesPolicy says what becomes of values that break the rules of their types.
func (r *remote) templatesPolicy() *cobra.Command {
	var cut, refuse, fallback []string
	cmd := &cobra.Command{
		Use: "policy ID", Short: "Say what becomes of a value that breaks the rule of its type", Args: cobra.ExactArgs(1),
		Long: `Say for each key of a template what becomes of a value that breaks the rule of its type: it is refused (the default), cut to its length
with an ellipsis (things and names only), or another text goes out instead. Keys that are not named stay as they are.`,
		Example: `  minapush templates policy T --cut thing1 --fallback phrase2=处理中`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			t, err := c.Template(cmd.Context(), app, args[0])
			if err != nil {
				return err
			}
			for _, name := range refuse {
				if err := setPolicy(&t, "--refuse", name, "", ""); err != nil {
					return err
				}
			}
			for _, name := range cut {
				if err := setPolicy(&t, "--cut", name, "cut", ""); err != nil {
					return err
				}
			}
			for _, kv := range fallback {
				name, text, ok := strings.Cut(kv, "=")
				if !ok {
					return fmt.Errorf("--fallback: must be key=text, not %q", kv)
				}
				if err := setPolicy(&t, "--fallback", name, "fallback", text); err != nil {
					return err
				}
			}
			got, err := c.PutTemplate(cmd.Context(), app, t)
			if err == nil && r.asJSON {
				err = printJSON(r.e.stdout, got)
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&cut, "cut", nil, "keys whose values are cut when they are too long")
	flags.StringSliceVar(&refuse, "refuse", nil, "keys whose values are refused")
	flags.StringArrayVar(&fallback, "fallback", nil, "key=text: the text that goes out instead; repeat for each key")
	cmd.MarkFlagsOneRequired("cut", "refuse", "fallback")
	return cmd
}

func setPolicy(t *api.Template, flag, name, policy, fallback string) error {
	i := slices.IndexFunc(t.Keys, func(k api.TemplateKey) bool { return k.Key == name })
	if i < 0 {
		return fmt.Errorf("%s: %q is not a key of template %s", flag, name, t.ID)
	}
	t.Keys[i].Policy, t.Keys[i].Fallback = policy, fallback
	return nil
}
