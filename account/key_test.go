package account_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/store"
)

func TestAKeyAllowsItsScopesInItsApp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key  account.Key
		app  minapush.AppID
		ask  account.Scope
		want bool
	}{
		"its scope":                       {account.Key{Scopes: []account.Scope{"push"}}, "wx0123", "push", true},
		"another scope":                   {account.Key{Scopes: []account.Scope{"push"}}, "wx0123", "campaign", false},
		"admin implies all":               {account.Key{Scopes: []account.Scope{"admin"}}, "wx0123", "campaign", true},
		"its app":                         {account.Key{App: "wx0123", Scopes: []account.Scope{"push"}}, "wx0123", "push", true},
		"another app":                     {account.Key{App: "wx0123", Scopes: []account.Scope{"push"}}, "wx4567", "push", false},
		"admin of another app":            {account.Key{App: "wx0123", Scopes: []account.Scope{"admin"}}, "wx4567", "read", false},
		"admin of one app outside of all": {account.Key{App: "wx0123", Scopes: []account.Scope{"admin"}}, "", "admin", false},
		"admin of all outside of all":     {account.Key{Scopes: []account.Scope{"admin"}}, "", "admin", true},
		"no scopes":                       {account.Key{}, "wx0123", "read", false},
	} {
		t.Run(name, func(t *testing.T) { wantEqual(t, c.key.Allows(c.app, c.ask), c.want) })
	}
}

func TestAuthenticateFindsTheKeyOfASecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	key, secret, err := b.one.CreateKey(b.ctx, account.Key{Name: "shop", App: "wx0123", Scopes: []account.Scope{"push", "read"}})
	must(t, err)
	if !strings.HasPrefix(secret, "mpk_"+key.ID+"_") || len(secret) != len("mpk_")+26+1+43 {
		t.Fatal("the secret does not look like one")
	}
	got, err := b.two.Authenticate(b.ctx, secret)
	must(t, err)
	if diff := cmp.Diff(key, got); diff != "" {
		t.Fatal(diff)
	}
	keys, err := b.two.Keys(b.ctx)
	must(t, err)
	if diff := cmp.Diff([]account.Key{key}, keys); diff != "" {
		t.Fatal(diff)
	}
}

func TestAuthenticateRefusesEverythingElseWithOneText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key, secret, err := b.one.CreateKey(b.ctx, account.Key{Name: "a", Scopes: []account.Scope{"read"}})
	must(t, err)
	other, _, err := b.one.CreateKey(b.ctx, account.Key{Name: "b", Scopes: []account.Scope{"read"}})
	must(t, err)
	last := secret[:len(secret)-1] + "A"
	if last == secret {
		last = secret[:len(secret)-1] + "Q"
	}
	for _, s := range []string{
		"", "mpk_", "mpk__", "mpk_first_x", "mpk_" + key.ID, "mpk_" + key.ID + "_", last, secret + "A", " " + secret, secret + "\n",
		strings.Replace(secret, key.ID, other.ID, 1), strings.ToLower(secret), strings.Repeat("mpk_", 1000),
		"mpk_\x00_x", "mpk_../../_x",
	} {
		_, err := b.one.Authenticate(b.ctx, s)
		wantKind(t, err, minapush.Unauthorized)
		wantEqual(t, err.Error(), "the API key is not valid")
	}
	_, err = b.one.Authenticate(b.ctx, secret)
	must(t, err)
}

func TestARevokedKeyEndsAtOnceHereAndSoonElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key, secret, err := b.one.CreateKey(b.ctx, account.Key{Name: "a", Scopes: []account.Scope{"read"}})
	must(t, err)
	for _, node := range []*account.Accounts{b.one, b.two} {
		_, err = node.Authenticate(b.ctx, secret)
		must(t, err)
	}
	must(t, b.one.RevokeKey(b.ctx, key.ID))
	_, err = b.one.Authenticate(b.ctx, secret)
	wantKind(t, err, minapush.Unauthorized)
	b.clock.add(time.Second)
	_, err = b.two.Authenticate(b.ctx, secret)
	wantKind(t, err, minapush.Unauthorized)
	wantKind(t, b.one.RevokeKey(b.ctx, key.ID), minapush.NotFound)
	wantKind(t, b.one.RevokeKey(b.ctx, "no such id"), minapush.NotFound)
}

func TestAuthenticateTellsAnOutageFromAWrongKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, secret, err := b.one.CreateKey(b.ctx, account.Key{Name: "a", Scopes: []account.Scope{"read"}})
	must(t, err)
	must(t, b.docs.Documents.(store.Store).Close())
	_, err = b.one.Authenticate(b.ctx, secret)
	wantKind(t, err, minapush.Unavailable)
}

func TestCreateKeyNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	read := []account.Scope{account.ScopeRead}
	for field, k := range map[string]account.Key{
		"name":   {Scopes: read},
		"scopes": {Name: "a"},
		"app":    {Name: "a", Scopes: read, App: "wx9999"},
	} {
		_, _, err := b.one.CreateKey(b.ctx, k)
		wantField(t, err, field)
	}
	for _, scopes := range [][]account.Scope{{"root"}, {"read", "read"}, {""}} {
		_, _, err := b.one.CreateKey(b.ctx, account.Key{Name: "a", Scopes: scopes})
		wantField(t, err, "scopes")
	}
}

func TestEnsureAdminKeyMakesExactlyOneAmongManyNodes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mu sync.Mutex
	var secrets []string
	var wg sync.WaitGroup
	for range 10 {
		node := b.node(t)
		wg.Go(func() {
			secret, created, err := node.EnsureAdminKey(b.ctx, nil)
			if err != nil || created != (secret != "") {
				t.Errorf("got %v, %v", created, err)
			}
			if created {
				mu.Lock()
				defer mu.Unlock()
				secrets = append(secrets, secret)
			}
		})
	}
	wg.Wait()
	wantEqual(t, len(secrets), 1)
	key, err := b.one.Authenticate(b.ctx, secrets[0])
	must(t, err)
	wantEqual(t, key.Allows("", account.ScopeAdmin), true)
}

func TestEnsureAdminKeyKnowsItsKeyAgainAfterALostAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.docs.set(nil, func(store.Document) error { return minapush.Unavailable })
	secret, created, err := b.one.EnsureAdminKey(b.ctx, nil)
	must(t, err)
	wantEqual(t, created, true)
	_, err = b.two.Authenticate(b.ctx, secret)
	must(t, err)
}

func TestEnsureAdminKeyLeavesAStoreWithKeysAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, err := b.one.CreateKey(b.ctx, account.Key{Name: "a", Scopes: []account.Scope{"read"}})
	must(t, err)
	_, created, err := b.two.EnsureAdminKey(b.ctx, nil)
	must(t, err)
	wantEqual(t, created, false)
}

func TestAKeyThatAsksForItsIDIsMadeOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := account.Key{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Name: "backend", Scopes: []account.Scope{account.ScopeRead}}
	made, secret, err := b.one.CreateKey(b.ctx, want)
	must(t, err)
	wantEqual(t, made.ID, want.ID)
	_, _, err = b.two.CreateKey(b.ctx, want)
	wantKind(t, err, minapush.Conflict)
	if _, err := b.two.Authenticate(b.ctx, secret); err != nil {
		t.Errorf("the first secret is no good any more: %v", err)
	}
	for _, id := range []string{"first", "x", "01ARZ3NDEKTSV4RRFFQ69G5FA!"} {
		want.ID = id
		_, _, err = b.one.CreateKey(b.ctx, want)
		wantKind(t, err, minapush.Invalid)
	}
}

func FuzzAuthenticateTakesNothingThatWasNotGivenOut(f *testing.F) {
	f.Add("mpk_first_x")
	f.Add("mpk_01ARZ3NDEKTSV4RRFFQ69G5FAV_AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		b := setup(t)
		_, _, err := b.one.EnsureAdminKey(b.ctx, nil)
		must(t, err)
		_, err = b.one.Authenticate(b.ctx, s)
		wantKind(t, err, minapush.Unauthorized)
	})
}

func TestEnsureAdminKeyStoresNothingThatCouldNotBeKept(t *testing.T) {
	b := setup(t)
	full := errors.New("disk full")
	if _, created, err := b.one.EnsureAdminKey(b.ctx, func(string) error { return full }); !errors.Is(err, full) || created {
		t.Errorf("created %v, %v", created, err)
	}
	var kept string
	secret, created, err := b.one.EnsureAdminKey(b.ctx, func(s string) error { kept = s; return nil })
	if err != nil || !created || kept != secret {
		t.Errorf("the next call: created %v, kept %v, %v", created, kept == secret, err)
	}
}
