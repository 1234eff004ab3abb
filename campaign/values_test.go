package campaign_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/campaign"
)

// templates are the templates of an app, as they now are.
type templates struct {
	mu  sync.Mutex
	now minapush.Template
	err error
}

func (t *templates) get(context.Context, minapush.AppID, string) (minapush.Template, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now, t.err
}

// typed is a bundle whose campaigns look templates up.
func typed(t *testing.T, keys ...minapush.TemplateKey) (*bundle, *templates) {
	t.Helper()
	b := setup(t)
	now := &templates{now: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate, Keys: keys}}
	c, err := campaign.New(b.model, b.ledger, b.profiles, campaign.Config{
		Now: func() time.Time { return b.now }, NewID: func() string { return b.newID() }, Tick: time.Millisecond, Template: now.get,
	})
	must(t, err)
	b.Campaigns = c
	return b, now
}

func typedDraft(now *templates, value string) campaign.Draft {
	d := draft()
	d.Template, d.Message.Values = now.now, map[string]string{"thing1": value}
	return d
}

func TestACampaignIsNotMadeOfBadValues(t *testing.T) {
	t.Parallel()
	b, now := typed(t, minapush.TemplateKey{Key: "thing1"})
	var e *minapush.Error
	_, _, err := b.Create(t.Context(), b.app, typedDraft(now, strings.Repeat("字", 21)))
	if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != "values.thing1" || e.Reason != minapush.ReasonBadValue {
		t.Errorf("got %v", err)
	}
	m := b.create(t, typedDraft(now, "ok"))
	if len(m.Keys) != 1 {
		t.Errorf("got keys %+v", m.Keys)
	}
}

func TestAStartLooksAtTheTemplateAsItNowIs(t *testing.T) {
	t.Parallel()
	b, now := typed(t, minapush.TemplateKey{Key: "thing1"})
	id := b.create(t, typedDraft(now, "not Chinese")).ID
	now.now.Keys = []minapush.TemplateKey{{Key: "thing1", Enum: []string{"other"}}}
	var e *minapush.Error
	if _, err := b.Start(t.Context(), b.app, id); !errors.As(err, &e) || e.Kind != minapush.Conflict || e.Field != "message.values.thing1" {
		t.Errorf("got %v", err)
	}
	now.now.Keys[0] = minapush.TemplateKey{Key: "thing1", Policy: minapush.CutValue}
	m, err := b.Start(t.Context(), b.app, id)
	if err != nil || m.State != minapush.Running || m.Keys[0].Policy != minapush.CutValue {
		t.Errorf("got %+v, %v", m, err)
	}
	// One that is not known any more is judged as it was.
	id = b.create(t, typedDraft(now, "ok")).ID
	now.err = minapush.Errorf(minapush.NotFound, "gone")
	if _, err := b.Start(t.Context(), b.app, id); err != nil {
		t.Error(err)
	}
	now.err = nil
	id = b.create(t, typedDraft(now, "ok")).ID
	now.err = minapush.Errorf(minapush.Unavailable, "store")
	if _, err := b.Start(t.Context(), b.app, id); !errors.Is(err, minapush.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestACampaignThatStartsByItselfIsMissedForAValueThatTurnedBad(t *testing.T) {
	t.Parallel()
	b, now := typed(t, minapush.TemplateKey{Key: "thing1"})
	d := typedDraft(now, "a text")
	d.StartAt = b.now.Add(time.Minute)
	id := b.create(t, d).ID
	now.now.Keys = []minapush.TemplateKey{{Key: "thing1", Enum: []string{"other"}}}
	b.now = b.now.Add(2 * time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Run(ctx, func(context.Context) ([]minapush.App, error) { return []minapush.App{b.app}, nil })
	}()
	defer func() { cancel(); must(t, <-done) }()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		m, err := b.Get(t.Context(), b.app.ID, id)
		must(t, err)
		if m.State == minapush.Missed {
			if m.Why.Code != minapush.ReasonBadValue || m.Why.Params["key"] != "thing1" || m.Why.Params["rule"] != "not_in_enum" || !m.StartedAt.IsZero() {
				t.Errorf("got %+v", m)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is %s", m.State)
		}
	}
}

func TestRowsWhoseValuesWouldNotGoOutAreRefused(t *testing.T) {
	t.Parallel()
	b, now := typed(t, minapush.TemplateKey{Key: "thing1"}, minapush.TemplateKey{Key: "amount2", Policy: minapush.FallbackValue, Fallback: "0元"})
	d := listDraft()
	d.Template = now.now
	id := b.create(t, d).ID
	got := b.fill(t, id, audience.CSV, "openid,name,amount\no1,张三,9元\no2,"+strings.Repeat("长", 20)+",9元\no3,李四,free\n")
	if got.Accepted != 2 || got.Refused != 1 || len(got.Problems) != 1 {
		t.Fatalf("got %+v", got)
	}
	want := audience.Problem{Line: 3, Field: "values.name", Message: "as part of thing1: must have at most 20 characters, has 23"}
	if got.Problems[0] != want {
		t.Errorf("got %+v", got.Problems[0])
	}
}
