package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/store"
)

const (
	// blockBytes is about how much of a list is in memory at a time, twice: while one block is added the next is read.
	blockBytes = 8 << 20
	// rowBytes is what a row takes beside its texts, roughly.
	rowBytes = 200
	// addLimit is how many users one step adds to a shard.
	addLimit = 500
	// addAtOnce is how many shards, or users with a uid, are worked on at a time.
	addAtOnce = 16
	// maxProblems is how many refused rows are named.
	maxProblems = 100
	// maxValue is the longest value of a placeholder, in bytes.
	maxValue = 1024
)

// FillList puts users on the list of a campaign that was not started: rows of openid (or uid:…) and the values of the message's
// placeholders: in NDJSON {"openid": …, "values": {…}}, in CSV one column each. A row without a value that the message asks for is
// refused, and so is one whose values its template does not take; values that the message does not ask for are not kept. Repeating is
// safe. What the answer counts is durable, beside an error too. Errors: NotFound; Conflict (it was started, or has no list); those of the
// reader.
func (c *Campaigns) FillList(ctx context.Context, app minapush.App, id string, rows *audience.Reader) (audience.Imported, error) {
	m, err := c.Get(ctx, app.ID, id)
	switch {
	case err != nil:
		return audience.Imported{}, err
	case !m.Audience.List:
		return audience.Imported{}, &minapush.Error{Kind: minapush.Conflict, Field: "audience", Err: errors.New("the campaign was made without a list")}
	case m.State != minapush.Scheduled:
		return audience.Imported{}, wrongState(m, "given a list")
	}
	rules, err := c.rules(ctx, m)
	if err != nil {
		return audience.Imported{}, err
	}
	f := &filling{Campaigns: c, app: app, campaign: id, names: m.Message.Placeholders(), message: m.Message, rules: rules}
	err = f.fill(ctx, rows)
	return f.done, err
}

// Listed counts the list of a campaign; 0 for one without a list.
func (c *Campaigns) Listed(ctx context.Context, app minapush.App, id string) (int64, error) {
	n, err := c.st.CountListed(ctx, app.Number, app.Shards, id)
	if err != nil {
		return 0, fmt.Errorf("count the list of campaign %s: %w", id, err)
	}
	return n, nil
}

// countList counts the list of a campaign that may be started.
func (c *Campaigns) countList(ctx context.Context, app minapush.App, m minapush.Campaign) (int64, error) {
	if !m.Audience.List || m.State != minapush.Scheduled {
		return 0, nil
	}
	return c.Listed(ctx, app, m.ID)
}

// filling is one FillList under way.
type filling struct {
	*Campaigns
	app      minapush.App
	campaign string
	names    []string // of the placeholders
	message  minapush.Message
	rules    minapush.Template
	done     audience.Imported
}

// listRow is one row on its way to the list.
type listRow struct {
	line   int64
	name   string // as the row names the user
	openid minapush.OpenID
	values map[string]string
	bad    *audience.Problem // why the row is refused
	put    bool              // it is on the list, and added tells that this row put it there
	added  bool
}

// fill reads a block while the one before it is being added. Blocks are added in order, so that of two rows of a user the first stays.
func (f *filling) fill(ctx context.Context, rows *audience.Reader) error {
	added := make(chan error, 1)
	added <- nil
	for more := true; more; {
		var block []listRow
		var err error
		block, more, err = f.read(ctx, rows)
		if e := <-added; e != nil {
			return e
		}
		if err != nil {
			return err
		}
		go func() { added <- f.add(ctx, block) }()
	}
	return <-added
}

// read reads a block; more tells that the rows go on.
func (f *filling) read(ctx context.Context, rows *audience.Reader) (block []listRow, more bool, err error) {
	for size := 0; size < blockBytes; {
		if err := ctx.Err(); err != nil {
			return nil, false, minapush.Errorf(minapush.Unavailable, "list of campaign %s: %w", f.campaign, err)
		}
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return block, false, nil
		}
		var l listRow
		var bad *audience.Problem
		switch {
		case errors.As(err, &bad):
			l = listRow{line: bad.Line, bad: bad}
		case err != nil:
			return nil, false, err
		default:
			l = f.row(row)
		}
		block = append(block, l)
		size += rowBytes + len(l.name)
		for name, v := range l.values {
			size += len(name) + len(v)
		}
	}
	return block, true, nil
}

// row takes of a row what the list keeps.
func (f *filling) row(r audience.Row) listRow {
	l := listRow{line: r.Line}
	name, ok := r.Values["openid"].(string)
	if !ok || name == "" {
		l.refuse("openid", "is missing")
		return l
	}
	l.name = strings.Clone(name) // the row, of which it may be a part, is let go
	given, nested := r.Values["values"].(map[string]any)
	if !nested {
		given = r.Values
	}
	size := 0
	for _, name := range f.names {
		field := "values." + name
		v, what := text(given[name])
		if what == "" && (len(v) > maxValue || !utf8.ValidString(v)) {
			what = fmt.Sprintf("must be UTF-8 of at most %d bytes", maxValue)
		}
		if what != "" {
			l.refuse(field, what)
			return l
		}
		if l.values == nil {
			l.values = make(map[string]string, len(f.names))
		}
		l.values[name] = strings.Clone(v)
		size += len(name) + len(v)
	}
	if size > store.MaxListedValues {
		l.refuse("values", fmt.Sprintf("must have at most %d bytes together, have %d", store.MaxListedValues, size))
		return l
	}
	f.fit(&l)
	return l
}

// text makes a text of a value, or says what is wrong with it.
func text(v any) (s, what string) {
	switch v := v.(type) {
	case string:
		return v, ""
	case json.Number:
		return v.String(), ""
	case bool:
		return strconv.FormatBool(v), ""
	case nil:
		return "", "is missing; the message asks for it"
	}
	return "", "must be a text, a number, true or false"
}

func (l *listRow) refuse(field, what string) {
	l.values, l.bad = nil, &audience.Problem{Line: l.line, Field: field, Message: what}
}

// add finds the users of a block and puts them on the list.
func (f *filling) add(ctx context.Context, block []listRow) error {
	if err := f.find(ctx, block); err != nil {
		return err
	}
	err := f.put(ctx, block)
	for i := range block {
		f.count(&block[i])
	}
	return err
}

// count counts a row that was dealt with; after an error some were not.
func (f *filling) count(l *listRow) {
	switch {
	case l.bad != nil:
		f.done.Refused++
		if len(f.done.Problems) < maxProblems {
			f.done.Problems = append(f.done.Problems, *l.bad)
		}
	case !l.put:
		return
	case l.added:
		f.done.Accepted++
	default:
		f.done.Duplicate++
	}
	f.done.Rows++
}

// find turns names into openids.
func (f *filling) find(ctx context.Context, block []listRow) error {
	finding, ctx := errgroup.WithContext(ctx)
	for first := range addAtOnce {
		finding.Go(func() error {
			for i := first; i < len(block); i += addAtOnce {
				l := &block[i]
				if l.bad != nil {
					continue
				}
				o, err := f.people.OpenID(ctx, f.app, l.name)
				switch minapush.KindOf(err) {
				case minapush.Invalid:
					l.refuse("openid", cause(err))
				case minapush.NotFound:
					l.refuse("openid", "nobody has this uid")
				default:
					if err != nil {
						return err
					}
				}
				l.openid = o
			}
			return nil
		})
	}
	return finding.Wait()
}

// cause is what an error says beside its field.
func cause(err error) string {
	var e *minapush.Error
	if errors.As(err, &e) && e.Err != nil {
		return e.Err.Error()
	}
	return err.Error()
}

// put adds the users of a block shard by shard, several shards at a time.
func (f *filling) put(ctx context.Context, block []listRow) error {
	byShard := map[minapush.Shard][]*listRow{}
	for i := range block {
		if l := &block[i]; l.bad == nil {
			s := f.app.Shard(l.openid)
			byShard[s] = append(byShard[s], l)
		}
	}
	putting, ctx := errgroup.WithContext(ctx)
	putting.SetLimit(addAtOnce)
	for shard, rows := range byShard {
		putting.Go(func() error {
			for len(rows) > 0 {
				n := min(len(rows), addLimit)
				if err := f.putSome(ctx, shard, rows[:n]); err != nil {
					return err
				}
				rows = rows[n:]
			}
			return nil
		})
	}
	return putting.Wait()
}

func (f *filling) putSome(ctx context.Context, shard minapush.Shard, rows []*listRow) error {
	users := make([]store.Listed, len(rows))
	for i, l := range rows {
		users[i] = store.Listed{OpenID: l.openid, Values: l.values}
	}
	added, err := f.st.AddListed(ctx, shard, f.campaign, users)
	if errors.Is(err, minapush.Conflict) {
		return &minapush.Error{Kind: minapush.Conflict, Field: "state", Err: errors.New("the campaign was started while its list was being filled")}
	}
	if err != nil {
		return fmt.Errorf("list of campaign %s: %w", f.campaign, err)
	}
	for i, l := range rows {
		l.put, l.added = true, added[i]
	}
	return nil
}
