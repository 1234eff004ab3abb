package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Operator is somebody who may sign in to the console. Every operator may do everything there.
type Operator struct {
	Name      string
	CreatedAt time.Time
	// Stamp changes with the password: a session that was begun under another one is over.
	Stamp string
}

const (
	kindOperator = "account.operator"
	maxOperator  = 64
	// MinPassword and MaxPassword bound a password, in characters and in bytes.
	MinPassword = 10
	MaxPassword = 256
	// MaxSignInTries is how many wrong passwords of one name, and of one address, are looked at within SignInWindow.
	MaxSignInTries = 8
	SignInWindow   = 15 * time.Minute
	// hashesAtOnce bounds the memory of password checks: each takes 64 MiB.
	hashesAtOnce = 2
)

type storedOperator struct {
	V         int       `json:"v"`
	Name      string    `json:"name"`
	Hash      string    `json:"argon2id"`
	CreatedAt time.Time `json:"created_at"`
}

func (s storedOperator) operator() Operator {
	sum := sha256.Sum256([]byte(s.Hash))
	return Operator{Name: s.Name, CreatedAt: s.CreatedAt, Stamp: hex.EncodeToString(sum[:8])}
}

// Operators returns every operator, by name.
func (a *Accounts) Operators(ctx context.Context) ([]Operator, error) {
	var all []Operator
	err := a.each(ctx, kindOperator, "", func(d store.Document) (bool, error) {
		var s storedOperator
		err := decode(d, &s)
		all = append(all, s.operator())
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("list operators: %w", err)
	}
	return all, nil
}

// Operator returns one operator. Errors: NotFound.
func (a *Accounts) Operator(ctx context.Context, name string) (Operator, error) {
	var s storedOperator
	if checkOperator(name) != nil {
		return Operator{}, minapush.Errorf(minapush.NotFound, "operator %.64q is not known", name)
	}
	if _, err := a.get(ctx, kindOperator, name, &s); err != nil {
		return Operator{}, fmt.Errorf("operator %q: %w", name, err)
	}
	return s.operator(), nil
}

// RemoveOperator ends what an operator may do, sessions included. Errors: NotFound; Conflict (it is the last one).
func (a *Accounts) RemoveOperator(ctx context.Context, name string) error {
	all, err := a.Operators(ctx)
	if err != nil {
		return err
	}
	if len(all) == 1 && all[0].Name == name {
		return minapush.Errorf(minapush.Conflict, "%q is the last operator: invite another one first", name)
	}
	if checkOperator(name) != nil {
		return minapush.Errorf(minapush.NotFound, "operator %.64q is not known", name)
	}
	return a.remove(ctx, kindOperator, name)
}

// SignIn finds the operator whose password this is. Whoever tries too often, by name or from an address, waits. Errors: Unauthorized, with
// the same text whatever is wrong; Throttled, with RetryAfter.
func (a *Accounts) SignIn(ctx context.Context, name, password, from string) (Operator, error) {
	now := a.now()
	who, where := "name:"+name, "from:"+from
	if wait := max(a.tries.wait(who, now), a.tries.wait(where, now)); wait > 0 {
		e := minapush.Errorf(minapush.Throttled, "too many wrong passwords: wait before the next try")
		e.RetryAfter = wait
		return Operator{}, e
	}
	s := storedOperator{Hash: noPassword} // as much work for a name that there is not, so that time does not tell
	if checkOperator(name) == nil {
		if _, err := a.get(ctx, kindOperator, name, &s); err != nil && !errors.Is(err, minapush.NotFound) {
			return Operator{}, err
		}
	}
	good, err := a.passwords.check(ctx, password, s.Hash)
	if err != nil {
		return Operator{}, err
	}
	if !good {
		a.tries.failed(who, now)
		a.tries.failed(where, now)
		return Operator{}, minapush.Errorf(minapush.Unauthorized, "name or password is wrong")
	}
	a.tries.forget(who)
	return s.operator(), nil
}

// ChangePassword replaces the password of an operator who knows it; all sessions of the operator end. Errors: Unauthorized; Throttled;
// Invalid (Field "password").
func (a *Accounts) ChangePassword(ctx context.Context, name, old, next, from string) (Operator, error) {
	if err := checkPassword(name, next); err != nil {
		return Operator{}, err
	}
	if _, err := a.SignIn(ctx, name, old, from); err != nil {
		return Operator{}, err
	}
	return a.putOperator(ctx, name, next, true)
}

// putOperator makes an operator, or with again gives one that there is another password. Errors: Conflict (Field "name": there is one
// already).
func (a *Accounts) putOperator(ctx context.Context, name, password string, again bool) (Operator, error) {
	hash, err := a.passwords.hash(ctx, password)
	if err != nil {
		return Operator{}, err
	}
	var kept storedOperator
	err = edit(ctx, a, kindOperator, name, func(s *storedOperator, exists bool) error {
		switch {
		case exists && !again:
			e := minapush.Errorf(minapush.Conflict, "there is an operator %q already", name)
			e.Field = "name"
			return e
		case !exists && again:
			return minapush.Errorf(minapush.NotFound, "operator %q is not known", name)
		case !exists:
			*s = storedOperator{V: format, Name: name, CreatedAt: a.utc()}
		}
		s.Hash = hash
		kept = *s
		return nil
	})
	return kept.operator(), err
}

func checkOperator(name string) error {
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return minapush.FieldError("name", "must not have control characters")
		}
	}
	if name == "" || len(name) > maxOperator || !utf8.ValidString(name) || name[0] == ' ' || name[len(name)-1] == ' ' {
		return minapush.FieldError("name", "must be 1 to %d bytes of text, without blanks around it", maxOperator)
	}
	return nil
}

func checkPassword(name, password string) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return minapush.FieldError("password", "must be text")
	case n < MinPassword:
		return minapush.FieldError("password", "must have at least %d characters, has %d", MinPassword, n)
	case len(password) > MaxPassword:
		return minapush.FieldError("password", "must have at most %d bytes, has %d", MaxPassword, len(password))
	case password == name:
		return minapush.FieldError("password", "must not be the name")
	}
	return nil
}

// noPassword is a hash that no password has: the work to find that out is the same as for one that some password has.
const noPassword = "$argon2id$v=19$m=65536,t=1,p=2$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// passwords hashes some at a time.
type passwords struct{ room chan struct{} }

func newPasswords() *passwords { return &passwords{room: make(chan struct{}, hashesAtOnce)} }

func (p *passwords) params() *argon2id.Params {
	return &argon2id.Params{Memory: 64 << 10, Iterations: 1, Parallelism: 2, SaltLength: 16, KeyLength: 32}
}

func (p *passwords) enter(ctx context.Context) error {
	select {
	case p.room <- struct{}{}:
		return nil
	case <-ctx.Done():
		return minapush.Errorf(minapush.Unavailable, "too many people sign in at once: %w", ctx.Err())
	}
}

func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	if err := p.enter(ctx); err != nil {
		return "", err
	}
	defer func() { <-p.room }()
	hash, err := argon2id.CreateHash(password, p.params())
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

func (p *passwords) check(ctx context.Context, password, hash string) (bool, error) {
	if err := p.enter(ctx); err != nil {
		return false, err
	}
	defer func() { <-p.room }()
	good, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, minapush.Errorf(minapush.Internal, "the stored password is damaged: %w", err)
	}
	return good, nil
}

// tries counts wrong passwords on this node. Its memory is bounded: when it is full, what is over goes, and then everything.
type tries struct {
	mu sync.Mutex // guards by
	by map[string]tried
}

type tried struct {
	n     int
	until time.Time
}

const maxTried = 10_000

func newTries() *tries { return &tries{by: map[string]tried{}} }

func (t *tries) wait(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.by[key]
	if one.n < MaxSignInTries || !now.Before(one.until) {
		return 0
	}
	return one.until.Sub(now)
}

func (t *tries) failed(key string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.by[key]
	if !now.Before(one.until) {
		one = tried{until: now.Add(SignInWindow)}
	}
	one.n++
	if _, known := t.by[key]; !known && len(t.by) >= maxTried {
		for k, old := range t.by {
			if !now.Before(old.until) {
				delete(t.by, k)
			}
		}
		if len(t.by) >= maxTried {
			clear(t.by)
		}
	}
	t.by[key] = one
}

func (t *tries) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.by, key)
}
