package account_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

// withTemplates makes an app with templates of all kinds.
func (b *bundle) withTemplates(t *testing.T, app minapush.AppID) {
	t.Helper()
	b.app(t, app)
	for id, kind := range map[string]minapush.TemplateKind{
		"A": minapush.OneTimeTemplate, "B": minapush.OneTimeTemplate, "C": minapush.OneTimeTemplate, "D": minapush.OneTimeTemplate,
		"long": minapush.LongTermTemplate, "old": minapush.LegacyTemplate,
	} {
		must(t, b.one.PutTemplate(b.ctx, app, minapush.Template{ID: id, Kind: kind}))
	}
}

func TestScenesOfOneAppAreListedByName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.withTemplates(t, "wx01")
	b.withTemplates(t, "wx012") // an id that begins with the other's
	for _, name := range []string{"pay", "home", "a.b-c_D"} {
		_, err := b.one.PutScene(b.ctx, "wx01", account.Scene{Name: name, Templates: []string{"A"}, Target: 3, CoolDown: account.NoCoolDown})
		must(t, err)
	}
	_, err := b.one.PutScene(b.ctx, "wx012", account.Scene{Name: "other", Templates: []string{"long"}})
	must(t, err)

	got, err := b.two.Scenes(b.ctx, "wx01")
	must(t, err)
	var want []account.Scene
	for _, name := range []string{"a.b-c_D", "home", "pay"} {
		want = append(want, account.Scene{
			Name: name, Templates: []string{"A"}, Kind: minapush.OneTimeTemplate, Target: 3, CoolDown: account.NoCoolDown,
		})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	got[0].Templates[0] = "changed by the caller"
	again, err := b.two.Scenes(b.ctx, "wx01")
	must(t, err)
	wantEqual(t, again[0].Templates[0], "A")
	_, err = b.two.Scenes(b.ctx, "wx9999")
	wantKind(t, err, minapush.NotFound)
}

func TestASceneIsReplacedAndDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.withTemplates(t, "wx01")
	got, err := b.one.PutScene(b.ctx, "wx01", account.Scene{Name: "home", Templates: []string{"A"}})
	must(t, err)
	if diff := cmp.Diff(account.Scene{
		Name: "home", Templates: []string{"A"}, Kind: minapush.OneTimeTemplate, Target: 1, CoolDown: 7 * 24 * time.Hour,
	}, got); diff != "" {
		t.Errorf("defaults: %s", diff)
	}
	_, err = b.one.PutScene(b.ctx, "wx01", account.Scene{Name: "home", Templates: []string{"B", "C"}, Target: 200})
	must(t, err)
	all, err := b.one.Scenes(b.ctx, "wx01")
	must(t, err)
	if len(all) != 1 || all[0].Target != 200 || len(all[0].Templates) != 2 {
		t.Errorf("got %+v", all)
	}
	must(t, b.one.DeleteScene(b.ctx, "wx01", "home"))
	all, err = b.one.Scenes(b.ctx, "wx01")
	must(t, err)
	wantEqual(t, len(all), 0)
	for _, name := range []string{"home", "", "a/b", "\x00"} {
		wantKind(t, b.one.DeleteScene(b.ctx, "wx01", name), minapush.NotFound)
	}
	wantKind(t, b.one.DeleteScene(b.ctx, "wx/1", "home"), minapush.NotFound)
}

func TestPutSceneRefusesWhatNoPhoneCouldAsk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.withTemplates(t, "wx01")
	one := []string{"A"}
	for _, c := range []struct {
		field string
		scene account.Scene
	}{
		{"name", account.Scene{Templates: one}},
		{"name", account.Scene{Name: "a/b", Templates: one}},
		{"name", account.Scene{Name: "首页", Templates: one}},
		{"name", account.Scene{Name: strings.Repeat("x", 65), Templates: one}},
		{"templates", account.Scene{Name: "s"}},
		{"templates", account.Scene{Name: "s", Templates: []string{"A", "B", "C", "D"}}},
		{"templates[0]", account.Scene{Name: "s", Templates: []string{"nobody knows it"}}},
		{"templates[1]", account.Scene{Name: "s", Templates: []string{"A", "A"}}},
		{"templates[1]", account.Scene{Name: "s", Templates: []string{"A", "long"}}},
		{"templates[0]", account.Scene{Name: "s", Templates: []string{"old"}}},
		{"kind", account.Scene{Name: "s", Templates: one, Kind: minapush.LongTermTemplate}},
		{"kind", account.Scene{Name: "s", Templates: one, Kind: "both"}},
		{"target", account.Scene{Name: "s", Templates: one, Target: -1}},
		{"target", account.Scene{Name: "s", Templates: one, Target: 201}},
		{"cool_down_seconds", account.Scene{Name: "s", Templates: one, CoolDown: -2 * time.Second}},
		{"cool_down_seconds", account.Scene{Name: "s", Templates: one, CoolDown: 366 * 24 * time.Hour}},
	} {
		_, err := b.one.PutScene(b.ctx, "wx01", c.scene)
		wantField(t, err, c.field)
	}
	_, err := b.one.PutScene(b.ctx, "wx9999", account.Scene{Name: "s", Templates: one})
	wantKind(t, err, minapush.NotFound)
	all, err := b.one.Scenes(b.ctx, "wx01")
	must(t, err)
	wantEqual(t, len(all), 0)
}

func TestAnAppHasNotTooManyScenes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.withTemplates(t, "wx01")
	for i := range account.MaxScenes {
		_, err := b.one.PutScene(b.ctx, "wx01", account.Scene{Name: fmt.Sprint("s", i), Templates: []string{"A"}})
		must(t, err)
	}
	_, err := b.one.PutScene(b.ctx, "wx01", account.Scene{Name: "one-more", Templates: []string{"A"}})
	wantField(t, err, "name")
	_, err = b.one.PutScene(b.ctx, "wx01", account.Scene{Name: "s7", Templates: []string{"B"}})
	must(t, err)
}

func TestATemplateThatASceneAsksForIsNotDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.withTemplates(t, "wx01")
	_, err := b.one.PutScene(b.ctx, "wx01", account.Scene{Name: "home", Templates: []string{"A", "B"}})
	must(t, err)
	wantKind(t, b.two.DeleteTemplate(b.ctx, "wx01", "B"), minapush.Conflict)
	must(t, b.two.DeleteTemplate(b.ctx, "wx01", "C"))
	must(t, b.one.DeleteScene(b.ctx, "wx01", "home"))
	must(t, b.two.DeleteTemplate(b.ctx, "wx01", "B"))
}

func TestAChangeOfScenesIsSeenOnOtherNodesSoon(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.withTemplates(t, "wx01")
	before, err := b.two.Scenes(b.ctx, "wx01")
	must(t, err)
	_, err = b.one.PutScene(b.ctx, "wx01", account.Scene{Name: "home", Templates: []string{"A"}})
	must(t, err)
	b.clock.add(account.DefaultCacheFor)
	after, err := b.two.Scenes(b.ctx, "wx01")
	must(t, err)
	if len(before) != 0 || len(after) != 1 {
		t.Errorf("got %v, then %v", before, after)
	}
}
