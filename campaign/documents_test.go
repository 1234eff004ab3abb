package campaign_test

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/minapush/minapush/store"
	"github.com/oklog/ulid/v2"
)

func TestCampaignsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	for name, newID := range map[string]func(n uint64) string{
		"a millisecond apart": func(n uint64) string { return ulid.MustNew(1_795_348_800_000+n, rand.Reader).String() },
		"years apart":         func(n uint64) string { return ulid.MustNew(n*30_000_000_000, rand.Reader).String() },
		"to the end of time":  func(n uint64) string { return ulid.MustNew(ulid.MaxTime()-100+n, rand.Reader).String() },
	} {
		b := setup(t)
		n := uint64(0)
		b.newID = func() string { n++; return newID(n) }
		var want []string
		for range 60 {
			want = append(want, b.create(t, draft()).ID)
		}
		slices.Reverse(want)
		for _, limit := range []int{1, 7, 60, 100} {
			var got []string
			for after := ""; ; after = got[len(got)-1] {
				page, err := b.List(t.Context(), b.app.ID, after, limit)
				must(t, err)
				if len(page) == 0 {
					break
				}
				if len(page) > limit {
					t.Fatalf("%s, limit %d: a page of %d", name, limit, len(page))
				}
				for _, m := range page {
					got = append(got, m.ID)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, limit %d: %v, want %v", name, limit, got, want)
			}
		}
	}
}

func TestACampaignOfAnotherFormatIsNotRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(t, draft()).ID
	docs, err := b.model.ListDocuments(t.Context(), "campaign/wx1", "", 10)
	if err != nil || len(docs) != 1 {
		t.Fatal(docs, err)
	}
	for _, format := range []string{`"format":1`, `"format":3`} {
		d := docs[0]
		d.Value = []byte(strings.Replace(string(d.Value), `"format":2`, format, 1))
		docs[0].Version, err = b.model.Put(t.Context(), store.Document{Kind: d.Kind, ID: d.ID, Version: d.Version, Value: d.Value})
		must(t, err)
		if _, err := b.Get(t.Context(), b.app.ID, id); err == nil || !strings.Contains(err.Error(), id) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestTheRowsOfEveryOldCampaignAreForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deposit(t, "u-a")
	var ids []string
	for range 250 { // more than a page
		id := b.create(t, listDraft()).ID
		b.fill(t, id, "ndjson", `{"openid":"u-a","values":{"name":"x","amount":"1"}}`)
		_, err := b.Cancel(t.Context(), b.app.ID, id)
		must(t, err)
		ids = append(ids, id)
	}
	b.now = b.now.AddDate(0, 0, 31)
	b.looks(t)
	for _, id := range ids {
		if n, err := b.Listed(t.Context(), b.app, id); err != nil || n != 0 {
			t.Errorf("campaign %s has a list of %d still, %v", id, n, err)
		}
	}
}
