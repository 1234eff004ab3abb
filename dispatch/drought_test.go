package dispatch_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/store"
)

// dry is a store that may give out no tokens, as when the right for a command is missing.
type dry struct {
	store.Store
	mu  sync.Mutex
	err error
}

func (d *dry) TakeTokens(ctx context.Context, app uint32, r store.RateAsk) (store.Tokens, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return store.Tokens{}, d.err
	}
	return d.Store.TakeTokens(ctx, app, r)
}

func (d *dry) fails(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

// lines is a log that tests read.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

func TestAStoreThatGivesOutNoTokensIsToldOnceAMinuteAndOnlyWhileItLasts(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(100, 4, 16)
		refused := errors.New("NOPERM this user has no permissions to run the 'time' command")
		st := &dry{Store: w.model, err: refused}
		b, err := bank.New(st, bank.Config{})
		must(t, err)
		var log lines
		d, err := dispatch.New(b, delivery.New(st), w.Campaigns, w, w, dispatch.Config{NewID: w.newID, Owner: w.newID(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx, context.WithoutCancel(ctx)) }()
		defer func() { cancel(); must(t, <-ended) }()
		time.Sleep(time.Second)
		if err := d.Starved(); err != nil {
			t.Errorf("nobody has asked yet: %v", err)
		}
		users := w.users(2)
		push := func(o minapush.OpenID) error {
			_, err := d.Push(t.Context(), w.app, dispatch.Push{
				OpenID: o, Message: minapush.Message{Template: "T", Values: map[string]string{"thing1": "hi"}},
				Template: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate},
			})
			return err
		}
		const told, over = "gives out no tokens", "tokens of the rate again"
		for minute := range 3 {
			for range 6 { // a push waits for ten seconds
				if err := push(users[0]); !errors.Is(err, refused) {
					t.Errorf("a push: %v", err)
				}
			}
			if n := log.count(told); n < minute+1 || n > minute+2 {
				t.Errorf("after %d minutes it is logged %d times", minute+1, n)
			}
		}
		if err := d.Starved(); !errors.Is(err, refused) {
			t.Errorf("starved: %v", err)
		}
		st.fails(nil)
		must(t, push(users[0]))
		if err := d.Starved(); err != nil || log.count(over) != 1 {
			t.Errorf("it is over: %v, logged %d times", err, log.count(over))
		}
		st.fails(refused)
		time.Sleep(2 * time.Second) // what is in hand is good for a second
		if err := push(users[1]); !errors.Is(err, refused) {
			t.Errorf("a push: %v", err)
		}
		time.Sleep(20 * time.Second) // nobody asks any more, so nobody knows
		if err := d.Starved(); err != nil {
			t.Errorf("long after: %v", err)
		}
	})
}
