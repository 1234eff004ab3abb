package dispatch

import (
	"errors"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
)

func TestEachAnswerHasItsConsequence(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	form := minapush.Permit{Kind: minapush.FormID, Identity: "c", TakenAt: now.Add(-time.Hour)}
	pay := minapush.Permit{Kind: minapush.PrepayID, Identity: "wx", TakenAt: now.Add(-time.Hour)}
	youngPay := minapush.Permit{Kind: minapush.PrepayID, Identity: "wx", TakenAt: now.Add(-12 * time.Second)}
	sub := minapush.Permit{Kind: minapush.Subscription, Template: "T"}
	type want struct {
		outcome minapush.Outcome
		effect  string
		after   time.Duration
		act     act
		resend  bool
		maybe   bool
	}
	effects := map[string]any{
		"release": delivery.Release, "spend": delivery.Spend, "burn": delivery.Burn, "suspect": delivery.SuspectUse,
		"template": delivery.VoidTemplate, "user": delivery.VoidUser,
	}
	mk := func(k minapush.Kind, code int, e minapush.Extent, after time.Duration) error {
		return &minapush.Error{Kind: k, Code: code, Extent: e, RetryAfter: after}
	}
	for _, c := range []struct {
		name          string
		permit        minapush.Permit
		tries         int
		resend        bool
		err           error
		atLeastOnce   bool
		invalidCommon bool
		whose         blame
		want          want
	}{
		{name: "accepted spends the use", permit: sub, want: want{outcome: minapush.Accepted, effect: "spend"}},
		{name: "not sent gives the permit back", permit: sub, tries: 3, err: mk(minapush.Unavailable, 0, 0, 0),
			want: want{effect: "release", after: 4 * time.Second}},
		{name: "a lost answer to a form id is sent again with the same code", permit: form, tries: 1, err: mk(minapush.Uncertain, 0, 0, 0),
			want: want{effect: "release", after: time.Second, resend: true}},
		{name: "a form id whose answers are lost again and again ends unknown", permit: form, tries: 3, resend: true, err: mk(minapush.Uncertain, 0, 0, 0),
			want: want{outcome: minapush.Unknown, effect: "spend"}},
		{name: "a lost answer to a payment is unknown", permit: pay, tries: 1, err: mk(minapush.Uncertain, 0, 0, 0),
			want: want{outcome: minapush.Unknown, effect: "spend"}},
		{name: "a lost answer to a subscription is unknown", permit: sub, tries: 1, err: mk(minapush.Uncertain, 0, 0, 0),
			want: want{outcome: minapush.Unknown, effect: "spend"}},
		{name: "at least once tries another permit", permit: sub, tries: 1, err: mk(minapush.Uncertain, 0, 0, 0), atLeastOnce: true,
			want: want{effect: "spend", maybe: true}},
		{name: "used up on a first try is dead", permit: form, tries: 1, err: mk(minapush.PermitDead, 41029, 0, 0),
			want: want{effect: "burn"}},
		{name: "used up on a repeated try had arrived", permit: form, tries: 2, resend: true, err: mk(minapush.PermitDead, 41029, 0, 0),
			want: want{outcome: minapush.Accepted, effect: "spend"}},
		{name: "invalid on a repeated try is not tried with another permit", permit: form, tries: 2, resend: true, err: mk(minapush.PermitDead, 41028, 0, 0),
			want: want{outcome: minapush.Unknown, effect: "spend"}},
		{name: "the third dead permit in a row ends it", permit: form, tries: 3, err: mk(minapush.PermitDead, 41028, 0, 0),
			want: want{outcome: minapush.Failed, effect: "burn"}},
		{name: "a young payment is kept and tried later", permit: youngPay, tries: 1, err: mk(minapush.PermitDead, 41028, 0, 0),
			want: want{effect: "release", after: 10 * time.Second}},
		{name: "an old payment called invalid is dead", permit: pay, tries: 1, err: mk(minapush.PermitDead, 41028, 0, 0),
			want: want{effect: "burn"}},
		{name: "43101 is only suspected", permit: sub, tries: 1, err: mk(minapush.Refused, 43101, 0, 0),
			want: want{effect: "suspect"}},
		{name: "an invalid openid voids the user", permit: sub, tries: 1, err: mk(minapush.NotFound, 40003, 0, 0),
			want: want{outcome: minapush.Failed, effect: "user"}},
		{name: "invalid openids everywhere void nobody", permit: sub, tries: 1, err: mk(minapush.NotFound, 40003, 0, 0), invalidCommon: true,
			want: want{outcome: minapush.Failed, effect: "release"}},
		{name: "busy is tried again", permit: sub, tries: 1, err: mk(minapush.Throttled, -1, 0, 0),
			want: want{effect: "release", after: time.Second}},
		{name: "busy for the fourth time fails with the permit back", permit: sub, tries: 4, err: mk(minapush.Throttled, -1, 0, 0),
			want: want{outcome: minapush.Failed, effect: "release"}},
		{name: "busy on a repeated form id keeps its code", permit: form, tries: 2, resend: true, err: mk(minapush.Throttled, -1, 0, 0),
			want: want{effect: "release", after: 2 * time.Second, resend: true}},
		{name: "a repeated form id never fails with its permit back", permit: form, tries: 4, resend: true, err: mk(minapush.Throttled, -1, 0, 0),
			want: want{outcome: minapush.Unknown, effect: "spend"}},
		{name: "43108 waits a second", permit: sub, tries: 1, err: mk(minapush.Throttled, 43108, 0, time.Second),
			want: want{effect: "release", after: time.Second}},
		{name: "the daily quota holds the app", permit: sub, tries: 1, err: mk(minapush.Throttled, 45009, minapush.OneApp, 4*time.Hour),
			want: want{effect: "release", act: holdApp}},
		{name: "a bad page stops the campaign", permit: sub, tries: 1, err: mk(minapush.BadMessage, 41030, minapush.OneMessage, 0),
			want: want{effect: "release", act: stopCampaign}},
		{name: "bad data of one user fails that user", permit: sub, tries: 1, err: mk(minapush.BadMessage, 45168, minapush.OneUser, 0),
			want: want{outcome: minapush.Failed, effect: "release"}},
		{name: "bad data of everybody stops the campaign", permit: sub, tries: 1, err: mk(minapush.BadMessage, 47003, minapush.OneMessage, 0),
			want: want{effect: "release", act: stopCampaign}},
		{name: "bad data while nobody knows whose fault it is waits", permit: sub, tries: 1, err: mk(minapush.BadMessage, 47003, minapush.OneMessage, 0), whose: unclear,
			want: want{effect: "release"}},
		{name: "bad data of one user's own values fails that user", permit: sub, tries: 1, err: mk(minapush.BadMessage, 47003, minapush.OneMessage, 0), whose: users,
			want: want{outcome: minapush.Failed, effect: "release"}},
		{name: "bad data that a repeated form id carried may have arrived before", permit: form, tries: 2, resend: true, err: mk(minapush.BadMessage, 47003, minapush.OneMessage, 0), whose: users,
			want: want{outcome: minapush.Unknown, effect: "spend"}},
		{name: "a banned account stops the app", permit: sub, tries: 1, err: mk(minapush.BadCredential, 48004, minapush.OneApp, 0),
			want: want{effect: "release", act: stopApp}},
		{name: "a token that stays bad holds the app", permit: sub, tries: 1, err: mk(minapush.BadCredential, 40001, minapush.OneApp, 0),
			want: want{effect: "release", act: holdApp}},
		{name: "an unknown answer fails with the permit back", permit: sub, tries: 1, err: mk(minapush.Internal, 99999, 0, 0),
			want: want{outcome: minapush.Failed, effect: "release"}},
		{name: "an error of another kind fails with the permit back", permit: sub, tries: 1, err: errors.New("bug"),
			want: want{outcome: minapush.Failed, effect: "release"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			row := minapush.Delivery{Batch: "c", OpenID: "o", Permit: c.permit, Tries: c.tries, Resend: c.resend, Attempt: 7}
			v := judge(row, c.err, minapush.Receipt{MsgID: 5}, now, c.atLeastOnce, c.invalidCommon, c.whose)
			if v.Attempt != 7 || v.OpenID != "o" || v.Batch != "c" {
				t.Errorf("settles %+v, not the row's attempt", v.Ref)
			}
			if v.Outcome != c.want.outcome || v.act != c.want.act || v.Resend != c.want.resend || v.Maybe != c.want.maybe {
				t.Errorf("got outcome %v act %d resend %v maybe %v, want %+v", v.Outcome, v.act, v.Resend, v.Maybe, c.want)
			}
			if any(v.Permit) != effects[c.want.effect] {
				t.Errorf("permit effect %v, want %s", v.Permit, c.want.effect)
			}
			if v.Outcome == minapush.Pending && !v.NotBefore.Equal(now.Add(c.want.after)) && c.want.effect != "suspect" {
				t.Errorf("next try after %v, want %v", v.NotBefore.Sub(now), c.want.after)
			}
		})
	}
}
