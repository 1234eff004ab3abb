package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/audience"
	"github.com/spf13/cobra"
)

// maxLinted is how many refused rows of a file are shown.
const maxLinted = 100

// linting is one call of minapush lint.
type linting struct {
	*remote
	rowFlags
	template, valueType, file string
	enum                      []string
}

func lintCommand(e *env) *cobra.Command {
	n := &linting{}
	cmd := &cobra.Command{
		Use:   "lint {--template T [KEY=TEXT…] [--file ROWS] | --type TYPE TEXT…}",
		Short: "Check values before they are sent",
		Long: `Check values against the types of a template's keys, and show the texts as they would go out. Nothing is sent.

With --file each row is checked: its columns fill the placeholders of the values given, such as thing1={{name}}; without values given, the
columns are the keys themselves. With --type no server is asked.

The exit status is 1 if a value would be refused.`,
		Example: `  minapush lint --template T thing1=签到提醒 time2=15:01
  minapush lint --template T 'thing1={{name}}，你好' --file members.csv
  minapush lint --type phrase 配送中 delivered`,
		RunE: n.run,
	}
	n.remote = remoteFlags(e, cmd, true)
	flags := cmd.Flags()
	flags.StringVar(&n.template, "template", "", "id of the template")
	flags.StringVar(&n.valueType, "type", "", "type of the values, such as thing: no server is asked")
	flags.StringSliceVar(&n.enum, "enum", nil, "with --type: the values that are taken")
	flags.StringVar(&n.file, "file", "", "rows to check, in csv or ndjson; - is stdin")
	flags.StringVar(&n.format, "format", "", "how the rows are written: csv or ndjson (default: as the file's name ends)")
	flags.StringVar(&n.charset, "charset", "", "of csv: utf-8 (default) or gb18030, of which GBK and GB2312 are parts")
	cmd.MarkFlagsOneRequired("template", "type")
	cmd.MarkFlagsMutuallyExclusive("template", "type")
	cmd.MarkFlagsMutuallyExclusive("file", "type")
	return cmd
}

func (n *linting) run(cmd *cobra.Command, args []string) error {
	if n.valueType != "" {
		return n.typed(args)
	}
	m := messageFlags{template: n.template, values: args}
	msg, err := m.message()
	if err != nil {
		return errors.New(strings.Replace(err.Error(), "--value: ", "", 1))
	}
	c, app, err := n.open(cmd)
	if err != nil {
		return err
	}
	if n.file == "" {
		got, err := c.Lint(cmd.Context(), app, api.NewLint{Template: n.template, Values: orEmpty(msg.Values)})
		if err != nil {
			return err
		}
		return n.show(got)
	}
	t, err := c.Template(cmd.Context(), app, n.template)
	if err != nil {
		return err
	}
	return n.rows(cmd.Context(), templateOf(t), minapush.Message{Template: n.template, Values: msg.Values})
}

func orEmpty(values map[string]string) map[string]string {
	if values == nil {
		return map[string]string{}
	}
	return values
}

// templateOf reads what the server says of a template.
func templateOf(t api.Template) minapush.Template {
	out := minapush.Template{ID: t.ID, Kind: minapush.TemplateKind(t.Kind), Title: t.Title}
	for _, k := range t.Keys {
		out.Keys = append(out.Keys, minapush.TemplateKey{
			Key: k.Key, Label: k.Label, Type: k.Type, Enum: k.Enum, Policy: minapush.ValuePolicy(k.Policy), Fallback: k.Fallback,
		})
	}
	return out
}

// typed checks values of one type, each shown by itself.
func (n *linting) typed(texts []string) error {
	if len(texts) == 0 {
		return errors.New("give the texts to check")
	}
	got := api.Lint{OK: true}
	for _, text := range texts {
		v := api.LintValue{Key: text, Type: n.valueType}
		if f := minapush.CheckValue(n.valueType, n.enum, text); f != nil {
			got.OK = false
			v.Reason, v.Message = &api.Reason{Code: f.Code, Params: f.Params}, f.Message()
		} else {
			v.Sent = strings.TrimSpace(text)
		}
		got.Values = append(got.Values, v)
	}
	return n.show(got)
}

// show shows what would become of values.
func (n *linting) show(got api.Lint) error {
	if n.asJSON {
		if err := printJSON(n.e.stdout, got); err != nil {
			return err
		}
	} else {
		l := n.e.lang()
		t := newTable(n.e.stdout, table.Row{l.say("value"), l.say("lint.type"), l.say("lint.sent"), l.say("lint.verdict")})
		for _, v := range got.Values {
			t.AppendRow(table.Row{plainText(keysText([]api.TemplateKey{{Key: v.Key, Label: v.Label}})), v.Type, plainText(v.Sent), l.linted(v)})
		}
		t.Render()
	}
	if !got.OK {
		return exitError{status: 1}
	}
	return nil
}

// linted says of a value that it is good, what made it so, or what it breaks.
func (l language) linted(v api.LintValue) string {
	switch {
	case v.Reason != nil:
		return plainText(l.finding(v.Reason))
	case v.Later:
		return l.say("lint.later")
	case v.Policy != "":
		return l.say("lint." + v.Policy)
	}
	return l.say("lint.good")
}

// lintedRow is a row that would be refused.
type lintedRow struct {
	Line     int64           `json:"line"`
	Problems []api.LintValue `json:"problems"`
}

// lintedRows is the answer of --json for a file.
type lintedRows struct {
	Rows    int64 `json:"rows"`
	Refused int64 `json:"refused"`
	// Problems names the first refused rows, at most maxLinted.
	Problems []lintedRow `json:"problems"`
}

// rows checks a file row by row.
func (n *linting) rows(ctx context.Context, t minapush.Template, m minapush.Message) error {
	if len(m.Values) > 0 {
		if err := m.Validate(); err != nil {
			return err
		}
	}
	source, err := n.openTable(n.e, n.file)
	if err != nil {
		return err
	}
	defer source.Close()
	from := audience.Source{Format: audience.NDJSON}
	if source.rows.Type == api.CSVType {
		from = audience.Source{Format: audience.CSV, Charset: source.rows.Charset}
	}
	r, err := audience.NewReader(source, from)
	if err != nil {
		return err
	}
	done := lintedRows{Problems: []lintedRow{}}
	for ctx.Err() == nil {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return n.showRows(done)
		}
		found := lintedRow{Line: row.Line}
		var bad *audience.Problem
		switch {
		case errors.As(err, &bad):
			found = lintedRow{Line: bad.Line, Problems: []api.LintValue{{Key: bad.Field, Message: bad.Message}}}
		case err != nil:
			return err
		default:
			found.Problems = lintRow(t, m, row)
		}
		done.Rows++
		if len(found.Problems) > 0 {
			done.Refused++
			if len(done.Problems) < maxLinted {
				done.Problems = append(done.Problems, found)
			}
		}
	}
	return ctx.Err()
}

// lintRow checks a row: its values fill the message's placeholders, or are the message's if that has none of its own.
func lintRow(t minapush.Template, m minapush.Message, row audience.Row) (problems []api.LintValue) {
	given, nested := row.Values["values"].(map[string]any)
	if !nested {
		given = row.Values
	}
	values := map[string]string{}
	for name, v := range given {
		switch v := v.(type) {
		case string:
			values[name] = v
		case json.Number, bool:
			values[name] = fmt.Sprint(v)
		}
	}
	if len(m.Values) > 0 {
		for _, name := range m.Placeholders() {
			if _, ok := values[name]; !ok {
				problems = append(problems, lintValue(minapush.Finding{Key: name, Reason: minapush.Reason{Code: minapush.ValueMissing}}))
			}
		}
		m = m.Fill(values)
	} else {
		m.Values = map[string]string{}
		for _, k := range t.Keys {
			if v, ok := values[k.Key]; ok {
				m.Values[k.Key] = v
			}
		}
	}
	if len(problems) > 0 {
		return problems
	}
	for _, f := range t.Fit(m).Findings {
		problems = append(problems, lintValue(f))
	}
	return problems
}

func lintValue(f minapush.Finding) api.LintValue {
	return api.LintValue{Key: f.Key, Reason: &api.Reason{Code: f.Code, Params: f.Params}, Message: f.Message()}
}

func (n *linting) showRows(done lintedRows) error {
	l := n.e.lang()
	if n.asJSON {
		if err := printJSON(n.e.stdout, done); err != nil {
			return err
		}
	} else {
		if done.Refused > 0 {
			t := newTable(n.e.stdout, table.Row{l.say("import.line"), l.say("import.field"), l.say("why")}, 1)
			for _, row := range done.Problems {
				for _, v := range row.Problems {
					why := plainText(v.Message)
					if v.Reason != nil {
						why = plainText(l.finding(v.Reason))
					}
					t.AppendRow(table.Row{row.Line, plainText(v.Key), why})
				}
			}
			t.Render()
			if done.Refused > maxLinted {
				fmt.Fprintln(n.e.stdout, l.say("lint.more"))
			}
		}
		fmt.Fprintf(n.e.stdout, l.say("lint.rows")+"\n", thousands(done.Rows), thousands(done.Refused))
	}
	if done.Refused > 0 {
		return exitError{status: 1}
	}
	return nil
}
