package main

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

// demoConfirmTime is how long the demo waits for the last of the simulator's events.
const demoConfirmTime = 2 * time.Second

// takeEvents sets up the events of the sample app as an operator would: first here, then in the simulator, which asks at once whether the
// address is ours.
func (d *demo) takeEvents(ctx context.Context, public string) error {
	token, key := rand.Text(), (rand.Text() + rand.Text())[:43]
	set, err := d.client.PutEventSettings(ctx, demoAppID, api.NewEventSettings{Token: token, EncodingAESKey: key})
	if err != nil {
		return err
	}
	// Quicker than in truth, so that nobody waits for them.
	if err := d.sandbox.SetPushKnobs(sandbox.PushKnobs{SentLeast: 50 * time.Millisecond, SentMost: 500 * time.Millisecond}); err != nil {
		return err
	}
	_, err = d.sandbox.SetPush(ctx, demoAppID, sandbox.Push{
		URL: public + set.Path, Token: token, AESKey: key, Mode: sandbox.PushSecurity,
	})
	return err
}

// confirmed is a campaign once WeChat has told what became of all its messages, or as it then stands.
func (d *demo) confirmed(ctx context.Context, m api.Campaign) (api.Campaign, error) {
	ctx, cancel := context.WithTimeout(ctx, demoConfirmTime)
	defer cancel()
	for m.Progress.Confirmed == nil || m.Progress.Confirmed["unconfirmed"] > 0 || m.Progress.Outcomes["unknown"] > 0 {
		select {
		case <-ctx.Done():
			return m, nil
		case <-time.After(100 * time.Millisecond):
		}
		now, err := d.client.Campaign(ctx, demoAppID, m.ID)
		if err != nil && ctx.Err() == nil {
			return m, err
		}
		if err == nil {
			m = now
		}
	}
	return m, nil
}
