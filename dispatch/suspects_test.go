package dispatch

import (
	"slices"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
)

// rechecked is a campaign of three shards that tries five suspects again.
func rechecked(t *testing.T) *campaignRun {
	t.Helper()
	cfg := Config{}
	if err := cfg.Storm.defaults(); err != nil {
		t.Fatal(err)
	}
	cfg.Storm.Recheck = 5
	c := newCampaignRun(t.Context(), job{Campaign: minapush.Campaign{State: minapush.Running}}, minapush.App{Shards: 3}, cfg)
	c.led, c.leads = true, func() bool { return true }
	c.storm.recheck()
	return c
}

func TestAShardThatIsTurnedAwayFromARecheckIsAskedWhenSomeAreTakenBack(t *testing.T) {
	t.Parallel()
	c, now := rechecked(t), time.UnixMilli(1000)
	if n := c.handOut(0); n != 5 {
		t.Fatalf("%d handed out", n)
	}
	if n := c.handOut(1); n != 0 {
		t.Fatalf("%d more handed out of five", n)
	}
	if r, again := c.takeBack(0, 5, false, now); r != noRuling || !slices.Equal(again, []uint32{1}) {
		t.Errorf("ruled %d, and shards %v come again", r, again)
	}
	if n := c.handOut(2); n != 5 {
		t.Errorf("%d handed out", n)
	}
	if r, _ := c.takeBack(2, 5, false, now); r != noRuling {
		t.Fatalf("ruled %d though one shard was never asked", r)
	}
	if n := c.handOut(1); n != 5 {
		t.Fatalf("%d handed out to the shard that was turned away", n)
	}
	if r, _ := c.takeBack(1, 4, false, now); r != noRuling {
		t.Errorf("ruled %d before the answer", r)
	}
	if r, _ := c.answered(verdict{Settlement: delivery.Settlement{Outcome: minapush.Accepted}}, 1, now); r != disbelieve {
		t.Errorf("ruled %d though one was accepted", r)
	}
}

func TestAShardWhoseSuspectsCouldNotBeReadIsAskedAgain(t *testing.T) {
	t.Parallel()
	c, now := rechecked(t), time.UnixMilli(1000)
	for shard := range uint32(2) {
		c.handOut(shard)
		c.takeBack(shard, 5, false, now)
	}
	c.handOut(2)
	if r, _ := c.takeBack(2, 5, true, now); r != noRuling {
		t.Fatalf("ruled %d of suspects that nobody tried", r)
	}
	if n := c.handOut(2); n != 5 {
		t.Fatalf("%d handed out again", n)
	}
	if r, _ := c.takeBack(2, 5, false, now); r != believe {
		t.Errorf("ruled %d when there are none", r)
	}
}

func TestSuspectsThatAnotherNodeLeftAreRuledAsTheRestWas(t *testing.T) {
	t.Parallel()
	storm, now := time.UnixMilli(2000).UTC(), time.UnixMilli(3000).UTC()
	m := minapush.Campaign{State: minapush.Running, Fleet: minapush.Fleet{Rulings: []minapush.Ruling{{Until: storm}}}}
	c := newCampaignRun(t.Context(), job{Campaign: m}, minapush.App{Shards: 3}, Config{})
	c.led, c.leads = true, func() bool { return true }
	if r := c.closeWindow(now, &minapush.Tally{Suspected: 7}); r != believe {
		t.Fatalf("ruled %d", r)
	}
	for shard := range uint32(3) {
		for _, want := range []ruled{{disbelieve, storm}, {believe, now}, {}} { // those of the storm go again, later ones are believed
			got := c.unresolved(shard, "", now)
			if got.ruling != want.ruling || !got.until.Equal(want.until) {
				t.Errorf("shard %d: got %+v, want %+v", shard, got, want)
			}
			c.resolvedIn(shard, got)
		}
	}
}
