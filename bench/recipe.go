package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
)

// recipe is the original recipe on Redis: a list of codes for each user, and a loop that serves one user after the other. It claims
// nothing and records nothing, and two of it would spend a code twice.
type recipe struct {
	client rueidis.Client
	prefix string
	users  []minapush.OpenID
	codes  int // of each user
	next   int // the user whose turn it is
	passes int // how often all have had theirs
}

// record is one element of a list, as the recipe writes it.
type record struct {
	FormID string `json:"formId"`
	Expire int64  `json:"expire"` // milliseconds
}

// recipeOf writes the lists of some users.
func (r *redisSide) recipeOf(ctx context.Context, prefix string, users []minapush.OpenID, codes int) (*recipe, error) {
	c := &recipe{client: r.client, prefix: prefix, users: users, codes: codes}
	return c, c.load(ctx)
}

// madeUp are users 0 to n-1.
func madeUp(n int) []minapush.OpenID {
	users := make([]minapush.OpenID, n)
	for i := range users {
		users[i] = openID(i)
	}
	return users
}

func (c *recipe) key(o minapush.OpenID) string { return c.prefix + ":mina:openid:" + string(o) }

// load gives every user codes: RPUSH, one record of JSON a code.
func (c *recipe) load(ctx context.Context) error {
	c.next, c.passes = 0, 0
	const together = 64
	return each(ctx, (len(c.users)+together-1)/together, 16, func(ctx context.Context, r *rand.Rand, n int) error {
		var cmds rueidis.Commands
		expire := time.Now().Add(minapush.CodeLife).UnixMilli()
		for _, o := range c.users[n*together : min((n+1)*together, len(c.users))] {
			list := make([]string, c.codes)
			for i := range list {
				b, err := json.Marshal(record{FormID: string(appendCode(nil, r)), Expire: expire})
				if err != nil {
					return err
				}
				list[i] = string(b)
			}
			cmds = append(cmds, c.client.B().Del().Key(c.key(o)).Build(), c.client.B().Rpush().Key(c.key(o)).Element(list...).Build())
		}
		for _, a := range c.client.DoMulti(ctx, cmds...) {
			if err := a.Error(); err != nil {
				return fmt.Errorf("write the recipe's lists: %w", err)
			}
		}
		return nil
	})
}

// loop serves users for some time, and returns how many a second. send may be nil: then nothing is sent. When the lists are used up they
// are written anew, which is not part of the time.
func (c *recipe) loop(ctx context.Context, d time.Duration, send func(context.Context, minapush.OpenID) error) (float64, error) {
	var took time.Duration
	served := 0
	for ; took < d; served++ {
		if c.next == len(c.users) {
			c.next = 0
			if c.passes++; c.passes == c.codes {
				if err := c.load(ctx); err != nil {
					return 0, err
				}
			}
		}
		began := time.Now()
		if err := c.serve(ctx, c.users[c.next], began.UnixMilli(), send); err != nil {
			return 0, err
		}
		took += time.Since(began)
		c.next++
	}
	return float64(served) / took.Seconds(), nil
}

// serve is the recipe's way with one user: read the list, every record of it, take the first code that has not expired, trim it and those
// before it, send.
func (c *recipe) serve(ctx context.Context, o minapush.OpenID, now int64, send func(context.Context, minapush.OpenID) error) error {
	list, err := c.client.Do(ctx, c.client.B().Lrange().Key(c.key(o)).Start(0).Stop(-1).Build()).AsStrSlice()
	if err != nil {
		return err
	}
	codes := make([]record, len(list))
	for i, text := range list {
		if err := json.Unmarshal([]byte(text), &codes[i]); err != nil {
			return err
		}
	}
	for i, code := range codes {
		if code.Expire <= now {
			continue
		}
		if err := c.client.Do(ctx, c.client.B().Ltrim().Key(c.key(o)).Start(int64(i)+1).Stop(-1).Build()).Error(); err != nil {
			return err
		}
		if send == nil {
			return nil
		}
		return send(ctx, o)
	}
	return fmt.Errorf("user %s has no code in the recipe's list", o.Masked())
}
