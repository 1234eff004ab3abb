package account_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

func TestTemplatesOfOneAppAreListedByID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx01")
	b.app(t, "wx012") // an id that begins with the other's
	var want []minapush.Template
	for i := range 250 { // more than a page
		tmpl := minapush.Template{ID: fmt.Sprintf("T%03d", i), Kind: minapush.OneTimeTemplate, Title: "签到提醒"}
		must(t, b.one.PutTemplate(b.ctx, "wx01", tmpl))
		want = append(want, tmpl)
	}
	must(t, b.one.PutTemplate(b.ctx, "wx012", minapush.Template{ID: "other", Kind: minapush.LegacyTemplate}))
	got, err := b.two.Templates(b.ctx, "wx01")
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	_, err = b.two.Template(b.ctx, "wx01", "other")
	wantKind(t, err, minapush.NotFound)
	got, err = b.two.Templates(b.ctx, "wx012")
	must(t, err)
	wantEqual(t, len(got), 1)
}

func TestATemplateIsReplacedAndDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	tmpl := minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate, Keys: []minapush.TemplateKey{{Key: "thing1", Label: "活动"}}}
	must(t, b.one.PutTemplate(b.ctx, "wx0123", tmpl))
	tmpl.Title = "new"
	must(t, b.one.PutTemplate(b.ctx, "wx0123", tmpl))
	got, err := b.two.Template(b.ctx, "wx0123", "T")
	must(t, err)
	if diff := cmp.Diff(tmpl, got); diff != "" {
		t.Fatal(diff)
	}
	must(t, b.two.DeleteTemplate(b.ctx, "wx0123", "T"))
	_, err = b.one.Template(b.ctx, "wx0123", "T")
	wantKind(t, err, minapush.NotFound)
	wantKind(t, b.one.DeleteTemplate(b.ctx, "wx0123", "T"), minapush.NotFound)
	wantKind(t, b.one.DeleteTemplate(b.ctx, "wx0123", "\x00"), minapush.NotFound)
}

func TestPutTemplateRefusesWhatNoMessageCouldUse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	for field, tmpl := range map[string]minapush.Template{
		"id":      {ID: "a b", Kind: minapush.OneTimeTemplate},
		"kind":    {ID: "T", Kind: "weekly"},
		"example": {ID: "T", Kind: minapush.OneTimeTemplate, Example: strings.Repeat("x", 70_000)},
		"title":   {ID: "T", Kind: minapush.OneTimeTemplate, Title: strings.Repeat("x", 2000)},
	} {
		wantField(t, b.one.PutTemplate(b.ctx, "wx0123", tmpl), field)
	}
	wantKind(t, b.one.PutTemplate(b.ctx, "wx9999", minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate}), minapush.NotFound)
}

func TestATokenIsSharedByVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	value, version, err := b.one.LoadToken(b.ctx, "wx0123")
	must(t, err)
	if value != nil || version != 0 {
		t.Fatalf("got %q, %d before anything was stored", value, version)
	}
	first, err := b.one.StoreToken(b.ctx, "wx0123", []byte("t1"), 0)
	must(t, err)
	_, err = b.two.StoreToken(b.ctx, "wx0123", []byte("t2"), 0)
	wantKind(t, err, minapush.Conflict)
	value, version, err = b.two.LoadToken(b.ctx, "wx0123")
	must(t, err)
	wantEqual(t, string(value), "t1")
	wantEqual(t, version, first)
	_, err = b.two.StoreToken(b.ctx, "wx0123", []byte("t2"), version)
	must(t, err)
	_, err = b.one.StoreToken(b.ctx, "wx0123", []byte("t3"), first)
	wantKind(t, err, minapush.Conflict)
	_, err = b.one.StoreToken(b.ctx, "wx/123", nil, 0)
	wantKind(t, err, minapush.NotFound)
}

func TestATokenOfOneAppCannotBePutUnderAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.one.StoreToken(b.ctx, "wx0123", []byte("t1"), 0)
	must(t, err)
	d, err := b.docs.Get(b.ctx, "account.token", "wx0123")
	must(t, err)
	_, err = b.docs.Put(b.ctx, store.Document{Kind: d.Kind, ID: "wx4567", Value: d.Value})
	must(t, err)
	_, _, err = b.one.LoadToken(b.ctx, "wx4567")
	wantKind(t, err, minapush.Internal)
}
