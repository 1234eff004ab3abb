package main

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

func TestOpensAreCountedByTheLinkOfTheCardAndShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(2)
	for _, o := range users {
		w.subscribe(o, 1)
	}
	w.forms(users[1], 1)
	id := w.campaign(oneTimeMessage("pages/goods?id=2"))
	w.finished(id)
	push := w.push(users[1], api.Message{Template: legacyT, Page: "pages/sign"})
	// What the SDK reports is what the card's page says.
	for i, page := range []string{"pages/goods?id=2&minapush=" + id, "pages/sign?minapush=" + push.Push} {
		messages, err := w.sandbox.Messages(testApp, users[1])
		must(t, err)
		if len(messages) != 2 || messages[i].Page != page {
			t.Fatalf("delivered %+v, want the page %s", messages, page)
		}
		_, link, _ := strings.Cut(page, "minapush=")
		for _, want := range []api.OpenAnswer{{Accepted: 1}, {Duplicate: 1}} {
			got, err := w.client.Report(t.Context(), testApp, api.Report{OpenID: users[1], Opens: []api.ReportOpen{{Message: link, AgeMS: 10}}})
			must(t, err)
			if got.Opens == nil || *got.Opens != want {
				t.Errorf("%s: got %+v, want %+v", link, got.Opens, want)
			}
		}
	}
	for _, recent := range w.user(users[1]).Recent {
		if recent.Delivery == nil || recent.Delivery.OpenedAt.IsZero() {
			t.Errorf("not shown as opened: %+v", recent.Delivery)
		}
	}
	for lang, line := range map[string]string{"en": "opened by 1 of them", "zh": "其中 1 人点开了消息"} {
		env := map[string]string{"MINAPUSH_SERVER": w.url, "MINAPUSH_KEY": w.adminKey(), langVariable: lang}
		if _, out, _ := command(t, env, "campaign", "show", id); !strings.Contains(out, line) {
			t.Errorf("%s: %q is not in\n%s", lang, line, out)
		}
	}
	_, out, _ := w.minapush("campaign", "export", id)
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	must(t, err)
	column := slices.Index(rows[0], "opened_at")
	for _, r := range rows[1:] {
		if opened := r[column] != ""; opened != (r[0] == users[1]) {
			t.Errorf("exported as %q", r)
		}
	}
}
