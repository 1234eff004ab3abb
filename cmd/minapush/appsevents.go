package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// appsEvents are the flags of apps events.
type appsEvents struct {
	*remote
	tokenFile, keyFile, mode, passOn, public string
	passOnAll, eventsOnly, off, odd          bool
}

func (r *remote) appsEvents() *cobra.Command {
	f := &appsEvents{remote: r}
	cmd := &cobra.Command{
		Use: "events APPID", Short: "Show or set how WeChat pushes its events to an app", Args: cobra.ExactArgs(1),
		Long: `Show or set how WeChat pushes its events to an app. Set it here first, with the Token and the EncodingAESKey that you then enter in
WeChat's console beside the URL that is shown: WeChat asks at once whether the URL is yours.

  minapush apps events APPID --token-file token.txt --aes-key-file key.txt --public-url https://push.example.com

What is not given stays. docs/events.md has it step by step.`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.add(cmd.Flags())
	return cmd
}

func (f *appsEvents) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.tokenFile, "token-file", "", "file with the Token: 3 to 32 letters and digits; it is kept sealed")
	flags.StringVar(&f.keyFile, "aes-key-file", "", "file with the EncodingAESKey: 43 letters and digits; it is kept sealed")
	flags.StringVar(&f.mode, "mode", "", "as in WeChat's console: security (default), compatible or plain")
	flags.StringVar(&f.passOn, "pass-on", "", `URL that gets what is pushed and not ours, and answers for it; "" ends that`)
	flags.BoolVar(&f.passOnAll, "pass-on-all", false, "send our own events there too")
	flags.BoolVar(&f.eventsOnly, "events-only", false, "count subscriptions by events alone, and refuse reports of them")
	flags.StringVar(&f.public, "public-url", "", "where WeChat reaches the public listener, to show the whole URL")
	flags.BoolVar(&f.off, "off", false, "take no more events")
	flags.BoolVar(&f.odd, "odd", false, "list the last events that were not understood or fit nothing")
}

func (f *appsEvents) run(cmd *cobra.Command, app string) error {
	c, err := f.client()
	if err != nil {
		return err
	}
	ctx, given := cmd.Context(), cmd.Flags().Changed
	changes := slices.ContainsFunc([]string{"token-file", "aes-key-file", "mode", "pass-on", "pass-on-all"}, given)
	switch {
	case f.off && changes:
		return errors.New("--off: cannot stand beside settings")
	case f.odd && (f.off || changes || given("events-only")):
		return errors.New("--odd: stands alone")
	case f.odd:
		return f.showOdd(ctx, c, app)
	}
	if changes {
		err = f.put(ctx, c, app, given)
	} else if f.off {
		err = c.DeleteEventSettings(ctx, app)
	}
	if err != nil {
		return err
	}
	if given("events-only") {
		if _, err := c.UpdateApp(ctx, app, api.AppChange{EventsOnly: &f.eventsOnly}); err != nil {
			return err
		}
	}
	return f.show(ctx, c, app)
}

// put writes the settings that are given.
func (f *appsEvents) put(ctx context.Context, c *client.Client, app string, given func(string) bool) (err error) {
	n := api.NewEventSettings{Mode: f.mode}
	if given("pass-on") {
		n.PassOnURL = &f.passOn
	}
	if given("pass-on-all") {
		n.PassOn = map[bool]string{true: "all", false: "others"}[f.passOnAll]
	}
	for file, into := range map[string]*string{f.tokenFile: &n.Token, f.keyFile: &n.EncodingAESKey} {
		if file == "" {
			continue
		}
		if *into, err = readSecret(file); err != nil {
			return err
		}
	}
	_, err = c.PutEventSettings(ctx, app, n)
	return err
}

func (f *appsEvents) show(ctx context.Context, c *client.Client, app string) error {
	info, err := c.App(ctx, app)
	if err != nil {
		return err
	}
	set, err := c.EventSettings(ctx, app)
	none := errors.Is(err, api.NotFound)
	if err != nil && !none {
		return err
	}
	got, err := c.OddEvents(ctx, app, 0)
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(f.e.stdout, struct {
			Settings   *api.EventSettings          `json:"settings,omitempty"`
			EventsOnly bool                        `json:"events_only"`
			Counts     map[string]map[string]int64 `json:"counts"`
		}{map[bool]*api.EventSettings{false: &set}[none], info.EventsOnly, got.Counts})
	}
	l := f.e.lang()
	t := newTable(f.e.stdout, table.Row{l.say("setting"), l.say("value")})
	if none {
		t.AppendRow(table.Row{l.say("events.url"), l.say("events.none")})
	} else {
		t.AppendRow(table.Row{l.say("events.url"), f.address(l, set.Path)})
		t.AppendRow(table.Row{l.say("events.mode"), l.say("events.mode." + set.Mode)})
		t.AppendRow(table.Row{"Token", l.say(map[bool]string{true: "events.set", false: "events.missing"}[set.TokenSet])})
		t.AppendRow(table.Row{"EncodingAESKey", l.say(map[bool]string{true: "events.set", false: "events.missing"}[set.EncodingAESKeySet])})
		if set.PassOnURL != "" {
			t.AppendRow(table.Row{l.say("events.pass_on"), set.PassOnURL + " (" + l.say("events.pass_on."+set.PassOn) + ")"})
		}
	}
	t.AppendRow(table.Row{l.say("events.trusted"), l.say(map[bool]string{true: "events.only", false: "events.both"}[info.EventsOnly])})
	t.Render()
	f.showCounts(l, got)
	return nil
}

// address is the URL to be entered in WeChat's console.
func (f *appsEvents) address(l language, path string) string {
	if f.public == "" {
		return fmt.Sprintf(l.say("events.host"), path)
	}
	return strings.TrimRight(f.public, "/") + path
}

func (f *appsEvents) showCounts(l language, got api.OddEvents) {
	if len(got.Counts) == 0 {
		return
	}
	t := newTable(f.e.stdout, table.Row{l.say("events.event"), l.say("events.result"), l.say("events.count")}, 3)
	for _, kind := range slices.Sorted(maps.Keys(got.Counts)) {
		for _, result := range slices.Sorted(maps.Keys(got.Counts[kind])) {
			t.AppendRow(table.Row{l.say("event." + kind), l.say("result." + result), thousands(got.Counts[kind][result])})
		}
	}
	t.Render()
	if n := len(got.Events); n > 0 {
		fmt.Fprintf(f.e.stdout, l.say("events.odd")+"\n", n)
	}
}

func (f *appsEvents) showOdd(ctx context.Context, c *client.Client, app string) error {
	got, err := c.OddEvents(ctx, app, 0)
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(f.e.stdout, got)
	}
	l := f.e.lang()
	for _, e := range got.Events {
		fmt.Fprintf(f.e.stdout, "%s  %s  %s\n", shortTime(e.At), l.say("event."+e.Type), l.oddWhy(e.Why))
		if e.Body != "" {
			fmt.Fprintf(f.e.stdout, "  %s\n", strings.Join(strings.Fields(e.Body), " "))
		}
	}
	return nil
}

// oddWhy is a result in words; what is none is said as it is.
func (l language) oddWhy(why string) string {
	if _, ok := eventWords["result."+why]; ok {
		return l.say("result." + why)
	}
	return why
}
