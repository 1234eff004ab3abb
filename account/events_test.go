package account_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

const (
	eventToken = "eventToken1"
	eventKey   = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

func set(s account.EventSettings) func(*account.EventSettings) error {
	return func(e *account.EventSettings) error { *e = s; return nil }
}

func TestEventSettingsAreSealedAndRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wxevents")
	if _, err := b.one.Events(b.ctx, "wxevents"); !errors.Is(err, minapush.NotFound) {
		t.Errorf("an app without settings: %v", err)
	}
	if _, err := b.one.ChangeEvents(b.ctx, "wxnobody", set(account.EventSettings{Token: eventToken})); !errors.Is(err, minapush.NotFound) {
		t.Errorf("no such app: %v", err)
	}
	want := account.EventSettings{
		Token: eventToken, AESKey: eventKey, Mode: account.EventSecurity, PassOnURL: "http://shop.internal/wx?key=1", PassOnAll: true,
	}
	given := want
	given.Mode = ""
	got, err := b.one.ChangeEvents(b.ctx, "wxevents", set(given))
	must(t, err)
	wantEqual(t, got, want)
	got, err = b.node(t).Events(b.ctx, "wxevents") // on another node
	must(t, err)
	wantEqual(t, got, want)
	d, err := b.docs.Get(b.ctx, "account.events", "wxevents")
	must(t, err)
	if bytes.Contains(d.Value, []byte(eventToken)) || bytes.Contains(d.Value, []byte(eventKey)) {
		t.Errorf("a secret is stored in clear: %s", d.Value)
	}
	// What change leaves alone stays, and other nodes' caches are only as old as they may be.
	got, err = b.one.ChangeEvents(b.ctx, "wxevents", func(e *account.EventSettings) error { e.Mode = account.EventPlain; return nil })
	must(t, err)
	want.Mode = account.EventPlain
	wantEqual(t, got, want)
	must(t, b.one.DeleteEvents(b.ctx, "wxevents"))
	for _, err := range []error{b.one.DeleteEvents(b.ctx, "wxevents"), b.one.DeleteEvents(b.ctx, "?")} {
		if !errors.Is(err, minapush.NotFound) {
			t.Errorf("deleted twice: %v", err)
		}
	}
}

func TestBadEventSettingsAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wxevents")
	good := account.EventSettings{Token: eventToken, AESKey: eventKey}
	for field, change := range map[string]func(*account.EventSettings){
		"mode":             func(e *account.EventSettings) { e.Mode = "aes" },
		"token":            func(e *account.EventSettings) { e.Token = "" },
		"token ":           func(e *account.EventSettings) { e.Token = "a-b" },
		"encoding_aes_key": func(e *account.EventSettings) { e.AESKey = "" },
		"encoding_aes_key ": func(e *account.EventSettings) {
			e.Mode, e.AESKey = account.EventPlain, strings.Repeat("=", 43)
		},
		"pass_on":       func(e *account.EventSettings) { e.PassOnAll = true },
		"pass_on_url":   func(e *account.EventSettings) { e.PassOnURL = "ftp://x" },
		"pass_on_url ":  func(e *account.EventSettings) { e.PassOnURL = "http://169.254.169.254/latest" },
		"pass_on_url  ": func(e *account.EventSettings) { e.PassOnURL = "https://a:b@x.example.com" },
	} {
		s := good
		change(&s)
		_, err := b.one.ChangeEvents(b.ctx, "wxevents", set(s))
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != strings.TrimSpace(field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := b.one.Events(b.ctx, "wxevents"); !errors.Is(err, minapush.NotFound) {
		t.Errorf("something was stored: %v", err)
	}
}

func TestEventSecretsAreForgottenWithTheOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wxevents")
	_, err := b.one.ChangeEvents(b.ctx, "wxevents", set(account.EventSettings{Token: eventToken, AESKey: eventKey, PassOnURL: "https://shop.example.com/wx"}))
	must(t, err)
	must(t, account.ForgetSecrets(b.ctx, b.docs))
	must(t, account.ForgetSecrets(b.ctx, b.docs))
	b.sealer = newSealer(t)
	got, err := b.node(t).Events(b.ctx, "wxevents")
	must(t, err)
	wantEqual(t, got, account.EventSettings{Mode: account.EventSecurity, PassOnURL: "https://shop.example.com/wx"})
	if got.HasSecrets() {
		t.Error("it is said to have secrets")
	}
}
