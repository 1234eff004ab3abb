package collect

import (
	"context"
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

const (
	// DefaultMaxItems is how many items one report may have.
	DefaultMaxItems = 100
	// DefaultMaxRecipeItems is how many elements the upload of the recipe may have. It is larger: the recipe never clears its
	// array, so that an upload holds everything since the start of the mini program.
	DefaultMaxRecipeItems = 1000
	// DefaultMaxPermits is how many permits the items of one trusted deposit may add up to.
	DefaultMaxPermits = 2000
	// DefaultMaxOpens is how many opens one report may have: as many as items, since the SDK has one queue for both.
	DefaultMaxOpens = DefaultMaxItems
	// MaxCount is how many permits one trusted item may stand for.
	MaxCount = 200
	// MaxNonce is the longest nonce or item id, in bytes.
	MaxNonce = 64
)

// Config tunes a Collector. The zero value is ready for use.
type Config struct {
	// Now is the clock by which things arrive. Defaults to time.Now.
	Now func() time.Time
	// MaxItems bounds the items of a report and of a trusted deposit. Defaults to DefaultMaxItems.
	MaxItems int
	// MaxRecipeItems bounds the elements of a recipe's upload. Defaults to DefaultMaxRecipeItems.
	MaxRecipeItems int
	// MaxPermits bounds the permits of a trusted deposit. Defaults to DefaultMaxPermits.
	MaxPermits int
	// MaxOpens bounds the opens of a report. Defaults to DefaultMaxOpens.
	MaxOpens int

	// Templates tells which templates give standing permits. Nil: every template that an event names is a one-time one.
	Templates Templates
	// Receipts takes what events tell of messages. Nil: nothing matches.
	Receipts Receipts
	// People forgets whom an event tells to erase. Nil: there is nobody but in the bank.
	People People
	// Stopper stops apps that are punished. Nil: punishments are only noted.
	Stopper Stopper
}

// Opens notes which messages were opened, of campaigns and pushes by their ids. delivery.Ledger does.
type Opens interface {
	// Opened answers first, false if that was noted before. Errors: Invalid, NotFound, Conflict (it is not counted); Unavailable.
	Opened(ctx context.Context, app minapush.App, o minapush.OpenID, id string, at time.Time) (first bool, err error)
}

// Collector is the intake of one bank. It may be used by any number of goroutines.
type Collector struct {
	bank    *bank.Bank
	opens   Opens
	cfg     Config
	metrics *metrics
	odd     oddBook
}

// New makes the intake of a bank, and of what is told of opened messages. Errors: Invalid, naming the field.
func New(b *bank.Bank, opens Opens, cfg Config) (*Collector, error) {
	if b == nil || opens == nil {
		return nil, minapush.FieldError("b", "and opens must be given")
	}
	if cfg.MaxItems < 0 || cfg.MaxRecipeItems < 0 || cfg.MaxPermits < 0 || cfg.MaxOpens < 0 {
		return nil, minapush.FieldError("MaxItems", "MaxItems, MaxRecipeItems, MaxPermits and MaxOpens must not be negative")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxItems == 0 {
		cfg.MaxItems = DefaultMaxItems
	}
	if cfg.MaxRecipeItems == 0 {
		cfg.MaxRecipeItems = DefaultMaxRecipeItems
	}
	if cfg.MaxPermits == 0 {
		cfg.MaxPermits = DefaultMaxPermits
	}
	if cfg.MaxOpens == 0 {
		cfg.MaxOpens = DefaultMaxOpens
	}
	return &Collector{bank: b, opens: opens, cfg: cfg, metrics: newMetrics(), odd: oddBook{apps: map[uint32]*oddApp{}}}, nil
}

// judged is one item after validation: the permits that it stands for, or why it has none.
type judged struct {
	kind    string // what it calls itself, from the closed set of itemTypes
	permits []minapush.Permit
	source  string
	reason  string // why it is refused; then there are no permits
	field   string // the part of the item that reason is about
}

func refuse(kind, field, reason string) judged {
	return judged{kind: kind, field: field, reason: reason}
}

// deposit puts the permits of good items into the bank, all in one step, and answers for every item. The user counts as seen even
// if no item is good.
func (c *Collector) deposit(ctx context.Context, app minapush.App, o minapush.OpenID, list string, items []judged) (Answer, error) {
	if err := c.numberSources(ctx, app, items); err != nil {
		return Answer{}, err
	}
	var permits []minapush.Permit
	for _, it := range items {
		permits = append(permits, it.permits...)
	}
	d, err := c.bank.Deposit(ctx, app, o, permits)
	if err != nil {
		return Answer{}, err
	}
	// The permits are durable from here on; a caller that does not get the answer repeats the call and is told duplicate.
	answer := Answer{Items: make([]ItemAnswer, 0, len(items))}
	next := 0
	for i, it := range items {
		a := ItemAnswer{Index: i, Status: StatusRefused, Reason: it.reason}
		if it.reason == "" {
			a.take(d.Items[next : next+len(it.permits)])
			next += len(it.permits)
		} else {
			a.Field = fieldOf(list, i, it.field)
		}
		c.count(app, it.kind, a)
		answer.add(a)
	}
	return answer, nil
}

// numberSources gives every permit the number of its item's source.
func (c *Collector) numberSources(ctx context.Context, app minapush.App, items []judged) error {
	var names []string
	for _, it := range items {
		if len(it.permits) > 0 {
			names = append(names, it.source)
		}
	}
	numbers, err := c.bank.SourceNumbers(ctx, app, names)
	if err != nil {
		return err
	}
	for _, it := range items {
		if len(it.permits) == 0 {
			continue
		}
		for p := range it.permits {
			it.permits[p].Source = numbers[0]
		}
		numbers = numbers[1:]
	}
	return nil
}

func fieldOf(list string, i int, name string) string {
	if name == "" {
		return fmt.Sprintf("%s[%d]", list, i)
	}
	return fmt.Sprintf("%s[%d].%s", list, i, name)
}
