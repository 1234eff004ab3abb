package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
)

// printJSON is the answer of --json: one document, indented.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// newTable makes a table whose columns line up in Chinese too; the columns named right are numbers.
func newTable(w io.Writer, header table.Row, right ...int) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	style.Format.Footer = text.FormatDefault
	t.SetStyle(style)
	t.AppendHeader(header)
	var cols []table.ColumnConfig
	for _, n := range right {
		cols = append(cols, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignFooter: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(cols)
	return t
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// printProgress writes how the audience of a campaign adds up, and returns whether it does.
func printProgress(w io.Writer, l language, p api.Progress) bool {
	t := newTable(w, table.Row{l.say("delivery"), l.say("users"), l.say("why")}, 2)
	var sum int64
	row := func(name string, n int64, reasons map[string]int64) {
		sum += n
		var parts []string
		for _, code := range slices.Sorted(maps.Keys(reasons)) {
			if code != "" {
				parts = append(parts, fmt.Sprintf("%s × %s", thousands(reasons[code]), l.reason(code)))
			}
		}
		t.AppendRow(table.Row{l.say(name), thousands(n), strings.Join(parts, "\n")})
	}
	for _, name := range outcomeNames() {
		row(name, p.Outcomes[name], p.Reasons[name])
	}
	if p.Pending > 0 {
		row("pending", p.Pending, nil)
	}
	t.AppendFooter(table.Row{l.say("audience"), thousands(p.Audience), l.verdict(sum == p.Audience)})
	t.Render()
	if c := p.Confirmed; c != nil {
		fmt.Fprintf(w, l.say("confirmed.users")+"\n", thousands(c["delivered"]), thousands(c["undelivered"]), thousands(c["unconfirmed"]))
	}
	if p.Opened > 0 {
		fmt.Fprintf(w, l.say("opened.users")+"\n", thousands(p.Opened))
	}
	return sum == p.Audience
}

// printCounts writes how the uses of permits add up, and returns whether they do.
func printCounts(w io.Writer, l language, c minapush.Counts) bool {
	t := newTable(w, table.Row{l.say("permit"), l.say("uses"), ""}, 2)
	for _, row := range []struct {
		name string
		n    int64
	}{
		{"available", c.Available}, {"held", c.Held}, {"suspect", c.Suspect}, {"spent", c.Spent}, {"dead", c.Dead},
		{"expired", c.Expired}, {"evicted", c.Evicted}, {"erased", c.Erased},
	} {
		t.AppendRow(table.Row{l.say(row.name), thousands(row.n), ""})
	}
	t.AppendFooter(table.Row{l.say("deposited"), thousands(c.Deposited), l.verdict(c.Closes())})
	t.Render()
	return c.Closes()
}

func (l language) verdict(closes bool) string {
	if closes {
		return l.say("closes")
	}
	return l.say("open")
}
