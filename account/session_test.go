package account_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

const someone = minapush.OpenID("oDeC45Xv9AZ0MpPsK1234567890a")

func TestASessionTellsWhoseItIsOnEveryNode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	token, expires, err := b.one.IssueSession(b.ctx, "wx0123", someone)
	must(t, err)
	wantEqual(t, expires, b.clock.now().Add(24*time.Hour))
	for _, node := range []*account.Accounts{b.one, b.two} {
		o, err := node.VerifySession(b.ctx, "wx0123", token)
		must(t, err)
		wantEqual(t, o, someone)
	}
}

func TestASessionEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	token, expires, err := b.one.IssueSession(b.ctx, "wx0123", someone)
	must(t, err)
	b.clock.add(expires.Sub(b.clock.now()) - time.Second)
	_, err = b.one.VerifySession(b.ctx, "wx0123", token)
	must(t, err)
	b.clock.add(time.Second)
	_, err = b.one.VerifySession(b.ctx, "wx0123", token)
	wantKind(t, err, minapush.Unauthorized)
}

func TestASessionIsRefusedWhateverIsWrongWithIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	b.app(t, "wx4567")
	token, _, err := b.one.IssueSession(b.ctx, "wx0123", someone)
	must(t, err)
	elsewhere := setup(t)
	elsewhere.app(t, "wx0123")
	foreign, _, err := elsewhere.one.IssueSession(elsewhere.ctx, "wx0123", someone)
	must(t, err)
	parts := strings.Split(token, ".")
	claims := jwt.RegisteredClaims{
		Issuer: "minapush", Audience: jwt.ClaimStrings{"wx0123"}, Subject: string(someone),
		ExpiresAt: jwt.NewNumericDate(b.clock.now().Add(time.Hour)),
	}
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
	must(t, err)
	guessed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(make([]byte, 32))
	must(t, err)
	for name, bad := range map[string]string{
		"empty": "", "not a token": "x.y.z", "another store": foreign, "unsigned": unsigned, "guessed key": guessed,
		"no signature": parts[0] + "." + parts[1] + ".", "cut": token[:len(token)-2], "longer": token + "A",
		"huge": strings.Repeat("a", 1<<20), "other claims": parts[0] + "." + strings.Split(guessed, ".")[1] + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.one.VerifySession(b.ctx, "wx0123", bad)
			wantKind(t, err, minapush.Unauthorized)
			if strings.Contains(err.Error(), string(someone)) {
				t.Fatalf("the error names the user: %v", err)
			}
		})
	}
	_, err = b.one.VerifySession(b.ctx, "wx4567", token)
	wantKind(t, err, minapush.Unauthorized)
	_, err = b.one.VerifySession(b.ctx, "", token)
	wantKind(t, err, minapush.Unauthorized)
}

func TestASessionIsIssuedOnlyToAUserOfAnApp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	_, _, err := b.one.IssueSession(b.ctx, "wx0123", "with space")
	wantField(t, err, "openid")
	_, _, err = b.one.IssueSession(b.ctx, "wx9999", someone)
	wantKind(t, err, minapush.NotFound)
}

func TestNodesThatStartAtOnceShareOneSigningKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	tokens := make([]string, 8)
	var wg sync.WaitGroup
	for i := range tokens {
		node := b.node(t)
		wg.Go(func() {
			token, _, err := node.IssueSession(b.ctx, "wx0123", someone)
			if err != nil {
				t.Error(err)
			}
			tokens[i] = token
		})
	}
	wg.Wait()
	for _, token := range tokens {
		_, err := b.one.VerifySession(b.ctx, "wx0123", token)
		must(t, err)
	}
}
