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
