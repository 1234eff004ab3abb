package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

// TestACampaignEndsWhoseRefusalWasLeftByAServerThatIsGone kills the server while one refusal is still in doubt. The next one has only good
// answers, all of other users, and believes the refusal in the end: nobody else would ever look at it.
func TestACampaignEndsWhoseRefusalWasLeftByAServerThatIsGone(t *testing.T) {
	if testing.Short() {
		t.Skip("a run of some seconds; make test has it")
	}
	t.Parallel()
	dir := t.TempDir()
	c := newCalendar(t, seeded(t), 200, noon, "pebble:"+dir, "serve")
	c.keyFile = filepath.Join(dir, "secret.key")
	c.nextDay()
	c.makeGuarded(api.Guards{})
	rate := func(n int) {
		_, err := c.any().client.UpdateApp(t.Context(), testApp, api.AppChange{Rate: &n})
		must(t, err)
	}
	rate(5) // so that most are left when it is killed
	c.earn(1, 1)
	_, err := c.sandbox.Script(sandbox.Fault{AppID: testApp, Path: sandbox.PathSend, Count: 1, Errcode: 43101})
	must(t, err)
	b := c.send(oneTime("pages/doubt"))[0]
	doubted := func() bool {
		got, err := c.nodes[0].client.Campaign(t.Context(), testApp, b.id)
		must(t, err)
		return got.Progress.PendingBy["suspected"] == 1
	}
	if !poll(t.Context(), time.Minute, doubted) {
		t.Fatal("nobody refused")
	}
	c.strike(0)
	rate(1000)
	got := c.finished(c.any(), b, time.Minute).Progress
	if !adds(got) || got.Outcomes["refused"] != 1 || got.Outcomes["accepted"]+got.Outcomes["unknown"] != int64(len(c.users))-1 {
		t.Errorf("%+v", got)
	}
}
