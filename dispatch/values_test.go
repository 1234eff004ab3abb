package dispatch_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/dispatch"
)

func TestAUserWhoseValuesCannotBeSentIsFailedAndTheOthersAreSentTo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		users := w.users(40)
		// The template had no known keys when the list was made, so its rows were not checked.
		id := w.listed(users[:30])
		long := strings.Repeat("长", 30)
		var rows strings.Builder
		for _, o := range users[30:] {
			rows.WriteString(`{"openid":"` + string(o) + `","values":{"name":"` + long + `"}}` + "\n")
		}
		r, err := audience.NewReader(strings.NewReader(rows.String()), audience.Source{Format: audience.NDJSON})
		must(t, err)
		_, err = w.FillList(t.Context(), w.app, id, r)
		must(t, err)
		w.learn(id, minapush.TemplateKey{Key: "thing1"})
		w.start(id)
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 30}, minapush.Failed: {minapush.ReasonBadValue: 10}})
		w.wantTexts(users[:30])
		p := minapush.Failed
		page, err := w.ledger.List(t.Context(), w.app, id, &p, "", 100)
		must(t, err)
		for _, d := range page.Deliveries {
			if d.Tries != 0 || d.Errcode != 0 {
				t.Errorf("%s was sent: %+v", d.OpenID, d)
			}
		}
		u, err := w.bank.User(t.Context(), w.app, users[35])
		must(t, err)
		if u.Counts.Available != 1 {
			t.Errorf("the permit is not back: %+v", u.Counts)
		}
		w.check(id)
	})
}

func TestAPolicyMakesTheTextThatGoesOut(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		users := w.users(3)
		rules := minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate, Keys: []minapush.TemplateKey{{Key: "thing1", Policy: minapush.CutValue}}}
		m, _, err := w.Create(t.Context(), w.app, campaign.Draft{
			Message: minapush.Message{Template: "T", Values: map[string]string{"thing1": strings.Repeat("长", 30)}}, Template: rules,
		})
		must(t, err)
		w.start(m.ID)
		_, got := w.until(m.ID, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 3}})
		for _, o := range users {
			if want := strings.Repeat("长", 19) + "…"; w.got[o][0] != want {
				t.Errorf("got %q", w.got[o])
			}
		}
		w.user("u-push", m.CreatedAt)
		push := dispatch.Push{OpenID: "u-push", Template: rules, Message: minapush.Message{Template: "T", Values: map[string]string{"thing1": "a\nb"}}}
		if _, err := w.dispatcher.Push(t.Context(), w.app, push); minapush.KindOf(err) != minapush.Invalid {
			t.Errorf("got %v", err)
		}
		push.Message.Values["thing1"] = " " + strings.Repeat("短", 25)
		d, err := w.dispatcher.Push(t.Context(), w.app, push)
		if err != nil || d.Delivery.Outcome != minapush.Accepted || w.got["u-push"][0] != strings.Repeat("短", 19)+"…" {
			t.Errorf("got %+v, %v, %q", d, err, w.got["u-push"])
		}
		w.check(m.ID)
	})
}

// learn makes a campaign know its template, as one that was started after a sync does.
func (w *world) learn(id string, keys ...minapush.TemplateKey) {
	w.t.Helper()
	docs, err := w.model.ListDocuments(w.t.Context(), "campaign/"+string(w.app.ID), "", 100)
	must(w.t, err)
	for _, d := range docs {
		var m map[string]any
		must(w.t, json.Unmarshal(d.Value, &m))
		if m["ID"] != id {
			continue
		}
		m["Keys"] = keys
		d.Value, err = json.Marshal(m)
		must(w.t, err)
		_, err = w.model.Put(w.t.Context(), d)
		must(w.t, err)
		return
	}
	w.t.Fatalf("%s is not there", id)
}
