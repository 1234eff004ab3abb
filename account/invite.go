package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Invitation is what a link to the console's welcome page is for.
type Invitation struct {
	// Name is the operator who gets a new password by it; empty: it makes an operator.
	Name string
	// First tells that it is good only while there is no operator.
	First bool
	// Expires is when it ends.
	Expires time.Time
}

const (
	kindInvite = "account.invite"
	// InviteLife is for how long a link is good.
	InviteLife = 24 * time.Hour
)

type storedInvite struct {
	V       int       `json:"v"`
	Name    string    `json:"name,omitempty"`
	First   bool      `json:"first,omitempty"`
	Expires time.Time `json:"expires"`
}

// InviteFirst makes a link's secret for the first operator, if there is none; "" if there is. Every call makes another one, and all are
// good until there is an operator.
func (a *Accounts) InviteFirst(ctx context.Context) (secret string, err error) {
	all, err := a.Operators(ctx)
	if err != nil || len(all) > 0 {
		return "", err
	}
	return a.invite(ctx, storedInvite{First: true})
}

// Invite makes a link's secret: for a new operator, or for one who is known by this name and forgot the password. It is good once, for
// InviteLife, and only a hash of it is stored. Errors: Invalid (Field "name": nobody can have it); NotFound (no such operator).
func (a *Accounts) Invite(ctx context.Context, name string) (secret string, expires time.Time, err error) {
	if name != "" {
		if err := checkOperator(name); err != nil {
			return "", time.Time{}, err
		}
		if _, err := a.Operator(ctx, name); err != nil {
			return "", time.Time{}, err
		}
	}
	secret, err = a.invite(ctx, storedInvite{Name: name})
	return secret, a.utc().Add(InviteLife), err
}

func (a *Accounts) invite(ctx context.Context, s storedInvite) (secret string, err error) {
	random := make([]byte, 24)
	if _, err := io.ReadFull(a.rand, random); err != nil {
		return "", fmt.Errorf("make a link: %w", err)
	}
	a.forgetInvites(ctx)
	secret = base64.RawURLEncoding.EncodeToString(random)
	s.V, s.Expires = format, a.utc().Add(InviteLife)
	if _, err := a.put(ctx, kindInvite, inviteID(secret), 0, s); err != nil {
		return "", fmt.Errorf("make a link: %w", err)
	}
	return secret, nil
}

func inviteID(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// forgetInvites removes links that are over. What it cannot remove is removed another time.
func (a *Accounts) forgetInvites(ctx context.Context) {
	_ = a.each(ctx, kindInvite, "", func(d store.Document) (bool, error) {
		var s storedInvite
		if decode(d, &s) == nil && a.now().After(s.Expires) {
			_ = a.docs.Delete(ctx, d)
		}
		return true, nil
	})
}

// Invited tells what a link is for. Errors: Unauthorized (it is unknown, used or over).
func (a *Accounts) Invited(ctx context.Context, secret string) (Invitation, error) {
	s, _, err := a.invited(ctx, secret)
	return Invitation{Name: s.Name, First: s.First, Expires: s.Expires}, err
}

func (a *Accounts) invited(ctx context.Context, secret string) (storedInvite, uint64, error) {
	over := minapush.Errorf(minapush.Unauthorized, "this link was used, is over, or never was")
	if len(secret) == 0 || len(secret) > 128 {
		return storedInvite{}, 0, over
	}
	var s storedInvite
	version, err := a.get(ctx, kindInvite, inviteID(secret), &s)
	switch {
	case errors.Is(err, minapush.NotFound):
		return storedInvite{}, 0, over
	case err != nil:
		return storedInvite{}, 0, err
	case a.now().After(s.Expires):
		return storedInvite{}, 0, over
	case s.First:
		all, err := a.Operators(ctx)
		if err != nil {
			return storedInvite{}, 0, err
		}
		if len(all) > 0 {
			return storedInvite{}, 0, over
		}
	}
	return s, version, nil
}

// Accept uses a link: it makes the operator, or gives the one that the link names this password. name is not looked at then. Errors:
// Unauthorized (as Invited); Invalid (Field "name" or "password"); Conflict (Field "name": there is such an operator). After an error the
// link is as it was.
func (a *Accounts) Accept(ctx context.Context, secret, name, password string) (Operator, error) {
	s, version, err := a.invited(ctx, secret)
	if err != nil {
		return Operator{}, err
	}
	if s.Name != "" {
		name = s.Name
	}
	if err := errors.Join(checkOperator(name), checkPassword(name, password)); err != nil {
		return Operator{}, err
	}
	o, err := a.putOperator(ctx, name, password, s.Name != "")
	if err != nil {
		return Operator{}, err
	}
	err = a.docs.Delete(ctx, store.Document{Kind: kindInvite, ID: inviteID(secret), Version: version})
	if err != nil && !errors.Is(err, minapush.NotFound) && !errors.Is(err, minapush.Conflict) {
		return Operator{}, err
	}
	a.tries.forget("name:" + name)
	return o, nil
}
