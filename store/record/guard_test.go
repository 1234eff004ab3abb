package record_test

import (
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

func TestAGuardKeepsMessagesFromWhoHadEnough(t *testing.T) {
	const other, mine, run = "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BRZ3NDEKTSV4RRFFQ69G5FAV", "01CRZ3NDEKTSV4RRFFQ69G5FAV"
	sent := func(batch, push string, content uint64) func(*record.Record) {
		return func(r *record.Record) {
			send(r, record.Ref{Batch: batch, Push: push, Attempt: 1}, record.Need{Template: "t", Content: content}, record.Guard{}, at(time.Hour))
		}
	}
	missed := func(r *record.Record) { sent(other, "", 7)(r); r.Miss(other, "") }
	today := record.Guard{PerDay: 1, DayStart: at(time.Hour)}
	all := today
	all.CountPushes = true
	yesterday := record.Guard{PerDay: 1, DayStart: at(time.Hour + time.Millisecond)}
	same := record.Guard{ContentSince: at(time.Hour)}
	series := same
	series.Series = minapush.SeriesOf(run)
	both := record.Guard{PerDay: 1, DayStart: at(0), ContentSince: at(0), KeepBack: 100}
	for name, c := range map[string]struct {
		had  func(*record.Record)
		g    record.Guard
		want string
	}{
		"nothing had":                   {func(*record.Record) {}, both, ""},
		"one a day":                     {sent(other, "", 1), today, minapush.ReasonDailyCap},
		"one the day before":            {sent(other, "", 1), yesterday, ""},
		"one that was missed":           {missed, both, ""},
		"a try of its own":              {sent(mine, "", 7), both, ""},
		"a push":                        {sent("push", "p", 1), today, ""},
		"a push that counts":            {sent("push", "p", 1), all, minapush.ReasonDailyCap},
		"a push that said the same":     {sent("push", "p", 7), same, ""},
		"the same":                      {sent(other, "", 7), same, minapush.ReasonSameContent},
		"the same of the same series":   {sent(other, "", 7), series, ""},
		"the same of another series":    {sent("01ARZ3NDEKXXXXXXXXQ69G5FAV", "", 7), series, minapush.ReasonSameContent},
		"the same of no campaign's id":  {sent("short", "", 7), series, minapush.ReasonSameContent},
		"something else":                {sent(other, "", 8), same, ""},
		"too many, and the same":        {sent(other, "", 7), both, minapush.ReasonDailyCap},
		"a standing permit has no rest": {func(*record.Record) {}, record.Guard{KeepBack: 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := lasting("t")
			c.had(&r)
			before := see(&r)
			got := send(&r, record.Ref{Batch: mine, Attempt: 1}, record.Need{Template: "t", Content: 7}, c.g, at(2*time.Hour))
			if got.Kept != c.want || got.OK != (c.want == "") {
				t.Errorf("%+v, had %+v", got, before.Recent)
			}
		})
	}
}

func TestAGuardKeepsPermitsBack(t *testing.T) {
	now := at(time.Hour)
	form := func(n int, template string, taken time.Time) minapush.Permit {
		return minapush.Permit{Kind: minapush.FormID, Template: template, Identity: code(n), TakenAt: taken, ExpiresAt: taken.Add(minapush.CodeLife)}
	}
	pay := minapush.Permit{Kind: minapush.PrepayID, Identity: "wx1", TakenAt: at(0), ExpiresAt: at(minapush.CodeLife)}
	young := pay
	young.Identity, young.TakenAt = "wx2", now
	for name, c := range map[string]struct {
		has  []minapush.Permit
		code string
		keep int // up to which number what is left will do
	}{
		"one":                              {[]minapush.Permit{form(1, "", at(0))}, "", 0},
		"two":                              {[]minapush.Permit{form(1, "", at(0)), form(2, "t", at(0))}, "", 1},
		"one that serves another template": {[]minapush.Permit{form(1, "", at(0)), form(2, "u", at(0))}, "", 0},
		"one about to end":                 {[]minapush.Permit{form(1, "", at(0)), form(2, "", at(time.Hour-minapush.CodeLife))}, "", 0},
		"uses of a payment":                {[]minapush.Permit{form(1, "", at(0)), pay}, "", 3},
		"a payment too young":              {[]minapush.Permit{form(1, "", at(0)), young}, "", 0},
		"one code only":                    {[]minapush.Permit{form(1, "", at(0)), pay}, code(1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			for keep := range 5 {
				r := record.New(at(0))
				bring(&r, at(0), c.has...)
				need := record.Need{Kinds: minapush.LegacyTemplate.PermitKinds(), Template: "t", Code: c.code}
				got := r.Reserve(record.Ref{Batch: "b", Attempt: 1}, need, record.Guard{KeepBack: keep}, now)
				if got.OK != (keep <= c.keep) || (got.Kept == minapush.ReasonKeptBack) == got.OK || r.IsBusy() != got.OK {
					t.Errorf("keeping %d: %+v", keep, got)
				}
			}
		})
	}
}
