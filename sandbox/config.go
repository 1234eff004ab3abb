package sandbox

import (
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// LegacyMode says how the legacy template endpoint answers.
type LegacyMode uint8

const (
	// ClassicEra, the zero value, sends legacy messages against form ids and prepay ids, as WeChat did until 2020-01-10.
	ClassicEra LegacyMode = iota
	// Today answers every legacy send with 45103, as WeChat has done since (fact sheet §1.3.6).
	Today
)

// Recording says how much of each accepted message is kept.
type Recording uint8

const (
	// RecordAll, the zero value, keeps the last Config.MessagesPerUser messages of every user, and the counts.
	RecordAll Recording = iota
	// RecordCounts keeps counts per (user, template, page) only, and no rid. It is meant for benchmarks.
	RecordCounts
)

// Latency is the log-normal time an answer takes. The zero value answers at once.
type Latency struct {
	Median time.Duration // half of the answers are faster; about 100 ms in the field (fact sheet §7.3)
	P99    time.Duration // one answer in a hundred is slower; zero means ten times Median
}

// Config sets the knobs of a Sandbox. The zero value is a realistic platform that answers at once. Durations and limits: zero
// means the default, a negative number means none (no delay, no limit).
type Config struct {
	// Now is the clock that Advance moves ahead. Defaults to time.Now.
	Now func() time.Time
	// Rand makes every identifier, and rolls for faults and latency; the sandbox guards it by a lock, so nobody else may
	// use it afterwards. Runs with the same seed and the same calls in the same order are equal. Defaults to a random seed.
	Rand *rand.Rand
	// Legacy is the answer of the legacy endpoint. Defaults to ClassicEra.
	Legacy LegacyMode
	// Latency is the time each platform answer takes; the control API answers at once. Defaults to none.
	Latency Latency
	// Order is the order in which a send is checked; it names every Check once. Defaults to DefaultOrder.
	Order []Check
	// Record is what is kept of accepted messages. Defaults to RecordAll.
	Record Recording

	// TokenLife is the life of an access token; it cannot be negative. Defaults to 7200 s.
	TokenLife time.Duration
	// TokenOverlap is how long a replaced token still works. Defaults to 300 s.
	TokenOverlap time.Duration
	// ForceSpacing is the least time between two forced refreshes; an earlier one gets the current token. Defaults to 30 s.
	ForceSpacing time.Duration
	// LoginCodeLife is the life of a js_code. Defaults to 5 minutes.
	LoginCodeLife time.Duration
	// PermitLife is the life of form ids and prepay ids. Defaults to 7 days.
	PermitLife time.Duration
	// PrepayReadyAfter is how young a prepay id is refused with 41028. Defaults to 7 s.
	PrepayReadyAfter time.Duration
	// RIDLife is how long rid/get finds an error. Defaults to 7 days.
	RIDLife time.Duration

	// FormUses and PrepayUses are the messages one id pays for. Default to 1 and 3.
	FormUses, PrepayUses int
	// MaxStack caps the one-time permits a user can stack for one template. Defaults to no cap.
	MaxStack int
	// MaxIDsPerRequest is the number of template ids that one Tap may name. Defaults to 3 (5 in the text of 2026).
	MaxIDsPerRequest int
	// MaxTemplates is the number of private templates an app can add over HTTP. Defaults to 25.
	MaxTemplates int

	// SendPerDay and PaySendPerDay are the subscribe sends an app has each Beijing day, without and with WeChat Pay. Default
	// to 10 000 000 and 30 000 000.
	SendPerDay, PaySendPerDay int64
	// LegacyPerDay is the same for legacy sends. Defaults to 1 000 000.
	LegacyPerDay int64
	// ClassicTokenPerDay limits /cgi-bin/token. Defaults to 2 000.
	ClassicTokenPerDay int64
	// StableTokenPerDay and StableTokenPerMinute limit /cgi-bin/stable_token. Default to 500 000 and 10 000.
	StableTokenPerDay, StableTokenPerMinute int64
	// ForcePerDay limits forced refreshes. Defaults to 20.
	ForcePerDay int64
	// OtherPerDay limits each other endpoint, for which no number is known. Defaults to 1 000 000.
	OtherPerDay int64
	// LoginPerMinute limits jscode2session per user. Defaults to 100.
	LoginPerMinute int64
	// ClearPerMonth limits clear_quota, both versions together. Defaults to 10.
	ClearPerMonth int64

	// SensitiveWords are refused in values with 45168. Defaults to none.
	SensitiveWords []string
	// RefuseExtraKeys answers 47003 to data keys that the template does not have. Defaults to ignoring them.
	RefuseExtraKeys bool
	// Library is the public template library and Categories the app's categories. Default to DefaultLibrary and
	// DefaultCategories.
	Library    []LibraryTemplate
	Categories []Category
	// CallbackIPs is the answer of getcallbackip. Defaults to 127.0.0.1.
	CallbackIPs []string

	// PhoneDomain is the one address that wx.request of the phone may call, such as "https://shop.example.com", and PhoneBackend
	// where that is in truth, such as "http://127.0.0.1:8080". Without PhoneBackend the phone calls nothing; PhoneDomain defaults
	// to PhoneBackend.
	PhoneDomain, PhoneBackend string
	// MaxPhones is the number of phones that may be open; further ones are refused. Defaults to 1 000.
	MaxPhones int
	// MaxOrders is the number of payment orders kept per app; the oldest make room. Defaults to 10 000.
	MaxOrders int

	// Push says how WeChat's events arrive at the apps that have a push URL. The zero value is well behaved.
	Push PushKnobs
	// PushTransport makes the requests to push URLs. Defaults to connections of the sandbox's own.
	PushTransport http.RoundTripper
	// PushWorkers is the number of events that are sent at the same time. Defaults to 32.
	PushWorkers int
	// PushQueue is the number of events that may wait; further ones are not sent, only counted. Defaults to 100 000.
	PushQueue int
	// PushLog is the number of requests to push URLs that are kept for inspection. Defaults to 1 000.
	PushLog int

	// MessagesPerUser is the number of messages kept per user; the oldest make room. Defaults to 100.
	MessagesPerUser int
	// MaxInbox is the number of messages of all users that the inbox lists; the oldest make room. Defaults to 10 000.
	MaxInbox int
	// MaxPages is the number of distinct pages that counts tell apart per app; further ones are counted together as "*".
	// Defaults to 100 000.
	MaxPages int
	// MaxRIDs is the number of errors that rid/get can find; the oldest make room. Defaults to 1 000.
	MaxRIDs int
	// MaxBody is the largest platform request in bytes; a larger one gets HTTP 413. Defaults to 1 MiB. The control API
	// takes 64 MiB.
	MaxBody int64
}

// orDefault gives a knob its default at zero and makes every negative value minus one.
func orDefault[T int | int64 | time.Duration](knob *T, value T) {
	switch {
	case *knob == 0:
		*knob = value
	case *knob < 0:
		*knob = -1
	}
}

// complete returns c with its defaults filled in.
func (c Config) complete() (Config, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		var seed [32]byte
		_, _ = crand.Read(seed[:]) // never fails: it ends the program instead
		c.Rand = rand.New(rand.NewChaCha8(seed))
	}
	if c.Legacy > Today {
		return c, fmt.Errorf("sandbox: Legacy: unknown mode %d", c.Legacy)
	}
	if c.Record > RecordCounts {
		return c, fmt.Errorf("sandbox: Record: unknown recording %d", c.Record)
	}
	if err := c.Latency.check(); err != nil {
		return c, fmt.Errorf("sandbox: Latency: %w", err)
	}
	if c.Order == nil {
		c.Order = DefaultOrder()
	}
	if err := checkOrder(c.Order); err != nil {
		return c, fmt.Errorf("sandbox: Order: %w", err)
	}
	if c.TokenLife < 0 {
		return c, errors.New("sandbox: TokenLife: must not be negative")
	}
	push, err := c.Push.complete()
	if err != nil {
		return c, fmt.Errorf("sandbox: Push: %w", err)
	}
	c.Push = push
	if err := c.completePhone(); err != nil {
		return c, err
	}
	c.completeTimes()
	c.completeLimits()
	if c.Library == nil {
		c.Library = DefaultLibrary()
	}
	if c.Categories == nil {
		c.Categories = DefaultCategories()
	}
	if c.CallbackIPs == nil {
		c.CallbackIPs = []string{"127.0.0.1"}
	}
	return c, nil
}

func (c *Config) completeTimes() {
	orDefault(&c.TokenLife, 7200*time.Second)
	orDefault(&c.TokenOverlap, 300*time.Second)
	orDefault(&c.ForceSpacing, 30*time.Second)
	orDefault(&c.LoginCodeLife, 5*time.Minute)
	orDefault(&c.PermitLife, 7*24*time.Hour)
	orDefault(&c.PrepayReadyAfter, 7*time.Second)
	orDefault(&c.RIDLife, 7*24*time.Hour)
}

func (c *Config) completeLimits() {
	orDefault(&c.FormUses, 1)
	orDefault(&c.PrepayUses, 3)
	orDefault(&c.MaxStack, -1)
	orDefault(&c.MaxIDsPerRequest, 3)
	orDefault(&c.MaxTemplates, 25)
	orDefault(&c.SendPerDay, 10_000_000)
	orDefault(&c.PaySendPerDay, 30_000_000)
	orDefault(&c.LegacyPerDay, 1_000_000)
	orDefault(&c.ClassicTokenPerDay, 2_000)
	orDefault(&c.StableTokenPerDay, 500_000)
	orDefault(&c.StableTokenPerMinute, 10_000)
	orDefault(&c.ForcePerDay, 20)
	orDefault(&c.OtherPerDay, 1_000_000)
	orDefault(&c.LoginPerMinute, 100)
	orDefault(&c.ClearPerMonth, 10)
	orDefault(&c.MessagesPerUser, 100)
	orDefault(&c.MaxInbox, 10_000)
	orDefault(&c.PushWorkers, 32)
	c.PushWorkers = max(c.PushWorkers, 1)
	orDefault(&c.PushQueue, 100_000)
	orDefault(&c.PushLog, 1_000)
	orDefault(&c.MaxPhones, 1_000)
	orDefault(&c.MaxOrders, 10_000)
	orDefault(&c.MaxPages, 100_000)
	orDefault(&c.MaxRIDs, 1_000)
	orDefault(&c.MaxBody, 1<<20)
}
