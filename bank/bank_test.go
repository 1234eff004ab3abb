package bank_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

func TestDepositAnswersForEveryPermitAndCountsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.deposit(t, "oalice", b.form(1, 0), b.form(1, 0), b.subscribe(1, "T"), b.form(2, 8*day))
	want := []bank.Accepted{bank.Added, bank.Duplicate, bank.Added, bank.Stale}
	if diff := cmp.Diff(want, d.Items); diff != "" {
		t.Fatal(diff)
	}
	got := gather(t, b.bank.Metrics())
	for name, n := range map[string]float64{
		"minapush_bank_deposited_permits_total form added":      1,
		"minapush_bank_deposited_permits_total form duplicate":  1,
		"minapush_bank_deposited_permits_total form stale":      1,
		"minapush_bank_deposited_permits_total subscribe added": 1,
		"minapush_bank_evicted_uses_total":                      0,
	} {
		if got[name] != n {
			t.Errorf("%s is %v, want %v", name, got[name], n)
		}
	}
}

func TestDepositKeepsTheLimitsOfItsConfig(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.bank = b.node(bank.Config{MaxPerSection: 2, MaxSections: 1})
	d := b.deposit(t, "oalice", b.form(1, 3*time.Hour), b.form(2, 2*time.Hour), b.form(3, time.Hour), b.subscribe(1, "T"))
	wantEqual(t, d.Items[3], bank.Refused)
	wantEqual(t, d.Evicted, 1)
	wantEqual(t, len(b.user(t, "oalice").Permits), 2)
	totals, err := b.bank.Totals(b.ctx, b.app)
	must(t, err)
	wantEqual(t, totals, minapush.Counts{Deposited: 3, Available: 2, Evicted: 1})
	wantEqual(t, gather(t, b.bank.Metrics())["minapush_bank_evicted_uses_total"], 1)
}

func TestDepositRefusesWhatNobodyCouldSpendAndDoesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for field, change := range map[string]func(p *minapush.Permit){
		"permits[1].kind":       func(p *minapush.Permit) { p.Kind = 9 },
		"permits[1].identity":   func(p *minapush.Permit) { p.Identity = strings.Repeat("x", minapush.MaxIdentity+1) },
		"permits[1].template":   func(p *minapush.Permit) { p.Template = "T" },
		"permits[1].expires_at": func(p *minapush.Permit) { p.ExpiresAt = time.Time{} },
		"permits[1].uses":       func(p *minapush.Permit) { p.Uses = 2 },
	} {
		bad := b.form(2, 0)
		change(&bad)
		_, err := b.bank.Deposit(b.ctx, b.app, "oalice", []minapush.Permit{b.form(1, 0), bad})
		wantField(t, err, field)
	}
	nameless := b.subscribe(1, "T")
	nameless.Identity = ""
	_, err := b.bank.Deposit(b.ctx, b.app, "oalice", []minapush.Permit{nameless})
	wantField(t, err, "permits[0].identity")
	_, err = b.bank.Deposit(b.ctx, b.app, "oalice", []minapush.Permit{b.subscribe(1, "")})
	wantField(t, err, "permits[0].template")
	_, err = b.bank.User(b.ctx, b.app, "oalice")
	wantKind(t, err, minapush.NotFound)
}

func TestUsersWithoutAnAppOrAnOpenIDAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, app := range []minapush.App{{}, {Number: 1}, {Shards: 3}, {Number: 1, Shards: minapush.MaxShards + 1}} {
		_, err := b.bank.Deposit(b.ctx, app, "oalice", nil)
		wantField(t, err, "app")
		_, err = b.bank.Flow(b.ctx, app)
		wantField(t, err, "app")
		_, err = b.bank.Survey(b.ctx, app)
		wantField(t, err, "app")
		_, err = b.bank.SourceNumber(b.ctx, app, "x")
		wantField(t, err, "app")
	}
	_, err := b.bank.Deposit(b.ctx, b.app, "", nil)
	wantField(t, err, "openid")
	_, err = b.bank.Erase(b.ctx, b.app, "a b")
	wantField(t, err, "openid")
	_, err = b.bank.ReservePush(b.ctx, b.app, bank.Push{OpenID: "é"})
	wantField(t, err, "openid")
}

func TestOneAppNeverSeesAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deposit(t, "oalice", b.form(1, 0))
	other := minapush.App{ID: "wx4567", Number: 2, Shards: 3}
	_, err := b.bank.User(b.ctx, other, "oalice")
	wantKind(t, err, minapush.NotFound)
	totals, err := b.bank.Totals(b.ctx, other)
	must(t, err)
	wantEqual(t, totals, minapush.Counts{})
	s, err := b.bank.Survey(b.ctx, other)
	must(t, err)
	wantEqual(t, s.Users, 0)
	_, err = b.bank.LastSurvey(b.ctx, b.app)
	wantKind(t, err, minapush.NotFound)
}

func TestEraseCountsWhatWasLeft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deposit(t, "oalice", b.form(1, 0), b.pay(1, time.Hour))
	done, err := b.bank.Erase(b.ctx, b.app, "oalice")
	must(t, err)
	wantEqual(t, done, true)
	totals, err := b.bank.Totals(b.ctx, b.app)
	must(t, err)
	wantEqual(t, totals, minapush.Counts{Deposited: 4, Erased: 4})
	_, err = b.bank.Erase(b.ctx, b.app, "onobody")
	wantKind(t, err, minapush.NotFound)
}

func TestErrorsNeverNameAUserWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := minapush.OpenID("oDeC45Xv9AZ0MpPsK1234567890a")
	_, err := b.bank.User(b.ctx, b.app, o)
	wantKind(t, err, minapush.NotFound)
	must(t, b.st.Close())
	for _, call := range []func() error{
		func() error { _, err := b.bank.Deposit(b.ctx, b.app, o, nil); return err },
		func() error { _, err := b.bank.Erase(b.ctx, b.app, o); return err },
		func() error { _, err := b.bank.ReservePush(b.ctx, b.app, bank.Push{OpenID: o}); return err },
	} {
		err := call()
		wantKind(t, err, minapush.Unavailable)
		if strings.Contains(err.Error(), string(o)) {
			t.Fatalf("the error names the user: %v", err)
		}
	}
}

func TestReserveBatchHandsOutTheAudienceOfAShard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app.Shards = 1
	b.deposit(t, "oalice", b.form(1, 0))
	b.deposit(t, "obob", b.subscribe(1, "T"))
	b.clock.add(time.Second)
	lease, err := b.st.Acquire(b.ctx, minapush.Shard{App: b.app.Number}, "me", time.Minute)
	must(t, err)
	batch := bank.Batch{
		Campaign: "c1", Started: b.clock.now(), Limit: 10,
		Need: bank.NeedFor(minapush.LegacyTemplate, minapush.Message{Template: "L"}),
	}
	r, err := b.bank.ReserveBatch(b.ctx, lease, batch)
	must(t, err)
	wantEqual(t, len(r.Rows), 1)
	wantEqual(t, r.Rows[0].OpenID, "oalice")
	wantEqual(t, r.Examined, 2)
	lease.Number++
	_, err = b.bank.ReserveBatch(b.ctx, lease, batch)
	wantKind(t, err, minapush.Conflict)
	wantEqual(t, gather(t, b.bank.Metrics())["minapush_bank_reserved_deliveries_total campaign"], 1)
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for field, cfg := range map[string]bank.Config{
		"MaxPerSection": {MaxPerSection: -1}, "MaxSections": {MaxSections: -1}, "SurveyEvery": {SurveyEvery: -1},
		"SurveyShare": {SurveyShare: 2}, "Page": {Page: -1},
	} {
		_, err := bank.New(b.st, cfg)
		wantField(t, err, field)
	}
	_, err := bank.New(nil, bank.Config{})
	wantField(t, err, "st")
}
