package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func configCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Settings: show where each comes from, check a file, print a sample",
		Long: `Every flag of every command can also be set by the environment and by a file. The names are the same: --listen-public is
MINAPUSH_LISTEN_PUBLIC in the environment and listen-public in the file of --config. A flag goes over the environment, that
over the file, that over the default. What no command knows is an error, so that a slip of the pen is not a lost setting.`,
	}
	cmd.AddCommand(configPrint(e), configCheck(e), configSample(e))
	return cmd
}

// setting is one line of config print.
type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
	// Where is the variable, or the file and line.
	Where string `json:"where,omitempty"`
}

func configPrint(e *env) *cobra.Command {
	var (
		f      serveFlags
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "print [flags of serve]", Short: "Show the settings that serve would run with, and where each comes from", Args: cobra.NoArgs,
	}
	f.add(cmd.Flags())
	own := flagNames(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the answer as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var list []setting
		for _, name := range append([]string{configFlag}, own...) {
			flag := cmd.Flags().Lookup(name)
			from, where := originOf(flag)
			list = append(list, setting{Name: name, Value: shown(flag), From: from, Where: where})
		}
		if asJSON {
			return printJSON(e.stdout, struct {
				Settings []setting `json:"settings"`
			}{list})
		}
		l := e.lang()
		t := newTable(e.stdout, table.Row{l.say("setting"), l.say("value"), l.say("from")})
		for _, s := range list {
			t.AppendRow(table.Row{s.Name, s.Value, strings.TrimSpace(l.say("from."+s.From) + " " + s.Where)})
		}
		t.Render()
		return nil
	}
	return cmd
}

// flagNames lists flags in the order of the alphabet.
func flagNames(flags *pflag.FlagSet) []string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// secretFlags hold what must not be shown.
var secretFlags = map[string]bool{"key": true, "secret": true, "token-value": true, "token-header": true}

// shown is the value of a flag without secrets: of an address with a password, all but that.
func shown(f *pflag.Flag) string {
	value := f.Value.String()
	if secretFlags[f.Name] && value != "" {
		return "…"
	}
	if f.Name == "store" {
		return hidePassword(value)
	}
	if strings.Contains(value, "@") {
		u, err := url.Parse(value)
		switch {
		case err != nil:
			return "…" // it may hold a password that only looks unlike one
		case u.User != nil:
			return u.Redacted()
		}
	}
	return value
}

func configCheck(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Short: "Check a file: every key, every type, and what serve needs",
		Args: cobra.ExactArgs(1), Annotations: map[string]string{noConfig: "true"},
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := readConfig(args[0])
			if err != nil {
				return err
			}
			var f serveFlags
			flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
			f.add(flags)
			if err := errors.Join(file.apply(flags), f.check()); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			fmt.Fprintf(e.stdout, e.lang().say("config.good")+"\n", args[0], len(file.entries))
			return nil
		},
	}
}

func configSample(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "sample", Short: "Print a file with every common setting, commented out, at its default", Args: cobra.NoArgs,
		Annotations: map[string]string{noConfig: "true"},
		RunE: func(*cobra.Command, []string) error {
			var b bytes.Buffer
			writeSample(&b)
			_, err := b.WriteTo(e.stdout)
			return err
		},
	}
}

// writeSample writes the flags of serve, and those of all commands to a running server.
func writeSample(w io.Writer) {
	fmt.Fprint(w, `# Settings of minapush. Give this file by --config FILE or MINAPUSH_CONFIG=FILE, and check it by "minapush config check FILE".
#
# Each key is a flag without its dashes. A flag goes over the environment (MINAPUSH_LISTEN for listen), that over this file. The
# flags of every command may stand here; each command takes its own. Unknown keys are errors.
`)
	var f serveFlags
	serve := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	f.add(serve)
	sampleGroup(w, "The server: minapush serve", serve)
	cmd := &cobra.Command{}
	remoteFlags(&env{}, cmd, true)
	sampleGroup(w, "Commands that talk to a running server: push, campaign, apps, doctor and others", cmd.PersistentFlags(), "json")
}

func sampleGroup(w io.Writer, title string, flags *pflag.FlagSet, without ...string) {
	fmt.Fprintf(w, "\n# --- %s ---\n", title)
	left := map[string]bool{}
	for _, name := range without {
		left[name] = true
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if !left[f.Name] {
			fmt.Fprintf(w, "\n# %s\n#%s: %s\n", strings.ReplaceAll(f.Usage, "\n", "\n# "), f.Name, sampleValue(f))
		}
	})
}

// sampleValue is the default as YAML. Texts are quoted where YAML would take them for something else.
func sampleValue(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool", "int", "int64", "uint", "uint64", "float64", "duration":
		return f.DefValue
	case "stringSlice", "stringArray":
		return "[]"
	}
	return fmt.Sprintf("%q", f.DefValue)
}
