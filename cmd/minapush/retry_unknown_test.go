package main

import (
	"testing"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

func TestWhoMayHaveGotItIsReachedWhenThatIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	w.guarded()
	w.moveTo(9, 0)
	users := w.users(10)
	for i := range 2 {
		w.each(users, func(_ int, openid string) error { return w.subscribedOnce(openid, i) })
	}
	_, err := w.sandbox.Script(sandbox.Fault{Path: sandbox.PathSend, OpenID: users[0], Count: 1, Action: sandbox.ActDrop})
	must(t, err)
	id := w.campaign(oneTimeMessage("pages/a"))
	if p := w.finished(id).Progress; p.Outcomes["unknown"] != 1 {
		t.Fatalf("%+v", p)
	}
	w.moveTo(9, 0)
	again, err := w.client.RetryCampaign(t.Context(), testApp, id, api.Retry{Outcomes: []string{"unknown"}, Start: true}, "")
	must(t, err)
	if p := w.finished(again.ID).Progress; p.Outcomes["accepted"] != 1 {
		t.Errorf("%+v", p)
	}
}
