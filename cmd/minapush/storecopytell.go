package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// copyMeter shows how far a copy is: by the shards whose users were seen, first those that are copied, then those that are read back.
type copyMeter struct {
	*meter
	l           language
	before      map[uint32]int64 // shards of apps with lower numbers
	shards      map[uint32]int64
	of          int64 // shards of all apps
	halves      [2]int64
	users, rows [2]int64
}

func newCopyMeter(c *storeCopy, apps []minapush.App) *copyMeter {
	m := &copyMeter{meter: newMeter(c.e.stderr, c.asJSON), l: c.e.lang(), before: map[uint32]int64{}, shards: map[uint32]int64{}}
	m.eachSecond = true
	sorted := slices.SortedFunc(slices.Values(apps), func(a, b minapush.App) int { return cmp.Compare(a.Number, b.Number) })
	for _, app := range sorted {
		m.before[app.Number], m.shards[app.Number] = m.of, int64(app.Shards)
		m.of += int64(app.Shards)
	}
	return m
}

func (m *copyMeter) tell(p store.Piece, read bool) {
	half := 0
	if read {
		half = 1
		m.halves[0] = m.of
	}
	m.users[half] += int64(len(p.Users))
	m.rows[half] += int64(len(p.Rows))
	if len(p.Users) > 0 {
		n := m.before[p.Shard.App] + min(int64(p.Shard.N), m.shards[p.Shard.App])
		m.halves[half] = max(m.halves[half], n)
	}
	text := fmt.Sprintf(m.l.say("copy.copied"), thousands(m.users[0]), thousands(m.rows[0]))
	if read {
		text = fmt.Sprintf(m.l.say("copy.compared"), thousands(m.users[1]), thousands(m.users[0]))
	}
	m.at(m.halves[0]+m.halves[1], 2*m.of, text)
}

// copied is the answer of --json.
type copied struct {
	From     string       `json:"from"`
	To       string       `json:"to"`
	CopiedAt time.Time    `json:"copied_at"`
	Apps     []string     `json:"apps"`
	Shards   int          `json:"shards,omitempty"`
	Same     bool         `json:"same"`
	Wrote    copiedCounts `json:"from_counts"`
	Read     copiedCounts `json:"to_counts"`
	Sums     []copiedSum  `json:"checksums"`
}

type copiedCounts struct {
	Users     int64            `json:"users"`
	Uses      map[string]int64 `json:"uses"`
	Rows      map[string]int64 `json:"rows"`
	Documents int64            `json:"documents"`
	Listed    int64            `json:"listed"`
	UIDs      int64            `json:"uids"`
	Keys      int64            `json:"idempotency_keys"`
}

// copiedSum is the checksum of one shard, with --shards of one app, or of the documents.
type copiedSum struct {
	Of    string `json:"of"` // documents, app or shard
	App   uint32 `json:"app,omitempty"`
	Shard uint32 `json:"shard"`
	From  string `json:"from"`
	To    string `json:"to"`
}

func countsOf(c *store.Contents) copiedCounts {
	n := copiedCounts{
		Users: c.Users, Documents: c.Documents, Listed: c.Places, UIDs: c.UIDs, Keys: c.Keys, Rows: map[string]int64{},
		Uses: map[string]int64{
			"available": c.Permits.Available, "held": c.Permits.Held, "suspect": c.Permits.Suspect, "spent": c.Permits.Spent,
			"dead": c.Permits.Dead, "expired": c.Permits.Expired, "evicted": c.Permits.Evicted,
		},
	}
	for o, of := range c.Rows {
		n.Rows[minapush.Outcome(o).String()] = of
	}
	return n
}

func (c *storeCopy) sums(wrote, read *store.Contents) (list []copiedSum) {
	from, to := wrote.Digests(), read.Digests()
	seen := map[minapush.Shard]bool{}
	for s := range from {
		seen[s] = true
	}
	for s := range to {
		seen[s] = true
	}
	for s := range seen {
		x := copiedSum{Of: "shard", App: s.App, Shard: s.N, From: from[s].String(), To: to[s].String()}
		switch {
		case s.App == 0:
			x.Of = "documents"
		case c.shards > 0:
			x.Of = "app"
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b copiedSum) int { return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Shard, b.Shard)) })
	return list
}

// tell says what is there now, and what to do next.
func (c *storeCopy) tell(apps []minapush.App, at time.Time, wrote, read *store.Contents, same bool) error {
	done := copied{
		From: hidePassword(c.from.at), To: hidePassword(c.to.at), CopiedAt: at, Apps: []string{}, Shards: c.shards, Same: same,
		Wrote: countsOf(wrote), Read: countsOf(read), Sums: c.sums(wrote, read),
	}
	for _, app := range apps {
		done.Apps = append(done.Apps, string(app.ID))
	}
	if c.asJSON {
		return printJSON(c.e.stdout, done)
	}
	l, w := c.e.lang(), c.e.stdout
	c.table(done)
	good := 0
	for _, s := range done.Sums {
		if s.From == s.To {
			good++
		} else {
			fmt.Fprintf(w, "%s %d/%d: %s, %s\n", l.say("copy.differs"), s.App, s.Shard, s.From, s.To)
		}
	}
	fmt.Fprintf(w, l.say("copy.sums")+"\n", good, len(done.Sums))
	if !same {
		return nil
	}
	fmt.Fprintf(w, l.say("copy.done")+"\n", done.To, strings.Join(done.Apps, " "))
	fmt.Fprintln(w, l.say("copy.key"))
	fmt.Fprintln(w, l.say("copy.stopped"))
	fmt.Fprintln(w, "  minapush serve --store "+quoted(done.To)+" --sealing-key-file FILE")
	for _, app := range done.Apps {
		fmt.Fprintf(w, "  minapush apps go %s\n", app)
	}
	return nil
}

// table puts both sides beside each other.
func (c *storeCopy) table(done copied) {
	l := c.e.lang()
	t := newTable(c.e.stdout, table.Row{"", "FROM", "TO"}, 2, 3)
	row := func(name string, from, to int64) {
		mark := ""
		if from != to {
			mark = " ≠"
		}
		t.AppendRow(table.Row{name, thousands(from), thousands(to) + mark})
	}
	row(l.say("users"), done.Wrote.Users, done.Read.Users)
	for _, name := range []string{"available", "held", "suspect", "spent", "dead", "expired", "evicted"} {
		row(l.say("permit")+": "+l.say(name), done.Wrote.Uses[name], done.Read.Uses[name])
	}
	for _, name := range append([]string{"pending"}, outcomeNames()...) {
		row(l.say("delivery")+": "+l.say(name), done.Wrote.Rows[name], done.Read.Rows[name])
	}
	row(l.say("copy.listed"), done.Wrote.Listed, done.Read.Listed)
	row(l.say("copy.uids"), done.Wrote.UIDs, done.Read.UIDs)
	row(l.say("copy.keys"), done.Wrote.Keys, done.Read.Keys)
	row(l.say("copy.documents"), done.Wrote.Documents, done.Read.Documents)
	t.Render()
}
