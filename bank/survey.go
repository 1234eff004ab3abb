package bank

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	// ReachDays is for how many days reach is told: today and each of the next seven.
	ReachDays = 8
	// AgeDays is how many ages stock is split into.
	AgeDays = 8
	// EndingWithin is how near the end of a use is that Survey.EndingSoon counts.
	EndingWithin = 24 * time.Hour
	// MaxSurveyRows is how many kinds and templates a survey tells apart.
	MaxSurveyRows = 500
	// MaxSurveySources is how many sources a row of the stock names; the others are summed under OtherSource.
	MaxSurveySources = 20
)

// Survey is what an app has in stock and whom it can reach, as one pass over all users found it. Users are looked at one after the
// other between At and At + Took.
type Survey struct {
	// At is when the pass began, in UTC.
	At time.Time `json:"at"`
	// Took is how long it took, pauses included.
	Took time.Duration `json:"took_ns"`
	// Users counts all users, those without permits included.
	Users int64 `json:"users"`
	// Swept counts the permits that the pass removed because they had expired.
	Swept int64 `json:"swept"`
	// ByRemaining splits all users by how many messages they can be sent now, of whatever templates: 0, 1, 2, and 3 or more. Who is not in
	// the first place can be reached now by some template.
	ByRemaining [4]int64 `json:"by_remaining"`
	// ByPermit lists the stock by kind and template, in that order; kinds and templates that nobody has a permit of are absent.
	ByPermit []Stock `json:"by_permit"`
	// Reach lists whom messages can reach, by kind of template and template, in the same order.
	Reach []Reach `json:"reach"`
	// EndingSoon sums the uses that end within EndingWithin.
	EndingSoon Ending `json:"ending_soon"`
	// LeftOut counts the permits of kinds and templates beyond MaxSurveyRows; no other number here holds them.
	LeftOut int64 `json:"left_out,omitempty"`
}

// Stock is what all users have of one kind and template.
type Stock struct {
	Kind minapush.PermitKind `json:"kind"`
	// Template is empty for form and pay permits.
	Template string `json:"template,omitempty"`
	// Permits counts permits, and Uses their uses that no delivery holds. A Standing permit counts as one use.
	Permits int64 `json:"permits"`
	Uses    int64 `json:"uses"`
	// ByAge splits Uses by the whole days since the permit was taken; the last place is for all that are older.
	ByAge [AgeDays]int64 `json:"by_age"`
	// EndingSoon is the part of Uses that ends within EndingWithin.
	EndingSoon int64 `json:"ending_soon,omitempty"`
	// Oldest is when the oldest permit with a use that no delivery holds was taken, in UTC; zero: there is none.
	Oldest time.Time `json:"oldest,omitzero"`
	// BySource splits Uses by source: those with most uses, at most MaxSurveySources, and OtherSource for the rest.
	BySource []SourceStock `json:"by_source"`
}

// SourceStock is the part of a stock that one source earned.
type SourceStock struct {
	// Source is a number of the app's dictionary; see SourceNames.
	Source uint16 `json:"source"`
	Uses   int64  `json:"uses"`
}

// Reach is how many users messages of one template can reach.
type Reach struct {
	// Template is empty for legacy templates: any of them reaches these users.
	Template string                `json:"template,omitempty"`
	Kind     minapush.TemplateKind `json:"kind"`
	// Days counts the users that can be reached now, and in 1 to 7 days from now if nothing is spent and nothing comes in.
	Days [ReachDays]int64 `json:"days"`
	// ByRemaining splits all users by how many messages they can be sent now: 0, 1, 2, and 3 or more. A Standing permit is 3 or
	// more.
	ByRemaining [4]int64 `json:"by_remaining"`
}

// Ending sums uses that end soon, and the users who lose one by it.
type Ending struct {
	Users int64 `json:"users"`
	Uses  int64 `json:"uses"`
}

// Age is how old the figures are at now: what happened since the pass began may be missing.
func (s Survey) Age(now time.Time) time.Duration { return now.Sub(s.At) }

const kindSurvey = "bank.survey"

type storedSurvey struct {
	V      int    `json:"v"`
	Survey Survey `json:"survey"`
}

// Survey makes one full pass over the users of an app now, without pauses: it removes expired permits and counts the others. The
// result is kept for LastSurvey. It takes the memory of one page of users, however many there are. Errors: Invalid; Unavailable.
func (b *Bank) Survey(ctx context.Context, app minapush.App) (Survey, error) {
	return b.survey(ctx, app, 1, func(context.Context) error { return nil })
}

// LastSurvey returns the last survey of an app that any node completed. Errors: NotFound, before the first.
func (b *Bank) LastSurvey(ctx context.Context, app minapush.App) (Survey, error) {
	if err := checkApp(app); err != nil {
		return Survey{}, err
	}
	d, err := b.st.Get(ctx, kindSurvey, appID(app))
	if errors.Is(err, minapush.NotFound) {
		return Survey{}, minapush.Errorf(minapush.NotFound, "app %s has not been surveyed yet", app.ID)
	}
	if err != nil {
		return Survey{}, fmt.Errorf("survey of app %s: %w", app.ID, err)
	}
	var s storedSurvey
	if err := decode(d, &s); err != nil {
		return Survey{}, err
	}
	return s.Survey, nil
}

// survey works for a share of the time and pauses for the rest. It ends early when going on, asked after each page, fails.
func (b *Bank) survey(ctx context.Context, app minapush.App, share float64, goOn func(context.Context) error) (Survey, error) {
	if err := checkApp(app); err != nil {
		return Survey{}, err
	}
	begun := b.cfg.Now()
	c := newCensus()
	for n := range uint32(app.Shards) {
		if err := b.surveyShard(ctx, minapush.Shard{App: app.Number, N: n}, c, share, goOn); err != nil {
			b.metrics.surveys.WithLabelValues("failed").Inc()
			return Survey{}, fmt.Errorf("survey app %s, shard %d: %w", app.ID, n, err)
		}
	}
	s := c.result()
	s.At, s.Took = begun.UTC().Truncate(time.Millisecond), b.cfg.Now().Sub(begun)
	if err := b.keepSurvey(ctx, app, s); err != nil {
		b.metrics.surveys.WithLabelValues("failed").Inc()
		return Survey{}, fmt.Errorf("keep survey of app %s: %w", app.ID, err)
	}
	b.metrics.surveys.WithLabelValues("ok").Inc()
	b.metrics.took.Observe(s.Took.Seconds())
	return s, nil
}

func (b *Bank) surveyShard(ctx context.Context, shard minapush.Shard, c *census, share float64, goOn func(context.Context) error) error {
	var after minapush.OpenID
	for {
		begun := b.cfg.Now()
		page, err := b.st.Sweep(ctx, shard, after, b.cfg.Page, begun.UTC())
		if err != nil {
			return err
		}
		for _, u := range page.Users {
			c.count(u, begun)
		}
		c.survey.Swept += int64(page.Expired)
		b.metrics.swept.Add(float64(page.Expired))
		if err := pause(ctx, restFor(b.cfg.Now().Sub(begun), share)); err != nil {
			return err
		}
		if err := goOn(ctx); err != nil {
			return err
		}
		if page.Next == "" {
			return nil
		}
		after = page.Next
	}
}

// keepSurvey stores a survey over an older one; one that began later stays.
func (b *Bank) keepSurvey(ctx context.Context, app minapush.App, s Survey) error {
	value, err := encodePlain(storedSurvey{V: format, Survey: s})
	if err != nil {
		return err
	}
	for range maxEdits {
		d, err := b.st.Get(ctx, kindSurvey, appID(app))
		if err != nil && !errors.Is(err, minapush.NotFound) {
			return err
		}
		var old storedSurvey
		if err == nil && decode(d, &old) == nil && old.Survey.At.After(s.At) {
			return nil
		}
		_, err = b.st.Put(ctx, store.Document{Kind: kindSurvey, ID: appID(app), Version: d.Version, Value: value})
		if !errors.Is(err, minapush.Conflict) {
			return err
		}
	}
	return minapush.Errorf(minapush.Conflict, "the survey of app %s is being changed by others all the time", app.ID)
}

// restFor is the pause after some work that makes the work a share of the time.
func restFor(work time.Duration, share float64) time.Duration {
	return max(0, time.Duration(float64(work)*(1/share-1)))
}

// pause waits for d, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
