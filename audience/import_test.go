package audience_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/store"
)

func (b *bundle) imported(t testing.TB, f audience.Format, in string) audience.Imported {
	t.Helper()
	sum, err := b.profiles.Import(b.ctx, b.app, reader(t, f, strings.NewReader(in)))
	must(t, err)
	return sum
}

func reader(t testing.TB, f audience.Format, in io.Reader) *audience.Reader {
	t.Helper()
	r, err := audience.NewReader(in, audience.Source{Format: f})
	must(t, err)
	return r
}

func TestRowsOfUsersAreMergedIntoTheirProfiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.profiles.Change(b.ctx, b.app, "oA", func(p *minapush.Profile) error {
		p.UID, p.Tags, p.OptOut = "7", []string{"old"}, minapush.OptOutAll
		p.Attributes = map[string]minapush.Attribute{"gone": number(1), "stays": number(2), "level": number(3)}
		return nil
	})
	must(t, err)
	sum := b.imported(t, audience.NDJSON, `{"openid":"uid:7","tags":["b","a","b"],"attributes":{"gone":null,"level":4,"quiet":false,"city":"北京"}}
		{"openid":"oB","uid":"8","opt_out":"campaigns"}
		{"openid":"uid:8","uid":"","opt_out":null,"tags":null,"attributes":null}
		{"openid":"oC"}`)
	if diff := cmp.Diff(audience.Imported{Rows: 4, Accepted: 4}, sum); diff != "" {
		t.Error(diff)
	}
	want := minapush.Profile{UID: "7", Tags: []string{"a", "b"}, OptOut: minapush.OptOutAll, Version: 2, Attributes: map[string]minapush.Attribute{
		"stays": number(2), "level": number(4), "quiet": flag(0), "city": {Text: "北京"},
	}}
	if diff := cmp.Diff(want, b.profile(t, "oA")); diff != "" {
		t.Error(diff)
	}
	wantEqual(t, b.profile(t, "oB").UID, "")
	wantEqual(t, b.profile(t, "oB").OptOut, minapush.OptOutCampaigns)
	wantEqual(t, b.is(t, "8"), "")
	wantEqual(t, b.profile(t, "oC").Version, 1)
}

func TestColumnsOfATableAreAttributesOfTheTypeThatTheyLookLike(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sum := b.imported(t, audience.CSV, "openid,uid,tags,opt_out,level,zip,quiet,long,exp,neg,phone,city,Yes\n"+
		"oA,0007, vip |new||vip,campaigns,7,0071,true,12345678901234567890,1e3,-0.5,13800138000,北京,True\n"+
		"oB,,,,,,,,,,,,\n"+
		"oC,,|,,NaN,+7,false,0.10,Inf,.5,1_000,,\n")
	if diff := cmp.Diff(audience.Imported{Rows: 3, Accepted: 3}, sum); diff != "" {
		t.Error(diff)
	}
	text := func(s string) minapush.Attribute { return minapush.Attribute{Text: s} }
	want := minapush.Profile{UID: "0007", Tags: []string{"new", "vip"}, OptOut: minapush.OptOutCampaigns, Version: 1, Attributes: map[string]minapush.Attribute{
		"level": number(7), "zip": text("0071"), "quiet": flag(1), "long": text("12345678901234567890"), "exp": text("1e3"), "neg": number(-0.5),
		"phone": number(13800138000), "city": text("北京"), "Yes": text("True"),
	}}
	if diff := cmp.Diff(want, b.profile(t, "oA")); diff != "" {
		t.Error(diff)
	}
	wantEqual(t, len(b.profile(t, "oB").Attributes), 0)
	wantC := map[string]minapush.Attribute{
		"level": text("NaN"), "zip": text("+7"), "quiet": flag(0), "long": text("0.10"), "exp": text("Inf"), "neg": text(".5"), "phone": text("1_000"),
	}
	if diff := cmp.Diff(wantC, b.profile(t, "oC").Attributes); diff != "" {
		t.Error(diff)
	}
}

func TestABadRowOfAUserIsRefusedAlone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]audience.Problem{
		`{"openid":"a b"}`:                         {Field: "openid", Message: "must be printable ASCII without spaces"},
		`{}`:                                       {Field: "openid", Message: "must not be empty"},
		`{"openid":7}`:                             {Field: "openid", Message: "must be a text"},
		`{"openid":"uid:9"}`:                       {Field: "openid", Message: "no user has this uid"},
		`{"openid":"uid:"}`:                        {Field: "openid", Message: `must be UTF-8 of 1 to 64 bytes, not ""`},
		`{"openid":"oB","uid":1}`:                  {Field: "uid", Message: "must be a text"},
		`{"openid":"oB","uid":7}`:                  {Field: "uid", Message: "must be a text"},
		`{"openid":"oB","age":7}`:                  {Field: "age", Message: "is not known here; a row has openid, uid, tags, attributes and opt_out"},
		`{"openid":"oB","tags":7}`:                 {Field: "tags", Message: "must be a list of texts"},
		`{"openid":"oB","tags":"a|b"}`:             {Field: "tags", Message: "must be a list of texts"},
		`{"openid":"oB","tags":["a",null]}`:        {Field: "tags", Message: "must be a list of texts"},
		`{"openid":"oB","tags":["\u0007"]}`:        {Field: "tags", Message: "must not hold control characters"},
		`{"openid":"oB","opt_out":"yes"}`:          {Field: "opt_out", Message: `must be none, campaigns or all, not "yes"`},
		`{"openid":"oB","opt_out":true}`:           {Field: "opt_out", Message: "must be a text"},
		`{"openid":"oB","attributes":[]}`:          {Field: "attributes", Message: "must be an object"},
		`{"openid":"oB","attributes":{"a":[]}}`:    {Field: "attributes.a", Message: "must be a text, a finite number, true, false or null"},
		`{"openid":"oB","attributes":{"a":1e999}}`: {Field: "attributes.a", Message: "must be a text, a finite number, true, false or null"},
		`{"openid":"oB","attributes":{"1":1}}`:     {Field: "attributes", Message: `name "1" must have 1 to 64 letters, digits or _ . - and begin with a letter or _`},
		`{"openid":"oB","uid":"taken"}`:            {Field: "uid", Message: "is the uid of another user"},
		`x`:                                        {Message: "must be a JSON object"},
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			must(t, b.give("oA", "taken"))
			want.Line = 2
			sum := b.imported(t, audience.NDJSON, `{"openid":"oC"}`+"\n"+in+"\n"+`{"openid":"oD"}`)
			if diff := cmp.Diff(audience.Imported{Rows: 3, Accepted: 2, Refused: 1, Problems: []audience.Problem{want}}, sum); diff != "" {
				t.Error(diff)
			}
			_, err := b.st.User(b.ctx, b.app.Shard("oB"), "oB")
			wantEqual(t, minapush.KindOf(err), minapush.NotFound)
		})
	}
}

func TestManyBadRowsAreCountedAndTheFirstNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sum := b.imported(t, audience.NDJSON, strings.Repeat("{}\n", 5000))
	wantEqual(t, sum.Rows, 5000)
	wantEqual(t, sum.Refused, 5000)
	wantEqual(t, len(sum.Problems), audience.MaxProblems)
	for i, p := range sum.Problems {
		wantEqual(t, p.Line, int64(i+1))
	}
}

func TestRowsHaveTheEffectThatTheyHaveOneAfterTheOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.give("oA", "1"))
	var in strings.Builder
	for n := range 2000 { // the same user, again and again
		fmt.Fprintf(&in, `{"openid":"oA","attributes":{"n":%d}}`+"\n", n)
	}
	// One's uid goes to another; two are given the same; one is named by a uid that was given just before.
	in.WriteString(`{"openid":"oB","uid":"1"}` + "\n" + `{"openid":"oA","uid":"2"}` + "\n" + `{"openid":"oC","uid":"1"}` + "\n" + `{"openid":"oD","uid":"1"}` + "\n" +
		`{"openid":"oE","uid":"5"}` + "\n" + `{"openid":"uid:5","tags":["five"]}` + "\n" + `{"openid":"uid:2","tags":["two"]}` + "\n")
	sum := b.imported(t, audience.NDJSON, in.String())
	wantEqual(t, b.profile(t, "oA").Attributes["n"], number(1999))
	wantEqual(t, b.profile(t, "oA").Tags[0], "two")
	wantEqual(t, b.profile(t, "oE").Tags[0], "five")
	wantEqual(t, sum.Rows, 2007)
	wantEqual(t, b.is(t, "1") != "", true)
	wantEqual(t, b.is(t, "2"), "oA")
	holders := 0
	for _, o := range []minapush.OpenID{"oB", "oC", "oD"} {
		u, err := b.st.User(b.ctx, b.app.Shard(o), o)
		if err == nil && u.Profile.UID == "1" {
			holders++
		}
	}
	wantEqual(t, holders, 1)
}

func TestAUIDHandedOnWithinAnImportArrives(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var give, rotate strings.Builder
	for n := range 100 {
		fmt.Fprintf(&give, `{"openid":"o%d","uid":"u%d"}`+"\n", n, n)
		fmt.Fprintf(&rotate, `{"openid":"o%d","uid":"u%d"}`+"\n", n, n+1000)
		fmt.Fprintf(&rotate, `{"openid":"p%d","uid":"u%d"}`+"\n", n, n)
	}
	b.imported(t, audience.NDJSON, give.String())
	if diff := cmp.Diff(audience.Imported{Rows: 200, Accepted: 200}, b.imported(t, audience.NDJSON, rotate.String())); diff != "" {
		t.Error(diff)
	}
	for n := range 100 {
		wantEqual(t, b.is(t, fmt.Sprintf("u%d", n)), minapush.OpenID(fmt.Sprintf("p%d", n)))
	}
}

// manyUsers makes rows of users as they are read.
func manyUsers(n int) io.Reader {
	at := 0
	return &generated{next: func() (string, bool) {
		at++
		return fmt.Sprintf(`{"openid":"oUser%08d","uid":"%d","tags":["t%d"],"attributes":{"level":%d}}`+"\n", at, at, at%7, at%100), at <= n
	}}
}

type generated struct {
	next func() (string, bool)
	rest string
}

func (g *generated) Read(p []byte) (int, error) {
	if g.rest == "" {
		line, more := g.next()
		if !more {
			return 0, io.EOF
		}
		g.rest = line
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

func TestAnImportKilledHalfWayIsCompletedByRepeatingIt(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	b := setup(t)
	broken := errors.New("broken")
	half := io.MultiReader(io.LimitReader(manyUsers(rows), 777_777), iotest.ErrReader(broken))
	first, err := b.profiles.Import(b.ctx, b.app, reader(t, audience.NDJSON, half))
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if first.Accepted != first.Rows || first.Rows < 5000 || first.Rows > rows-5000 {
		t.Fatalf("the first half is %+v", first)
	}
	again, err := b.profiles.Import(b.ctx, b.app, reader(t, audience.NDJSON, manyUsers(rows)))
	must(t, err)
	want := audience.Imported{Rows: rows, Accepted: rows - first.Accepted, Duplicate: first.Accepted}
	if diff := cmp.Diff(want, again); diff != "" {
		t.Error(diff)
	}
	wantEqual(t, b.is(t, "20000"), "oUser00020000")
}

// counted keeps one profile of everybody and counts, so that the store's memory is no part of a measurement.
type counted struct {
	mu   sync.Mutex
	puts int
	most uint64 // bytes of heap in use, looked at now and then
	fail func(puts int) error
}

func (c *counted) User(context.Context, minapush.Shard, minapush.OpenID) (store.User, error) {
	return store.User{}, minapush.NotFound
}

func (c *counted) PutProfile(context.Context, minapush.Shard, minapush.OpenID, minapush.Profile, time.Time) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.puts++
	if c.puts%(10_000/scale) == 0 {
		c.most = max(c.most, heap())
	}
	if c.fail != nil {
		return 1, c.fail(c.puts)
	}
	return 1, nil
}

func (c *counted) NoteEvents(
	context.Context, minapush.Shard, minapush.OpenID, []minapush.NamedEvent, bool, time.Time,
) ([]store.EventNoted, error) {
	return nil, nil
}

func (c *counted) BindUID(context.Context, minapush.Shard, string, minapush.OpenID, minapush.OpenID) error {
	return nil
}

func (c *counted) UnbindUID(context.Context, minapush.Shard, string, minapush.OpenID) error {
	return nil
}

func (c *counted) UID(context.Context, minapush.Shard, string) (minapush.OpenID, error) {
	return "", minapush.NotFound
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestAnImportOfManyUsersTakesLittleMemory is not parallel: it looks at the whole heap.
func TestAnImportOfManyUsersTakesLittleMemory(t *testing.T) {
	b := setup(t)
	st := &counted{}
	before := heap()
	sum, err := b.over(t, st).Import(b.ctx, b.app, reader(t, audience.NDJSON, manyUsers(100_000/scale)))
	must(t, err)
	wantEqual(t, sum.Accepted, 100_000/scale)
	if st.most > before+8<<20 {
		t.Errorf("the heap grew by %d bytes", st.most-before)
	}
}

func TestAStoreThatFailsEndsTheImport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	st := &counted{fail: func(puts int) error {
		if puts > 2000 {
			return minapush.Unavailable
		}
		return nil
	}}
	sum, err := b.over(t, st).Import(b.ctx, b.app, reader(t, audience.NDJSON, manyUsers(10_000)))
	wantEqual(t, minapush.KindOf(err), minapush.Unavailable)
	wantEqual(t, sum.Rows, 2000)
	wantEqual(t, sum.Accepted, 2000)
}

func TestAnImportEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(b.ctx)
	st := &counted{fail: func(puts int) error {
		if puts == 1000 {
			cancel()
		}
		return nil
	}}
	sum, err := b.over(t, st).Import(ctx, b.app, reader(t, audience.NDJSON, manyUsers(1_000_000)))
	wantEqual(t, errors.Is(err, context.Canceled), true)
	if sum.Rows < 512 || sum.Rows > 2000 {
		t.Errorf("%d rows were imported", sum.Rows)
	}
}
