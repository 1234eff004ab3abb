package account_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/store"
)

func TestASecretOpensOnlyWhereItWasSealed(t *testing.T) {
	t.Parallel()
	s, other := newSealer(t), newSealer(t)
	rapid.Check(t, func(t *rapid.T) {
		purpose := rapid.StringMatching(`[a-z ]{0,8}`).Draw(t, "purpose")
		id := rapid.String().Draw(t, "id")
		secret := rapid.SliceOf(rapid.Byte()).Draw(t, "secret")
		sealed := s.Seal(purpose, id, secret)
		got, err := s.Open(purpose, id, sealed)
		if err != nil || !bytes.Equal(got, secret) {
			t.Fatalf("opened as %q, %v", got, err)
		}
		damaged := bytes.Clone(sealed)
		damaged[rapid.IntRange(0, len(sealed)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		for name, open := range map[string]func() ([]byte, error){
			"another purpose": func() ([]byte, error) { return s.Open(purpose+"x", id, sealed) },
			"another id":      func() ([]byte, error) { return s.Open(purpose, id+"x", sealed) },
			"another key":     func() ([]byte, error) { return other.Open(purpose, id, sealed) },
			"damaged":         func() ([]byte, error) { return s.Open(purpose, id, damaged) },
			"cut":             func() ([]byte, error) { return s.Open(purpose, id, sealed[:len(sealed)-1]) },
			"empty":           func() ([]byte, error) { return s.Open(purpose, id, nil) },
		} {
			if _, err := open(); minapush.KindOf(err) != minapush.Internal || err == nil {
				t.Fatalf("%s: got %v, want an internal error", name, err)
			}
		}
		if bytes.Equal(sealed, s.Seal(purpose, id, secret)) {
			t.Fatal("two seals of one secret are equal")
		}
	})
}

func TestOpenSealerWantsAWholeKey(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, 31, 33} {
		_, err := account.OpenSealer(make([]byte, n))
		wantKind(t, err, minapush.Invalid)
	}
}

func TestASealerDoesNotPrintItsKey(t *testing.T) {
	t.Parallel()
	s, err := account.OpenSealer(bytes.Repeat([]byte{0xab}, account.KeySize))
	must(t, err)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("starting", "sealer", s)
	for _, text := range []string{log.String(), fmt.Sprint(s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s)} {
		if strings.Contains(text, "171") || strings.Contains(text, "ab, 0xab") || strings.Contains(text, "abab") {
			t.Fatalf("the key is in %q", text)
		}
	}
}

func TestStoredDocumentsHoldNoSecretInClear(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.one.CreateApp(b.ctx, minapush.App{ID: "wx0123", Token: minapush.TokenSource{
		Kind: minapush.TokenURL, URL: "https://token.example.com", Header: "X-Key: header-secret",
	}}, "app-secret")
	must(t, err)
	_, err = b.one.CreateApp(b.ctx, minapush.App{ID: "wx4567", Token: minapush.TokenSource{Kind: "fixed", Value: "fixed-secret"}}, "")
	must(t, err)
	_, err = b.one.StoreToken(b.ctx, "wx0123", []byte("token-secret"), 0)
	must(t, err)
	key, _, err := b.one.EnsureAdminKey(b.ctx, nil)
	must(t, err)
	_, _, err = b.one.IssueSession(b.ctx, "wx0123", "oabcdefghij")
	must(t, err)
	must(t, b.one.CheckSeal(b.ctx))
	docs := b.dump(t)
	wantEqual(t, len(docs), 7) // two apps, the counter, a key, the signing key, a token, the check
	for _, d := range docs {
		for _, secret := range []string{"header-secret", "app-secret", "fixed-secret", "token-secret", key} {
			for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))[:8]} {
				if bytes.Contains(d.Value, []byte(form)) {
					t.Errorf("document %s %s holds %q", d.Kind, d.ID, secret)
				}
			}
		}
	}
	app, err := b.two.App(b.ctx, "wx0123")
	must(t, err)
	wantEqual(t, app.Token.Header, "X-Key: header-secret")
	app, err = b.two.App(b.ctx, "wx4567")
	must(t, err)
	wantEqual(t, app.Token.Value, "fixed-secret")
}

func TestAWrongKeyFileIsNoticedAndNoSecretIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.one.CheckSeal(b.ctx))
	must(t, b.two.CheckSeal(b.ctx))
	b.app(t, "wx0123")
	b.sealer = newSealer(t)
	wrong := b.node(t)
	wantKind(t, wrong.CheckSeal(b.ctx), minapush.Internal)
	_, err := wrong.Secret(b.ctx, "wx0123")
	wantKind(t, err, minapush.Internal)
	if !strings.Contains(err.Error(), "another key file") {
		t.Fatalf("the text does not say what is wrong: %v", err)
	}
}

func TestADocumentOfANewerFormatIsRefusedInClearWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.docs.Put(b.ctx, store.Document{Kind: "account.app", ID: "wx0123", Value: []byte(`{"v":2,"id":"wx0123"}`)})
	must(t, err)
	_, err = b.docs.Put(b.ctx, store.Document{Kind: "account.app", ID: "wx4567", Value: []byte(`not json`)})
	must(t, err)
	for id, text := range map[minapush.AppID]string{"wx0123": "has format 2", "wx4567": "is damaged"} {
		_, err := b.one.App(b.ctx, id)
		wantKind(t, err, minapush.Internal)
		if !strings.Contains(err.Error(), text) {
			t.Fatalf("got %v, want the text %q", err, text)
		}
		_, err = b.one.UpdateApp(b.ctx, id, func(*minapush.App) error { return nil }, nil)
		wantKind(t, err, minapush.Internal)
	}
}
