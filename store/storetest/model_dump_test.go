package storetest

import (
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

func TestADumpTellsWhatIsKeptAndNothingElse(t *testing.T) {
	t.Parallel()
	b := newModelBench(t)
	ctx, shard := t.Context(), minapush.Shard{App: 1}
	before := b.m.Dump()
	changed := func(what string, want bool) {
		t.Helper()
		after := b.m.Dump()
		if (before != after) != want {
			t.Errorf("%s: the dump went from\n%s\nto\n%s", what, before, after)
		}
		before = after
	}
	_, _ = b.m.User(ctx, minapush.Shard{App: 7}, "oNobody")
	_, _ = b.m.Listed(ctx, shard, "C9", "", 10)
	b.must(b.m.Renew(ctx, b.lease, time.Hour))
	changed("looking, and a lease", false)
	_, err := b.m.Put(ctx, store.Document{Kind: "k", ID: "i", Value: []byte("v")})
	b.must(err)
	changed("a document", true)
	_, err = b.m.PutProfile(ctx, shard, "oA", minapush.Profile{Tags: []string{"a"}}, b.at)
	b.must(err)
	changed("a profile", true)
	b.must(b.m.BindUID(ctx, shard, "u", "oA", ""))
	changed("a uid", true)
	_, err = b.m.AddListed(ctx, shard, "C1", []store.Listed{{OpenID: "oB", Values: map[string]string{"k": "v"}}, {OpenID: "oA"}})
	b.must(err)
	changed("a list", true)
	_, err = b.m.Listed(ctx, shard, "C1", "", 10)
	b.must(err)
	changed("reading a list", false)
	_, err = b.m.Deposit(ctx, shard, "oA", store.Deposit{Now: b.at, Permits: []minapush.Permit{{
		Kind: minapush.Subscription, Template: "T", Identity: "n", Uses: 1, TakenAt: b.at,
	}}})
	b.must(err)
	changed("a permit", true)
	_, err = b.m.Deposit(ctx, shard, "oA", store.Deposit{Now: b.at, Permits: []minapush.Permit{{
		Kind: minapush.Subscription, Template: "T", Identity: "e", Uses: 1, TakenAt: b.at, Evidence: minapush.ByEvent,
	}}})
	b.must(err)
	changed("its other half", true)
	_, err = b.m.Void(ctx, shard, "oA", "T2", b.at, b.at)
	b.must(err)
	changed("a void", true)
	_, err = b.m.Void(ctx, shard, "oA", "T2", b.at, b.at)
	b.must(err)
	changed("the same void", false)
}
