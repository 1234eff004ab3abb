package account_test

import (
	"errors"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

func TestAStoreWhoseKeyIsLostTakesAnotherOnceItsSecretsAreForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wxsecret")
	for id, token := range map[minapush.AppID]minapush.TokenSource{
		"wxurl":   {Kind: minapush.TokenURL, URL: "https://token.example.com/t", Header: "Authorization: Bearer x", Path: "data.token"},
		"wxfixed": {Kind: minapush.TokenFixed, Value: "fixed-token"},
	} {
		_, err := b.one.CreateApp(b.ctx, minapush.App{ID: id, Token: token}, "")
		must(t, err)
	}
	must(t, b.one.CheckSeal(b.ctx))
	_, err := b.one.StoreToken(b.ctx, "wxsecret", []byte("access-token"), 0)
	must(t, err)
	old, _, err := b.one.IssueSession(b.ctx, "wxsecret", "oUser")
	must(t, err)

	b.sealer = newSealer(t)
	if err := b.node(t).CheckSeal(b.ctx); err == nil {
		t.Fatal("another key was taken before")
	}
	must(t, account.ForgetSecrets(b.ctx, b.docs))
	must(t, account.ForgetSecrets(b.ctx, b.docs)) // it may be repeated
	a := b.node(t)
	must(t, a.CheckSeal(b.ctx))
	for id, want := range map[minapush.AppID]minapush.TokenSource{
		"wxsecret": {Kind: minapush.TokenStable},
		"wxurl":    {Kind: minapush.TokenURL, URL: "https://token.example.com/t", Path: "data.token"},
		"wxfixed":  {Kind: minapush.TokenStable},
	} {
		app, err := a.UpdateApp(b.ctx, id, func(app *minapush.App) error { app.Stopped = minapush.Reason{Code: "x"}; return nil }, nil)
		if err != nil || app.Token != want {
			t.Errorf("%s: %+v, %v", id, app.Token, err)
		}
		if _, err := a.Secret(b.ctx, id); !errors.Is(err, minapush.NotFound) {
			t.Errorf("%s: secret: %v", id, err)
		}
	}
	if value, version, err := a.LoadToken(b.ctx, "wxsecret"); value != nil || version != 0 || err != nil {
		t.Errorf("token %q, %d, %v", value, version, err)
	}
	if _, err := a.VerifySession(b.ctx, "wxsecret", old); !errors.Is(err, minapush.Unauthorized) {
		t.Errorf("an old session: %v", err)
	}
	_, _, err = a.IssueSession(b.ctx, "wxsecret", "oUser")
	must(t, err)
}
