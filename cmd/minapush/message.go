package main

import (
	"fmt"
	"strings"

	"github.com/minapush/minapush/api"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// messageFlags are the flags by which a message is given.
type messageFlags struct {
	template, page, keywords, state, lang, emphasis string
	values                                          []string
}

// add defines the flags of a command that always has a message.
func (m *messageFlags) add(cmd *cobra.Command) {
	m.define(cmd.Flags())
	_ = cmd.MarkFlagRequired("template") // fails only for a flag that does not exist
}

func (m *messageFlags) define(flags *pflag.FlagSet) {
	flags.StringVar(&m.template, "template", "", "id of the template")
	flags.StringVar(&m.page, "page", "", "page that opens when the card is tapped; empty: not clickable")
	flags.StringVar(&m.keywords, "keywords", "", `values of a legacy template as "a,b,c" for keyword1 to keyword3; may be empty`)
	flags.StringArrayVar(&m.values, "value", nil, "one value as key=text, such as thing1=签到提醒; repeat for each key")
	flags.StringVar(&m.state, "state", "", "build that the card opens: formal (default), trial or developer")
	flags.StringVar(&m.lang, "card-lang", "", "language of the card's frame: zh_CN (default), en_US, zh_HK or zh_TW")
	flags.StringVar(&m.emphasis, "emphasis", "", "key shown in large type, of a legacy template")
}

func (m *messageFlags) message() (api.Message, error) {
	msg := api.Message{
		Template: m.template, Page: m.page, Keywords: m.keywords, MiniprogramState: m.state, Lang: m.lang, Emphasis: m.emphasis,
	}
	for _, kv := range m.values {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return msg, fmt.Errorf("--value: must be key=text, not %q", kv)
		}
		if msg.Values == nil {
			msg.Values = map[string]string{}
		}
		if _, twice := msg.Values[k]; twice {
			return msg, fmt.Errorf("--value: %s is given twice", k)
		}
		msg.Values[k] = v
	}
	return msg, nil
}
