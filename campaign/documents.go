package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// formatVersion is the version of stored campaigns that this release writes and reads. Version 1, of no release, had other ids of its
// documents.
const formatVersion = 2

type stored struct {
	Format int `json:"format"`
	minapush.Campaign
}

// Three kinds of documents hold campaigns: the two of their shelf, and the idempotency keys.
func kindOf(app minapush.AppID) string       { return "campaign/" + string(app) }
func activeKindOf(app minapush.AppID) string { return "campaign-active/" + string(app) }
func keyKindOf(app minapush.AppID) string    { return "campaign-key/" + string(app) }

// turned turns the order of ids of one length round, since documents are listed in ascending order and campaigns newest first: each
// printable character is replaced by the one as far from the other end of ASCII. Turning twice gives the id back.
func turned(id string) string {
	const first, last = '!', '~'
	b := []byte(id)
	for i, c := range b {
		if c >= first && c <= last {
			b[i] = first + last - c
		}
	}
	return string(b)
}

func encode(m minapush.Campaign) ([]byte, error) {
	return json.Marshal(stored{Format: formatVersion, Campaign: m})
}

func decode(d store.Document) (minapush.Campaign, error) {
	var s stored
	if err := json.Unmarshal(d.Value, &s); err != nil {
		return s.Campaign, fmt.Errorf("campaign %s: %w", turned(d.ID), err)
	}
	if s.Format != formatVersion {
		return s.Campaign, fmt.Errorf("campaign %s has format %d, this binary knows %d", turned(d.ID), s.Format, formatVersion)
	}
	return s.Campaign, nil
}

func (c *Campaigns) campaigns() shelf[minapush.Campaign] {
	return shelf[minapush.Campaign]{
		Campaigns: c, what: "campaign", kindOf: kindOf, indexOf: activeKindOf, encode: encode, decode: decode,
		ended: func(m minapush.Campaign) bool { return m.State.Ended() },
	}
}

// Get returns a campaign. Errors: NotFound.
func (c *Campaigns) Get(ctx context.Context, app minapush.AppID, id string) (minapush.Campaign, error) {
	return c.campaigns().get(ctx, app, id)
}

// List returns up to limit campaigns created before the one named by after, or for "" the last ones, newest first.
func (c *Campaigns) List(ctx context.Context, app minapush.AppID, after string, limit int) ([]minapush.Campaign, error) {
	return c.campaigns().list(ctx, app, after, limit)
}

// active returns the campaigns of an app that have not ended.
func (c *Campaigns) active(ctx context.Context, app minapush.AppID) (list []minapush.Campaign, err error) {
	err = c.campaigns().each(ctx, app, func(string) bool { return false }, func(m minapush.Campaign) { list = append(list, m) })
	return list, err
}

// change applies a rule to a campaign by compare-and-set, again while others change it at the same time.
func (c *Campaigns) change(ctx context.Context, app minapush.AppID, id string, rule func(*minapush.Campaign, time.Time) error) (minapush.Campaign, error) {
	m, changed, err := c.campaigns().change(ctx, app, id, func(m *minapush.Campaign, now time.Time) error {
		err := rule(m, now)
		if err == nil {
			neverBegun(m)
		}
		return err
	})
	if changed {
		c.cfg.Changed(app)
	}
	return m, err
}

// claim is the document of an idempotency key.
type claim struct {
	ID          string    `json:"id"`
	Fingerprint uint64    `json:"fingerprint"`
	At          time.Time `json:"at"`
}

// forgetKeys removes the idempotency keys of a kind that are older than keepKeys.
func (c *Campaigns) forgetKeys(ctx context.Context, kind string) error {
	for after := ""; ; {
		docs, err := c.st.ListDocuments(ctx, kind, after, 100)
		if err != nil || len(docs) == 0 {
			return err
		}
		for _, d := range docs {
			after = d.ID
			var k claim
			if err := json.Unmarshal(d.Value, &k); err != nil || c.cfg.Now().Sub(k.At) < keepKeys {
				continue
			}
			if err := c.st.Delete(ctx, d); err != nil && !errors.Is(err, minapush.NotFound) && !errors.Is(err, minapush.Conflict) {
				return err
			}
		}
	}
}

// claimKey binds an idempotency key of a kind to an id by set-if-absent. It returns the id that has the key, and whether that is the one
// given.
func (c *Campaigns) claimKey(ctx context.Context, kind, key string, fingerprint uint64, id string) (string, bool, error) {
	if key == "" {
		return id, true, nil
	}
	value, err := json.Marshal(claim{id, fingerprint, c.cfg.Now().UTC()})
	if err != nil {
		return "", false, err
	}
	_, err = c.st.Put(ctx, store.Document{Kind: kind, ID: key, Value: value})
	if err == nil {
		return id, true, nil
	}
	if !errors.Is(err, minapush.Conflict) {
		return "", false, fmt.Errorf("idempotency key: %w", err)
	}
	id, err = c.claimed(ctx, kind, key, fingerprint)
	return id, false, err
}

// claimed returns the id that an idempotency key of a kind is bound to. Errors: NotFound; Conflict if it was for another request.
func (c *Campaigns) claimed(ctx context.Context, kind, key string, fingerprint uint64) (string, error) {
	d, err := c.st.Get(ctx, kind, key)
	if err != nil {
		return "", fmt.Errorf("idempotency key: %w", err)
	}
	var have claim
	if err := json.Unmarshal(d.Value, &have); err != nil {
		return "", fmt.Errorf("idempotency key: %w", err)
	}
	if have.Fingerprint != fingerprint {
		return "", keyReused()
	}
	return have.ID, nil
}

func keyReused() error {
	return &minapush.Error{Kind: minapush.Conflict, Field: "Idempotency-Key", Err: errors.New("was used for another request")}
}

// madeWith returns the campaign that was made with an idempotency key. Errors: NotFound; Conflict.
func (c *Campaigns) madeWith(ctx context.Context, app minapush.AppID, key string, fingerprint uint64) (minapush.Campaign, error) {
	if key == "" {
		return minapush.Campaign{}, minapush.NotFound
	}
	id, err := c.claimed(ctx, keyKindOf(app), key, fingerprint)
	if err != nil {
		return minapush.Campaign{}, err
	}
	return c.Get(ctx, app, id)
}
