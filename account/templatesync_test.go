package account_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

func TestASyncKeepsPoliciesThatTheNewRuleAllows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx01")
	ours := minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate, Title: "old", Keys: []minapush.TemplateKey{
		{Key: "thing1", Policy: minapush.CutValue}, {Key: "enum2", Enum: []string{"a", "b"}, Policy: minapush.FallbackValue, Fallback: "b"}, {Key: "date3"},
	}}
	must(t, b.one.PutTemplate(b.ctx, "wx01", ours))
	theirs := minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate, Title: "new", Keys: []minapush.TemplateKey{
		{Key: "thing1", Label: "活动", Type: "thing"}, {Key: "enum2", Enum: []string{"a", "c"}, Type: "enum"}, {Key: "time4", Type: "time"},
	}}
	want := account.TemplateDrift{Kind: account.DriftChanged, ID: "T", Title: "new", Changes: []account.TemplateChange{
		{Field: "title", Was: "old", Is: "new"}, {Field: "keys.thing1.label", Is: "活动"}, {Field: "keys.thing1.type", Is: "thing"},
		{Field: "keys.enum2.type", Is: "enum"}, {Field: "keys.enum2.enum", Was: "a, b", Is: "a, c"},
		{Field: "keys.enum2.policy", Was: "fallback"}, {Field: "keys.time4", Is: "time4"}, {Field: "keys.date3", Was: "date3"},
	}}
	for _, write := range []bool{false, true} {
		got, err := b.one.SyncTemplate(b.ctx, "wx01", theirs, write)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("write %v: %s", write, diff)
		}
	}
	theirs.Keys[0].Policy = minapush.CutValue
	got, err := b.two.Template(b.ctx, "wx01", "T")
	must(t, err)
	if diff := cmp.Diff(theirs, got); diff != "" {
		t.Error(diff)
	}
	again, err := b.one.SyncTemplate(b.ctx, "wx01", theirs, true)
	must(t, err)
	wantEqual(t, again.Kind, account.DriftNone)
}

func TestATemplateThatIsGoneIsMarkedUntilItIsBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx01")
	tmpl := minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate}
	must(t, b.one.PutTemplate(b.ctx, "wx01", tmpl))
	must(t, b.one.PutTemplate(b.ctx, "wx01", minapush.Template{ID: "L", Kind: minapush.LegacyTemplate}))
	got, err := b.one.SyncDeleted(b.ctx, "wx01", nil, false)
	must(t, err)
	if len(got) != 1 || got[0].ID != "T" || !got[0].GoneSince.IsZero() {
		t.Fatalf("got %+v", got)
	}
	got, err = b.one.SyncDeleted(b.ctx, "wx01", nil, true)
	must(t, err)
	since := got[0].GoneSince
	must(t, b.one.PutTemplate(b.ctx, "wx01", tmpl)) // which does not unmark it
	kept, err := b.two.Template(b.ctx, "wx01", "T")
	must(t, err)
	if since.IsZero() || !kept.GoneSince.Equal(since) {
		t.Errorf("gone since %v, kept %v", since, kept.GoneSince)
	}
	d, err := b.one.SyncTemplate(b.ctx, "wx01", tmpl, true)
	must(t, err)
	wantEqual(t, d.Kind, account.DriftChanged)
	kept, err = b.two.Template(b.ctx, "wx01", "T")
	must(t, err)
	if !kept.GoneSince.IsZero() {
		t.Errorf("still gone since %v", kept.GoneSince)
	}
}
