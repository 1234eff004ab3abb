package bank_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"github.com/minapush/minapush"
)

func TestAnExportGivesEveryUserOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app.Shards = 7
	want := map[minapush.OpenID]bool{}
	for n := range 60 {
		o := minapush.OpenID(fmt.Sprintf("ouser%d", n))
		want[o] = true
		b.deposit(t, o, b.form(n, 0))
	}
	for _, limit := range []int{1, 2, 7, 59, 60, 61, 100_000, 0} {
		var got []minapush.OpenID
		cursor, done := "", 0
		for {
			page, err := b.bank.Export(b.ctx, b.app, cursor, limit)
			must(t, err)
			if limit > 0 && len(page.Users) > limit || page.ShardsDone < done {
				t.Fatalf("a page of %d users, %d shards done after %d", len(page.Users), page.ShardsDone, done)
			}
			for _, u := range page.Users {
				wantEqual(t, len(u.Permits), 1)
				got = append(got, u.OpenID)
			}
			done = page.ShardsDone
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		wantEqual(t, done, 7)
		wantEqual(t, len(got), len(want))
		slices.Sort(got)
		wantEqual(t, len(slices.Compact(got)), len(want))
	}
}

func TestAnExportOfManyEmptyShardsComesInPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app.Shards = 1000
	pages := 0
	for cursor := ""; ; pages++ {
		page, err := b.bank.Export(b.ctx, b.app, cursor, 0)
		must(t, err)
		wantEqual(t, len(page.Users), 0)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	wantEqual(t, pages, 3)
}

func TestACursorThatIsNotOursIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var wrong minapush.OpenID
	for n := 0; wrong == ""; n++ {
		if o := minapush.OpenID(fmt.Sprintf("o%d", n)); b.app.Shard(o).N != 0 {
			wrong = o
		}
	}
	for _, raw := range []string{"0", "3.", "-1.", "0." + string(wrong), "0.a b", "x.o", "70000."} {
		_, err := b.bank.Export(b.ctx, b.app, base64.RawURLEncoding.EncodeToString([]byte(raw)), 1)
		wantField(t, err, "cursor")
	}
	_, err := b.bank.Export(b.ctx, b.app, "!", 1)
	wantField(t, err, "cursor")
	_, err = b.bank.Export(b.ctx, minapush.App{ID: "wx1"}, "", 1)
	wantField(t, err, "app")
}

func FuzzCursors(f *testing.F) {
	for _, seed := range []string{"", "MC4", "MC5vQQ", "====", "Mi4"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		b := setup(t)
		page, err := b.bank.Export(b.ctx, b.app, cursor, 1)
		if err != nil {
			wantField(t, err, "cursor")
		} else if page.ShardsDone != 3 || page.Next != "" {
			t.Fatalf("an app without users has %+v", page)
		}
	})
}
