package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// rowFlags say how a table is written, and where its refused rows go.
type rowFlags struct{ format, charset, errors string }

func (f *rowFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.format, "format", "", "how the rows are written: csv or ndjson (default: as the file's name ends)")
	flags.StringVar(&f.charset, "charset", "", "of csv: utf-8 (default) or gb18030, of which GBK and GB2312 are parts")
	flags.StringVar(&f.errors, "errors", "", "file for the refused rows that the server named: line, field, reason")
}

// rowSource is a table on its way to the server.
type rowSource struct {
	io.ReadCloser
	size int64 // in bytes; 0: not known
	rows client.Rows
}

// openTable begins to read a table from a file; "-" is stdin.
func (f *rowFlags) openTable(e *env, path string) (*rowSource, error) {
	format, err := formatOf(f.format, path)
	if err != nil {
		return nil, err
	}
	s := &rowSource{rows: client.Rows{Type: api.NDJSONType}}
	switch {
	case format == "":
		return nil, fmt.Errorf("--format: must be csv or ndjson, since the name %s does not tell", path)
	case format == formatCSV:
		s.rows.Type = api.CSVType
	}
	switch strings.ToLower(f.charset) {
	case "", "utf-8", "utf8":
	case "gb18030", "gbk", "gb2312":
		s.rows.Charset = "gb18030"
		if format != formatCSV {
			return nil, errors.New("--charset: is for csv; ndjson is always utf-8")
		}
	default:
		return nil, fmt.Errorf("--charset: must be utf-8 or gb18030, not %q", f.charset)
	}
	if path == "-" {
		s.ReadCloser = io.NopCloser(e.stdin)
		return s, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		s.size = info.Size()
	}
	s.ReadCloser = file
	return s, nil
}

// importing is one table on its way to the server.
type importing struct {
	*remote
	rowFlags
	path string
	// goOn is the command that goes on where this one was ended.
	goOn string
	// always tells to say so even if the server refused the call as a whole.
	always bool
}

// refusals takes down the rows that the server named as refused.
type refusals struct {
	file *outFile // nil: nobody asked for them
	rows *rowWriter
	err  error
}

// newRefusals begins the file of --errors, with a column for each name.
func (i *importing) newRefusals(names ...string) (*refusals, error) {
	if i.errors == "" {
		return &refusals{}, nil
	}
	format, err := formatOf("", i.errors)
	if err != nil {
		return nil, err
	}
	if format == "" {
		format = formatCSV
	}
	file, err := i.e.create(i.errors, true)
	if err != nil {
		return nil, err
	}
	rows, err := newRowWriter(file, format, names...)
	if err != nil {
		file.drop()
		return nil, err
	}
	return &refusals{file: file, rows: rows}, nil
}

func (r *refusals) add(problems []api.RowProblem) {
	for _, p := range problems {
		r.write(p, func() []string {
			return []string{strconv.FormatInt(p.Line, 10), plainText(p.Field), plainText(p.Message)}
		})
	}
}

// write takes one down: the object, or its cells.
func (r *refusals) write(object any, cells func() []string) {
	if r.file != nil && r.err == nil {
		r.err = r.rows.write(object, cells)
	}
}

// keep ends the file, also of an import that was ended early.
func (r *refusals) keep() error {
	if r.file == nil {
		return nil
	}
	defer r.file.drop()
	if r.err == nil {
		r.err = r.rows.flush()
	}
	if r.err == nil {
		r.err = r.file.keep()
	}
	return r.err
}

// send reads the table, lets f send it, and shows how far it is. After an error it tells how to go on.
func (i *importing) send(ctx context.Context, f func(ctx context.Context, rows *rowSource) error) error {
	rows, err := i.openTable(i.e, i.path)
	if err != nil {
		return err
	}
	defer rows.Close()
	refused, err := i.newRefusals("line", "field", "reason")
	if err != nil {
		return err
	}
	l, m, sent := i.e.lang(), newMeter(i.e.stderr, i.asJSON), false
	rows.rows.Progress = func(p client.Progress) {
		sent = true
		refused.add(p.LastRefused)
		m.at(p.Bytes, rows.size, l.rowsText(p.ImportAnswer))
	}
	err = f(ctx, rows)
	m.end(err == nil)
	err = errors.Join(err, refused.keep())
	if err != nil && (sent || i.always || !refusedWhole(err)) {
		fmt.Fprintf(i.e.stderr, l.say("import.go_on")+"\n  %s\n", i.goOn)
	}
	return err
}

// refusedWhole tells that the server would refuse the same call again.
func refusedWhole(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests
}

// rowsText says in a line how far an import is.
func (l language) rowsText(a api.ImportAnswer) string {
	text := fmt.Sprintf(l.say("import.rows"), thousands(a.Rows))
	if a.Refused > 0 {
		text += "  " + l.say("import.refused") + " " + thousands(a.Refused)
	}
	return text
}

// maxShown is how many refused rows are shown on the screen.
const maxShown = 20

// showRows prints what became of the rows, and makes the exit status.
func (i *importing) showRows(answer any, a api.ImportAnswer, counts ...string) error {
	if i.asJSON {
		if err := printJSON(i.e.stdout, answer); err != nil {
			return err
		}
	} else {
		i.printRows(a, counts)
	}
	if a.Refused > 0 {
		return exitError{2, fmt.Errorf("%s of %s rows were refused", thousands(a.Refused), thousands(a.Rows))}
	}
	return nil
}

func (i *importing) printRows(a api.ImportAnswer, counts []string) {
	l := i.e.lang()
	values := map[string]int64{
		"accepted": a.Accepted, "added": a.Accepted, "changed": a.Accepted, "duplicate": a.Duplicate, "same": a.Duplicate,
		"evicted": a.Evicted, "refused": a.Refused,
	}
	t := newTable(i.e.stdout, table.Row{l.say("import.row"), l.say("import.count")}, 2)
	for _, name := range counts {
		t.AppendRow(table.Row{l.say("import." + name), thousands(values[name])})
	}
	t.AppendFooter(table.Row{l.say("sum"), thousands(a.Rows)})
	t.Render()
	if a.Refused == 0 {
		return
	}
	t = newTable(i.e.stdout, table.Row{l.say("import.line"), l.say("import.field"), l.say("why")}, 1)
	for _, p := range a.Problems[:min(len(a.Problems), maxShown)] {
		t.AppendRow(table.Row{p.Line, p.Field, p.Message})
	}
	t.Render()
	if more := a.Refused - int64(min(len(a.Problems), maxShown)); more > 0 {
		fmt.Fprintf(i.e.stdout, l.say("import.more")+"\n", thousands(more))
	}
}

// remoteFlagNames are the flags by which a command finds its server and app.
var remoteFlagNames = []string{"server", "key-file", "key", "app", configFlag, "json"}

// commandLine writes a command as a shell takes it, with those of cmd's flags that were given on the command line and are among keep.
func commandLine(cmd *cobra.Command, words []string, keep ...string) string {
	line := []string{"minapush"}
	for _, w := range words {
		line = append(line, quoted(w))
	}
	for _, name := range keep {
		f := cmd.Flags().Lookup(name)
		if f == nil || !f.Changed {
			continue
		}
		if from, _ := originOf(f); from != fromFlag {
			continue
		}
		switch {
		case name == "key":
			line = append(line, `--key "$MINAPUSH_KEY"`) // secrets are not repeated
		case name == "from-recipe" && strings.Contains(f.Value.String(), "@"):
			line = append(line, `--from-recipe "$MINAPUSH_FROM_RECIPE"`)
		case f.Value.Type() == "bool":
			line = append(line, "--"+name+"="+f.Value.String())
		default:
			line = append(line, "--"+name, quoted(f.Value.String()))
		}
	}
	return strings.Join(line, " ")
}

// quoted is a word as a shell takes it.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
