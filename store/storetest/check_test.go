package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// corrupt shows a model's contents with something wrong in it, as a store with a bug would.
type corrupt struct {
	store.Store
	users    func(*store.User)
	rows     func([]minapush.Delivery) []minapush.Delivery
	flow     func(map[minapush.PermitKind]minapush.Counts)
	progress func(*store.Progress)
	listed   func(int64) int64
	err      error
}

func (c corrupt) Walk(ctx context.Context, s minapush.Shard, after minapush.OpenID, limit int, beside ...string) ([]store.User, error) {
	users, err := c.Store.Walk(ctx, s, after, limit, beside...)
	for i := range users {
		if c.users != nil {
			c.users(&users[i])
		}
	}
	return users, errors.Join(err, c.err)
}

func (c corrupt) List(ctx context.Context, s minapush.Shard, batch string, after store.Ref, scan int, match *minapush.Outcome) ([]minapush.Delivery, store.Ref, bool, error) {
	rows, next, more, err := c.Store.List(ctx, s, batch, after, scan, match)
	if c.rows != nil {
		rows = c.rows(rows)
	}
	return rows, next, more, err
}

func (c corrupt) Flow(ctx context.Context, s minapush.Shard) (map[minapush.PermitKind]minapush.Counts, error) {
	flow, err := c.Store.Flow(ctx, s)
	if c.flow != nil {
		c.flow(flow)
	}
	return flow, err
}

func (c corrupt) Progress(ctx context.Context, app uint32, shards int, batch string) (store.Progress, error) {
	p, err := c.Store.Progress(ctx, app, shards, batch)
	if c.progress != nil && batch == "c" {
		c.progress(&p)
	}
	return p, err
}

func (c corrupt) CountListed(ctx context.Context, app uint32, shards int, campaign string) (int64, error) {
	n, err := c.Store.CountListed(ctx, app, shards, campaign)
	if c.listed != nil {
		n = c.listed(n)
	}
	return n, err
}

// user changes one user.
func user(o minapush.OpenID, change func(*store.User)) corrupt {
	return corrupt{users: func(u *store.User) {
		if u.OpenID == o {
			change(u)
		}
	}}
}

// row changes the row of one user in the campaign.
func row(o minapush.OpenID, change func(*minapush.Delivery)) corrupt {
	return corrupt{rows: func(rows []minapush.Delivery) []minapush.Delivery {
		for i := range rows {
			if rows[i].OpenID == o && rows[i].Batch == "c" {
				change(&rows[i])
			}
		}
		return rows
	}}
}

func progress(change func(*store.Progress)) corrupt { return corrupt{progress: change} }

func flow(change func(*minapush.Counts)) corrupt {
	return corrupt{flow: func(flow map[minapush.PermitKind]minapush.Counts) {
		c := flow[minapush.FormID]
		change(&c)
		flow[minapush.FormID] = c
	}}
}

var (
	checkedApp   = minapush.App{Number: 3, Shards: 2}
	checkedScope = storetest.Scope{
		Apps: []minapush.App{checkedApp}, Batches: map[uint32][]string{3: {"c", "l", minapush.PushBatch(checkedAt)}},
		Kept: map[uint32][]string{3: {"l"}},
	}
	checkedAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// checkedTold is a user of shard 0, after those of checkedUsers, of whom only a profile is known.
func checkedTold() minapush.OpenID { return checkedOpenID("h") }

// checkedOpenID is one of shard 0 that begins so.
func checkedOpenID(name string) minapush.OpenID {
	for i := 0; ; i++ {
		if o := minapush.OpenID(fmt.Sprintf("%s%04d", name, i)); checkedApp.Shard(o).N == 0 {
			return o
		}
	}
}

// checkedUsers are users of shard 0: a has a message accepted, b has one held, c one being sent, d one suspected, e waits, f has a
// push in hand, g was skipped. The platform spoke of the messages of a and c. The list of another campaign, which is done, had one user who has opted out, h, and one who is unknown.
func checkedUsers() []minapush.OpenID {
	var users []minapush.OpenID
	for i := 0; len(users) < 7; i++ {
		o := minapush.OpenID(fmt.Sprintf("%c%04d", 'a'+len(users), i))
		if checkedApp.Shard(o).N == 0 {
			users = append(users, o)
		}
	}
	return users
}

// checked makes a sound model.
func checked(t *testing.T) *storetest.Model {
	t.Helper()
	m := storetest.NewModel(func() time.Time { return checkedAt })
	ctx, s := t.Context(), minapush.Shard{App: 3}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	users := checkedUsers()
	for i, o := range users {
		form := minapush.Permit{Kind: minapush.FormID, Identity: "1", Uses: 1, TakenAt: checkedAt.Add(-time.Hour), ExpiresAt: checkedAt.Add(24 * time.Hour)}
		pay := form
		pay.Kind, pay.Uses, pay.ExpiresAt = minapush.PrepayID, 3, checkedAt.Add(48*time.Hour)
		d := store.Deposit{Now: checkedAt.Add(-time.Hour), Permits: []minapush.Permit{form, pay}}
		if i == 6 {
			d.Permits = []minapush.Permit{{Kind: minapush.Standing, Template: "t", Identity: "s", TakenAt: form.TakenAt}}
		}
		_, err := m.Deposit(ctx, s, o, d)
		must(err)
	}
	need := store.Need{Kind: minapush.LegacyTemplate, Template: "t"}
	a, err := m.ReservePush(ctx, s, store.Push{Batch: minapush.PushBatch(checkedAt), ID: "p", OpenID: users[5], Attempt: 1, Need: need, Now: checkedAt, Deadline: checkedAt.Add(time.Hour)})
	must(err)
	if a.Status != store.PushReserved {
		t.Fatalf("push %+v", a)
	}
	l, err := m.Acquire(ctx, s, "node", time.Hour)
	must(err)
	r, err := m.ReserveBatch(ctx, l, store.Batch{Campaign: "c", Need: need, Started: checkedAt, Now: checkedAt, Limit: 100})
	must(err)
	if len(r.Rows) != 5 {
		t.Fatalf("reserved %+v", r)
	}
	_, err = m.PutProfile(ctx, s, checkedTold(), minapush.Profile{UID: "1", OptOut: minapush.OptOutAll}, checkedAt)
	must(err)
	_, err = m.AddListed(ctx, s, "l", []store.Listed{{OpenID: checkedTold()}, {OpenID: "z"}})
	must(err)
	for n := range uint32(checkedApp.Shards) {
		other := l
		if n > 0 {
			other, err = m.Acquire(ctx, minapush.Shard{App: 3, N: n}, "node", time.Hour)
			must(err)
		}
		_, err = m.ReserveBatch(ctx, other, store.Batch{Campaign: "l", Need: need, Started: checkedAt, Now: checkedAt, Limit: 100, Listed: true, KeepSkipped: true})
		must(err)
	}
	refs := make([]store.Ref, 5)
	for i, d := range r.Rows {
		refs[i] = store.RefOf(d)
	}
	_, err = m.Mark(ctx, l, []store.Ref{refs[0], refs[2], refs[3]}, checkedAt)
	must(err)
	must(m.Settle(ctx, l, []store.Settlement{
		{Ref: refs[0], Outcome: minapush.Accepted, Permit: store.Spend, Now: checkedAt},
		{Ref: refs[3], Permit: store.SuspectUse, Reason: "43101", Now: checkedAt},
		{Ref: refs[4], NotBefore: checkedAt, Now: checkedAt},
	}))
	word := store.Confirmation{Word: minapush.Delivered, MsgID: 9, Status: "success", At: checkedAt}
	for _, o := range []minapush.OpenID{users[0], users[2]} { // accepted, and being sent
		_, _, err = m.Confirm(ctx, s, "c", o, "", word)
		must(err)
	}
	_, err = m.Void(ctx, s, checkedOpenID("y"), "t", checkedAt, checkedAt)
	must(err)
	return m
}

// confirmed gives a row a word.
func confirmed(d *minapush.Delivery) {
	d.Confirmed, d.ConfirmedAt, d.MsgID = minapush.Delivered, checkedAt, 9
}

func TestCheckPassesASoundStore(t *testing.T) {
	storetest.MustCheck(t, checked(t), checkedScope)
}

func TestCheckNamesEachViolation(t *testing.T) {
	u := checkedUsers()
	h := checkedTold()
	a, b, c, d, e, g := u[0], u[1], u[2], u[3], u[4], u[6]
	for name, tc := range map[string]struct {
		bug  corrupt
		want string
	}{
		"counts that do not close":         {user(a, func(u *store.User) { u.Counts.Spent-- }), "I1 user \"" + string(a) + "\" of shard 3/0: counts do not close"},
		"a negative count":                 {user(a, func(u *store.User) { u.Counts.Dead--; u.Counts.Spent++ }), "a count is negative"},
		"a use that nobody has":            {user(a, func(u *store.User) { u.Counts.Available--; u.Counts.Dead++ }), "counts say 2 available, 0 held, 0 suspect; its permits are 3, 0, 0"},
		"a permit without uses":            {user(a, func(u *store.User) { u.Permits[0].Uses = 0 }), "is live with 0 uses"},
		"a code twice":                     {user(b, func(u *store.User) { u.Permits = append(u.Permits, u.Permits[1]) }), "has the pay permit \"1\" twice"},
		"a code that comes back":           {user(a, func(u *store.User) { u.Permits = append(u.Permits, form(minapush.Available)) }), "form permit \"1\" has 1 uses left although it went out 1 times"},
		"a code that went out twice":       {row(a, func(d *minapush.Delivery) { d.Permit = form(0).Permit }).twice(a), "form permit \"1\" went out 2 times"},
		"two permits held":                 {user(b, func(u *store.User) { u.Permits[1].State = minapush.Held }), "2 permits are held at a time"},
		"a permit held by nobody":          {user(e, func(u *store.User) { u.Permits[0].State = minapush.Held }), "permit form \"1\" of template \"\" is held, but no row has it"},
		"a permit suspect for nobody":      {user(e, func(u *store.User) { u.Permits[0].State = minapush.Suspect }), "permit form \"1\" of template \"\" is suspect, but no row has it"},
		"a held row without its permit":    {user(b, func(u *store.User) { u.Permits[0].State = minapush.Available }), "is held, but its permit \"1\" is available"},
		"a held row whose permit is gone":  {user(b, func(u *store.User) { u.Permits = u.Permits[1:] }), "is held, but its form permit \"1\" is not in its hand"},
		"a suspected row without its use":  {user(d, func(u *store.User) { u.Permits[0].State = minapush.Available }), "is suspected, but its permit \"1\" is available"},
		"a row held with nothing":          {row(b, func(d *minapush.Delivery) { d.Permit = minapush.Permit{} }), "is held without a permit"},
		"a row in hand without an attempt": {row(b, func(d *minapush.Delivery) { d.Attempt = 0 }), "is held without an attempt"},
		"a user who is not busy":           {user(c, func(u *store.User) { u.Busy = nil }), "is not busy, but its row of \"c\" is sending"},
		"a user busy with nothing":         {user(a, func(u *store.User) { u.Busy = &store.Ref{Batch: "c", OpenID: a, Attempt: 1} }), "which is not in hand"},
		"a user busy with another attempt": {user(c, func(u *store.User) { u.Busy.Attempt++ }), "but in hand is"},
		"two deliveries in hand":           {row(b, func(*minapush.Delivery) {}).twice(b), "2 deliveries are in hand at a time"},
		"erasing for ever":                 {user(a, func(u *store.User) { u.Erasing = true }), "is being erased, but nothing is in hand"},
		"last seen before first seen":      {user(a, func(u *store.User) { u.LastSeen = u.FirstSeen.Add(-time.Hour) }), "before it was first seen"},
		"a user in the wrong shard":        {elsewhere(), "belongs in shard 1"},
		"a row twice":                      {row(e, func(*minapush.Delivery) {}).twice(e), "I3 user \"" + string(e) + "\" of shard 3/0: row of \"c\", push \"\" comes after"},
		"a row of another batch":           {row(e, func(d *minapush.Delivery) { d.Batch = "d" }), "row of batch \"d\" is listed in \"c\""},
		"a settled row that is pending":    {row(a, func(d *minapush.Delivery) { d.Outcome = minapush.Pending }), "is settled with outcome pending"},
		"a pending row with an outcome":    {row(e, func(d *minapush.Delivery) { d.Outcome = minapush.Failed }), "is waiting with outcome failed"},
		"a row in hand of nobody":          {without(b), "is not there and has a row of \"c\" that is held"},
		"a permit spent by nobody":         {without(a), "is not there and has a row of \"c\" that took a permit"},
		"a tally that does not close":      {progress(func(p *store.Progress) { p.Tally.Examined++ }), "I6 app 3, batch \"c\": tally does not close"},
		"a row that is not counted":        {progress(func(p *store.Progress) { p.Tally.Held--; p.Tally.Examined-- }), "tally has 0 held, but 1 rows are"},
		"a count without a row":            {progress(func(p *store.Progress) { p.Tally.Waiting++; p.Tally.Examined++ }), "tally has 3 waiting, but 2 rows are"},
		"an outcome without a row":         {progress(func(p *store.Progress) { p.Tally.Add(minapush.Unknown, "why", 1); p.Tally.Examined++ }), "tally has 1 unknown (why), but only 0 rows are"},
		"an outcome that is not counted":   {progress(func(p *store.Progress) { p.Tally.Add(minapush.Accepted, "", -1); p.Tally.Examined-- }), "1 rows are accepted (), but the tally has 0"},
		"a negative outcome":               {progress(func(p *store.Progress) { p.Tally.Add(minapush.Failed, "x", -1); p.Tally.Examined-- }), "tally of failed (x) is -1"},
		"too many shards done":             {progress(func(p *store.Progress) { p.ShardsDone = 3 }), "3 of 2 shards are done"},
		"done with something pending":      {progress(func(p *store.Progress) { p.ShardsDone = 2 }), "every shard is done, but 5 deliveries are pending"},
		"a flow that leaks":                {flow(func(c *minapush.Counts) { c.Spent-- }), "flow leaves 6 uses of form permits, but users have 5"},
		"a state in a flow":                {flow(func(c *minapush.Counts) { c.Held = 1 }), "has states in it"},
		"a negative flow":                  {flow(func(c *minapush.Counts) { c.Evicted = -1; c.Dead = 1 }), "a flow of form permits is negative"},
		"a flow that forgot":               {flow(func(c *minapush.Counts) { c.Deposited--; c.Spent-- }), "users count more than flowed"},
		"standing permits in a flow": {corrupt{flow: func(f map[minapush.PermitKind]minapush.Counts) {
			f[minapush.Standing] = minapush.Counts{Deposited: 1, Spent: 1}
		}}, "standing permits are counted"},
		"standing permits in counts":  {user(g, func(u *store.User) { u.Counts.Available++; u.Counts.Deposited++ }), "its permits are 0, 0, 0"},
		"seen never, with permits":    {user(a, func(u *store.User) { u.LastSeen, u.Profile.Version = time.Time{}, 1 }), "was never seen, but has or had permits"},
		"a profile of no version":     {user(h, func(u *store.User) { u.Profile.Version, u.LastSeen = 0, u.FirstSeen }), "has a profile of version 0"},
		"a profile that is not valid": {user(h, func(u *store.User) { u.Profile.Tags = []string{"b", "a"} }), "has a profile that is not valid: tags"},
		"opted out, with a permit": {row(a, func(d *minapush.Delivery) {
			d.Outcome, d.Reason = minapush.Skipped, minapush.ReasonOptedOut
		}), "is skipped since the user opted out, but has a form permit"},
		"more examined than listed":      {corrupt{listed: func(n int64) int64 { return n / 2 }}, "batch \"l\": examined 2 users of a list of 1"},
		"fewer examined than listed":     {corrupt{listed: func(n int64) int64 { return n * 2 }}, "of a list of 4 only 2 were examined"},
		"a row that was not kept":        {notKept(h), "tally has 1 skipped (opted_out), but only 0 rows are"},
		"delivered without a row":        {progress(func(p *store.Progress) { p.Tally.Delivered++ }), "tally has 2 delivered, but 1 rows are"},
		"delivered that is not counted":  {progress(func(p *store.Progress) { p.Tally.Delivered-- }), "tally has 0 delivered, but 1 rows are"},
		"undelivered without a row":      {progress(func(p *store.Progress) { p.Tally.Undelivered++ }), "tally has 1 undelivered, but 0 rows are"},
		"more confirmed than accepted":   {progress(func(p *store.Progress) { p.Tally.Undelivered++ }), "tally has 1 delivered and 1 undelivered, but only 1 accepted"},
		"a word without a time":          {row(a, func(d *minapush.Delivery) { d.ConfirmedAt = time.Time{} }), "has half a confirmation"},
		"a time without a word":          {row(a, func(d *minapush.Delivery) { d.Confirmed = minapush.Unconfirmed }), "has half a confirmation"},
		"a word of no message":           {row(a, func(d *minapush.Delivery) { d.MsgID = 0 }), "has half a confirmation"},
		"a word of what was refused":     {row(a, func(d *minapush.Delivery) { d.Outcome = minapush.RefusedByUser }), "is confirmed and is settled with outcome refused"},
		"a word of what was not sent":    {row(b, confirmed), "is confirmed and is held with outcome pending"},
		"confirmed for no word":          {row(a, func(d *minapush.Delivery) { d.Reason, d.Confirmed = minapush.ReasonConfirmed, 0 }), "since it was confirmed, and is not"},
		"too long a status":              {row(a, func(d *minapush.Delivery) { d.ConfirmStatus = strings.Repeat("x", minapush.MaxConfirmStatus+1) }), "has a status of 65 bytes"},
		"a code of both":                 {user(a, func(u *store.User) { u.Permits[0].Evidence = minapush.ByBoth }), "pay permit \"1\" has evidence 3"},
		"a miss that is none":            {user(a, func(u *store.User) { u.Recent[0].Missed = true }), "remembers the delivery of \"c\", push \"\", with missed true, which is settled with outcome accepted"},
		"a miss of what is in hand":      {user(b, func(u *store.User) { u.Recent[0].Missed = true }), "with missed true, which is held with outcome pending"},
		"a refusal that is no miss":      {row(a, func(d *minapush.Delivery) { d.Outcome, d.Confirmed = minapush.RefusedByUser, 0 }), "with missed false, which is settled with outcome refused"},
		"an accepted one not remembered": {user(a, func(u *store.User) { u.Recent = nil }), "does not remember the delivery of \"c\", push \"\", which is settled with outcome accepted"},
		"a push not remembered":          {user(u[5], func(u *store.User) { u.Recent = nil }), "which is held with outcome pending"},
		"one remembered twice":           {user(a, func(u *store.User) { u.Recent = append(u.Recent, u.Recent[0]) }), "remembers the delivery of \"c\", push \"\", twice"},
		"too many remembered":            {user(a, func(u *store.User) { u.Recent = append(u.Recent, recents(store.MaxRecent, "")...) }), "remembers 9 deliveries of one kind, pushes: false"},
		"too many pushes remembered":     {user(a, func(u *store.User) { u.Recent = append(u.Recent, recents(store.MaxRecent+1, "p")...) }), "remembers 9 deliveries of one kind, pushes: true"},
		"out of order":                   {user(a, func(u *store.User) { u.Recent = append(recents(1, ""), u.Recent...) }), "behind an earlier one"},
		"a store that cannot be read":    {corrupt{err: minapush.Unavailable}, "check of app 3 not completed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.bug.Store = checked(t)
			err := storetest.Check(t.Context(), tc.bug, checkedScope)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v\nwant it to say %q", err, tc.want)
			}
		})
	}
}

// recents are deliveries of the day before.
func recents(n int, push string) (list []store.Recent) {
	for i := range n {
		x := store.Recent{Batch: fmt.Sprint("d", i), At: checkedAt.Add(-24 * time.Hour), Template: 1}
		if push != "" {
			x.Push = push
		}
		list = append(list, x)
	}
	return list
}

func form(state minapush.PermitState) minapush.Holding {
	return minapush.Holding{State: state, Permit: minapush.Permit{
		Kind: minapush.FormID, Identity: "1", Uses: 1, TakenAt: checkedAt.Add(-time.Hour), ExpiresAt: checkedAt.Add(24 * time.Hour),
	}}
}

// notKept hides the rows of a user who was skipped.
func notKept(o minapush.OpenID) corrupt {
	return corrupt{rows: func(rows []minapush.Delivery) []minapush.Delivery {
		return slices.DeleteFunc(rows, func(d minapush.Delivery) bool { return d.OpenID == o })
	}}
}

// twice lists the row of a user a second time.
func (c corrupt) twice(o minapush.OpenID) corrupt {
	change := c.rows
	c.rows = func(rows []minapush.Delivery) []minapush.Delivery {
		var all []minapush.Delivery
		for _, d := range change(rows) {
			all = append(all, d)
			if d.OpenID == o && d.Batch == "c" {
				all = append(all, d)
			}
		}
		return all
	}
	return c
}

// without hides a user.
func without(o minapush.OpenID) corrupt {
	return corrupt{users: func(u *store.User) {
		if u.OpenID == o {
			u.OpenID += "?"
		}
	}}
}

// elsewhere shows a user that would be found in another shard.
func elsewhere() corrupt {
	return corrupt{users: func(u *store.User) {
		for i := 0; checkedApp.Shard(u.OpenID).N == 0; i++ {
			u.OpenID += "?"
		}
	}}
}

func TestCheckListsEveryViolation(t *testing.T) {
	bug := user(checkedUsers()[0], func(u *store.User) { u.Counts.Spent-- })
	bug.flow = flow(func(c *minapush.Counts) { c.Dead = 5 }).flow
	bug.progress = func(p *store.Progress) { p.Tally.Examined++ }
	bug.Store = checked(t)
	err := storetest.Check(t.Context(), bug, checkedScope)
	if err == nil {
		t.Fatal("nothing found")
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) < 3 {
		t.Errorf("found only %d violations: %v", len(lines), err)
	}
}

func TestCheckAllowsFewerRowsWhenToldThatRowsAreGone(t *testing.T) {
	m := checked(t)
	if err := m.Forget(t.Context(), minapush.Shard{App: 3}, "c"); err != nil {
		t.Fatal(err)
	}
	if err := storetest.Check(t.Context(), m, checkedScope); err == nil {
		t.Error("rows are gone and nothing is found")
	}
	scope := checkedScope
	scope.RowsGone = true
	storetest.MustCheck(t, m, scope)
}

func TestCheckReadsManyPages(t *testing.T) {
	m := storetest.NewModel(func() time.Time { return checkedAt })
	app := minapush.App{Number: 3, Shards: 1}
	for i := range 1500 {
		_, err := m.Deposit(t.Context(), minapush.Shard{App: 3}, minapush.OpenID(fmt.Sprint(i)), store.Deposit{Now: checkedAt.Add(-time.Hour), Permits: []minapush.Permit{form(0).Permit}})
		if err != nil {
			t.Fatal(err)
		}
	}
	l, err := m.Acquire(t.Context(), minapush.Shard{App: 3}, "node", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	need := store.Need{Kind: minapush.LegacyTemplate, Template: "t"}
	_, err = m.ReserveBatch(t.Context(), l, store.Batch{Campaign: "c", Need: need, Started: checkedAt, Now: checkedAt, Limit: 2000})
	if err != nil {
		t.Fatal(err)
	}
	scope := storetest.Scope{Apps: []minapush.App{app}, Batches: map[uint32][]string{3: {"c"}}}
	storetest.MustCheck(t, m, scope)
	bug := user("999", func(u *store.User) { u.Busy = nil })
	bug.Store = m
	if err := storetest.Check(t.Context(), bug, scope); err == nil || !strings.Contains(err.Error(), `user "999"`) {
		t.Errorf("got %v", err)
	}
}
