package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

const operatorPassword = "correct horse battery"

// operators makes some who may sign in to the console.
func (b *bundle) operators(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		secret, _, err := b.accounts.Invite(t.Context(), "")
		must(t, err)
		_, err = b.accounts.Accept(t.Context(), secret, name, operatorPassword)
		must(t, err)
	}
}

func TestAnInvitationMakesAnOperatorOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.BasePath = "/push" })
	in := want[api.Invitation](t, b.call(t, "POST", "/push/v1/operators/invitations", b.admin, `{}`), 201)
	secret, found := strings.CutPrefix(in.Path, "/push/console/welcome?code=")
	if !found || !in.ExpiresAt.Equal(b.clock.now().Add(account.InviteLife)) {
		t.Fatalf("got %+v", in)
	}
	_, err := b.accounts.Accept(t.Context(), secret, "wang", operatorPassword)
	must(t, err)
	if _, err := b.accounts.Accept(t.Context(), secret, "li", operatorPassword); err == nil {
		t.Error("a link was used twice")
	}
	list := want[api.Operators](t, b.call(t, "GET", "/push/v1/operators", b.admin, ""), 200)
	if len(list.Operators) != 1 || list.Operators[0].Name != "wang" || !list.Operators[0].CreatedAt.Equal(b.clock.now()) {
		t.Errorf("got %+v", list)
	}
	again := want[api.Invitation](t, b.call(t, "POST", "/push/v1/operators/invitations", b.admin, `{"name":"wang"}`), 201)
	_, secret, _ = strings.Cut(again.Path, "code=")
	_, err = b.accounts.Accept(t.Context(), secret, "", "another good password")
	must(t, err)
	if _, err := b.accounts.SignIn(t.Context(), "wang", operatorPassword, ""); err == nil {
		t.Error("the old password is still good")
	}
}

func TestTheLastOperatorStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.operators(t, "li", "wang/wu")
	wantProblem(t, b.call(t, "POST", "/v1/operators/invitations", b.admin, `{"name":"nobody"}`), api.NumNotFound, "")
	wantProblem(t, b.call(t, "DELETE", "/v1/operators/nobody", b.admin, ""), api.NumNotFound, "")
	if a := b.call(t, "DELETE", "/v1/operators/wang%2Fwu", b.admin, ""); a.status != http.StatusNoContent {
		t.Errorf("got %d %s", a.status, a.body)
	}
	wantProblem(t, b.call(t, "DELETE", "/v1/operators/li", b.admin, ""), api.NumConflict, "")
	if list := want[api.Operators](t, b.call(t, "GET", "/v1/operators", b.admin, ""), 200); len(list.Operators) != 1 {
		t.Errorf("got %+v", list)
	}
}

func TestOnlyTheAdminOfEveryAppManagesOperators(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.operators(t, "li", "wang")
	for _, key := range []string{b.key(t, appID, account.ScopeAdmin), b.key(t, "", account.ScopeRead, account.ScopePush, account.ScopeCampaign, account.ScopeReport)} {
		wantProblem(t, b.call(t, "GET", "/v1/operators", key, ""), api.NumForbidden, "")
		wantProblem(t, b.call(t, "POST", "/v1/operators/invitations", key, `{}`), api.NumForbidden, "")
		wantProblem(t, b.call(t, "DELETE", "/v1/operators/li", key, ""), api.NumForbidden, "")
	}
	if list := want[api.Operators](t, b.call(t, "GET", "/v1/operators", b.admin, ""), 200); len(list.Operators) != 2 {
		t.Errorf("got %+v", list)
	}
}
