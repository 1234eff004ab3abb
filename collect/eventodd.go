package collect

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

// oddEvery is how often the odd events of an app are written down. In between they wait in memory, bounded like those that are kept.
const oddEvery = time.Second

// oddBook holds odd events until they are written down.
type oddBook struct {
	mu   sync.Mutex
	apps map[uint32]*oddApp
}

// oddApp is what waits of one app; guarded by oddBook.mu.
type oddApp struct {
	app     minapush.App
	waiting []bank.OddEvent
	written time.Time
}

// keepOdd keeps an event for people to look at. What cannot be written down now waits: an event never fails because of it.
func (c *Collector) keepOdd(ctx context.Context, app minapush.App, e bank.OddEvent) {
	c.odd.mu.Lock()
	a := c.odd.apps[app.Number]
	if a == nil {
		a = &oddApp{}
		c.odd.apps[app.Number] = a
	}
	a.app, a.waiting = app, bank.AddOdd(a.waiting, e)
	due := e.At.Sub(a.written) >= oddEvery || e.At.Before(a.written)
	if due {
		a.written = e.At
	}
	c.odd.mu.Unlock()
	if due {
		_ = c.flushOdd(ctx, app.Number)
	}
}

// flushOdd writes down what waits of an app.
func (c *Collector) flushOdd(ctx context.Context, number uint32) error {
	c.odd.mu.Lock()
	a := c.odd.apps[number]
	if a == nil || len(a.waiting) == 0 {
		c.odd.mu.Unlock()
		return nil
	}
	app, events := a.app, a.waiting
	a.waiting = nil
	c.odd.mu.Unlock()
	err := c.bank.KeepOdd(ctx, app, events)
	if err != nil {
		c.odd.mu.Lock()
		defer c.odd.mu.Unlock()
		for _, e := range a.waiting { // those that came meanwhile are later
			events = bank.AddOdd(events, e)
		}
		a.waiting = events
	}
	return err
}

// Flush writes down what was kept of odd events in the last moments. It is for the end of the process.
func (c *Collector) Flush(ctx context.Context) error {
	c.odd.mu.Lock()
	var numbers []uint32
	for n := range c.odd.apps {
		numbers = append(numbers, n)
	}
	c.odd.mu.Unlock()
	var problems []error
	for _, n := range numbers {
		problems = append(problems, c.flushOdd(ctx, n))
	}
	return errors.Join(problems...)
}

// OddEvents returns the last events of an app that were not understood or that fit nothing here, the latest last, at most bank.MaxOdd.
// Those of the last moments on other nodes may be missing.
func (c *Collector) OddEvents(ctx context.Context, app minapush.App) ([]bank.OddEvent, error) {
	if err := c.flushOdd(ctx, app.Number); err != nil {
		return nil, err
	}
	return c.bank.OddEvents(ctx, app)
}

// oddBody is what is kept of a body: its begin, without whole openids.
func oddBody(body []byte, o minapush.OpenID) string {
	text := strings.ToValidUTF8(string(body), "�")
	if o != "" {
		text = strings.ReplaceAll(text, string(o), o.Masked())
	}
	text = maskOpenIDs(text)
	if len(text) > bank.MaxOddBody {
		text = strings.ToValidUTF8(text[:bank.MaxOddBody], "")
	}
	return text
}

// openIDLength is that of WeChat's openids, which begin with "o".
const openIDLength = 28

// maskOpenIDs masks every word of a text that looks like an openid. Template ids are longer.
func maskOpenIDs(text string) string {
	var out strings.Builder
	for len(text) > 0 {
		n := strings.IndexFunc(text, notIDRune)
		if n < 0 {
			n = len(text)
		}
		word := text[:n]
		if len(word) == openIDLength && word[0] == 'o' {
			word = minapush.OpenID(word).Masked()
		}
		out.WriteString(word)
		text = text[n:]
		n = strings.IndexFunc(text, func(r rune) bool { return !notIDRune(r) })
		if n < 0 {
			n = len(text)
		}
		out.WriteString(text[:n])
		text = text[n:]
	}
	return out.String()
}

func notIDRune(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_'
}
