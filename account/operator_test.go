package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

const goodPassword = "correct horse battery"

// operator makes the first operator by a link.
func (b *bundle) operator(t *testing.T, name string) account.Operator {
	t.Helper()
	secret, err := b.one.InviteFirst(b.ctx)
	must(t, err)
	o, err := b.one.Accept(b.ctx, secret, name, goodPassword)
	must(t, err)
	return o
}

func TestTheFirstOperatorComesByALinkThatIsGoodOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret, err := b.one.InviteFirst(b.ctx)
	must(t, err)
	other, err := b.two.InviteFirst(b.ctx)
	must(t, err)
	in, err := b.two.Invited(b.ctx, secret)
	must(t, err)
	if !in.First || in.Name != "" {
		t.Errorf("the link is %+v", in)
	}
	o, err := b.two.Accept(b.ctx, secret, "运营 小王", goodPassword)
	must(t, err)
	wantEqual(t, o.Name, "运营 小王")
	for _, used := range []string{secret, other, "", "nonsense"} {
		_, err = b.one.Accept(b.ctx, used, "somebody", goodPassword)
		wantKind(t, err, minapush.Unauthorized)
	}
	again, err := b.one.InviteFirst(b.ctx)
	must(t, err)
	wantEqual(t, again, "")
	got, err := b.one.SignIn(b.ctx, "运营 小王", goodPassword, "10.0.0.1")
	must(t, err)
	wantEqual(t, got.Stamp, o.Stamp)
}

func TestALinkEndsAfterADay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret, err := b.one.InviteFirst(b.ctx)
	must(t, err)
	b.clock.add(account.InviteLife + time.Second)
	_, err = b.one.Accept(b.ctx, secret, "wang", goodPassword)
	wantKind(t, err, minapush.Unauthorized)
}

func TestABadNameOrPasswordLeavesTheLinkGood(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret, err := b.one.InviteFirst(b.ctx)
	must(t, err)
	for _, c := range []struct{ name, password, field string }{
		{"", goodPassword, "name"}, {" wang", goodPassword, "name"}, {"a\nb", goodPassword, "name"},
		{"wang", "short", "password"}, {"long-enough-name", "long-enough-name", "password"}, {"wang", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "password"},
	} {
		_, err = b.one.Accept(b.ctx, secret, c.name, c.password)
		var e *minapush.Error
		if !errors.As(err, &e) || e.Field != c.field {
			t.Errorf("%q %q: %v, want a problem of %s", c.name, c.password, err, c.field)
		}
	}
	_, err = b.one.Accept(b.ctx, secret, "wang", goodPassword)
	must(t, err)
}

func TestAForgottenPasswordIsReplacedByALinkAndEndsTheOldStamp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.operator(t, "wang")
	_, _, err := b.one.Invite(b.ctx, "nobody")
	wantKind(t, err, minapush.NotFound)
	secret, _, err := b.one.Invite(b.ctx, "wang")
	must(t, err)
	after, err := b.one.Accept(b.ctx, secret, "not looked at", "another good password")
	must(t, err)
	if after.Name != "wang" || after.Stamp == before.Stamp {
		t.Errorf("%+v, before %+v", after, before)
	}
	_, err = b.one.SignIn(b.ctx, "wang", goodPassword, "10.0.0.1")
	wantKind(t, err, minapush.Unauthorized)
	_, err = b.one.ChangePassword(b.ctx, "wang", "another good password", "a third good password", "10.0.0.1")
	must(t, err)
	_, err = b.one.SignIn(b.ctx, "wang", "a third good password", "10.0.0.1")
	must(t, err)
}

func TestWhoGuessesPasswordsWaitsByNameAndByAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.operator(t, "wang")
	for range account.MaxSignInTries {
		_, err := b.one.SignIn(b.ctx, "wang", "a wrong password", "10.0.0.9")
		wantKind(t, err, minapush.Unauthorized)
	}
	for _, c := range [][2]string{{"wang", "10.0.0.1"}, {"li", "10.0.0.9"}} {
		_, err := b.one.SignIn(b.ctx, c[0], goodPassword, c[1])
		wantKind(t, err, minapush.Throttled)
	}
	b.clock.add(account.SignInWindow)
	_, err := b.one.SignIn(b.ctx, "wang", goodPassword, "10.0.0.9")
	must(t, err)
}

func TestTheLastOperatorStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.operator(t, "wang")
	wantKind(t, b.one.RemoveOperator(b.ctx, "wang"), minapush.Conflict)
	secret, _, err := b.one.Invite(b.ctx, "")
	must(t, err)
	_, err = b.one.Accept(b.ctx, secret, "wang", goodPassword)
	wantKind(t, err, minapush.Conflict)
	_, err = b.one.Accept(b.ctx, secret, "li", goodPassword)
	must(t, err)
	must(t, b.one.RemoveOperator(b.ctx, "wang"))
	_, err = b.one.Operator(b.ctx, "wang")
	wantKind(t, err, minapush.NotFound)
}

func TestSessionsOfTheConsoleAreKnownToEveryNodeAndForgottenWhenOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.one.ConsoleSessions(), b.two.ConsoleSessions()
	must(t, one.CommitCtx(b.ctx, "hash", []byte("data"), b.clock.now().Add(time.Hour)))
	got, found, err := two.FindCtx(b.ctx, "hash")
	must(t, err)
	if !found || string(got) != "data" {
		t.Errorf("%q %v", got, found)
	}
	b.clock.add(time.Hour)
	_, found, err = two.FindCtx(b.ctx, "hash")
	must(t, err)
	wantEqual(t, found, false)
	must(t, two.CommitCtx(b.ctx, "next", nil, b.clock.now().Add(time.Hour)))
	docs, err := b.docs.ListDocuments(b.ctx, "account.console_session", "", 10)
	must(t, err)
	wantEqual(t, len(docs), 1)
	must(t, two.DeleteCtx(b.ctx, "next"))
	must(t, two.DeleteCtx(b.ctx, "next"))
}

func TestNothingStoredOfAnOperatorIsASecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret, err := b.one.InviteFirst(b.ctx)
	must(t, err)
	_, err = b.one.Accept(b.ctx, secret, "wang", goodPassword)
	must(t, err)
	again, _, err := b.one.Invite(b.ctx, "wang")
	must(t, err)
	for _, kind := range []string{"account.operator", "account.invite"} {
		docs, err := b.docs.ListDocuments(b.ctx, kind, "", 10)
		must(t, err)
		if len(docs) != 1 {
			t.Errorf("%d documents of %s", len(docs), kind)
		}
		for _, d := range docs {
			for _, hidden := range []string{secret, again, goodPassword} {
				if strings.Contains(d.ID+string(d.Value), hidden) {
					t.Errorf("%s holds a secret: %s", kind, d.Value)
				}
			}
		}
	}
}
