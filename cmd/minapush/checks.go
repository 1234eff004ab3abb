package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore"
	"github.com/minapush/minapush/wechat"
)

// checker walks the way from this server to a delivered message, step by step. It may be used by any number of goroutines.
type checker struct {
	store      store.Documents
	redis      *redisstore.Store // where the store is, if it is in Redis
	accounts   *account.Accounts
	wechat     *wechat.Client
	dispatcher *dispatch.Dispatcher
	// http asks the public address, as a phone would. Nil: a client of its own for each check.
	http *http.Client
}

// What a step came to.
const (
	stepOK      = "ok"
	stepWarning = "warning"
	stepFailed  = "failed"
	stepSkipped = "skipped"
)

// stepTime bounds each step but the test message, which has the dispatcher's bound.
const stepTime = 8 * time.Second

// inspection is one walk.
type inspection struct {
	*checker
	app      minapush.App
	want     api.NewChecks
	message  minapush.Message
	template minapush.Template
	steps    []api.Check
	// blocked names, for each step that failed or was skipped for it, the step that is to blame.
	blocked map[string]string
	// unfit are the templates that WeChat has not, or not so.
	unfit []string
}

// Checks examines an app in the order of the steps; one that needs a failed one is skipped. A message is sent only if want names an
// openid, and costs one permit. What is wrong with the app or the platform is a step, not an error. Errors: Invalid, NotFound (the
// message's template), and the end of ctx; then nothing was sent.
func (c *checker) Checks(ctx context.Context, app minapush.App, want api.NewChecks) (api.Checks, error) {
	in := &inspection{checker: c, app: app, want: want, blocked: map[string]string{}}
	if err := in.prepare(ctx); err != nil {
		return api.Checks{}, err
	}
	toSend := []string{"token", "quota"}
	if in.want.OpenID == "" {
		toSend = nil // nothing is asked for that could be in want of something
	}
	for _, s := range []struct {
		name  string
		check func(context.Context) api.Check
		needs []string
	}{
		{"store", in.checkStore, nil},
		{"clock", in.checkClock, []string{"store"}},
		{"token", in.checkToken, []string{"store"}},
		{"quota", in.checkQuota, []string{"token"}},
		{"templates", in.checkTemplates, []string{"token"}},
		{"public", in.checkPublic, nil},
		{"send", in.checkSend, toSend},
	} {
		if err := ctx.Err(); err != nil {
			return api.Checks{}, err
		}
		in.step(ctx, s.name, s.check, s.needs)
		if s.name == "store" && in.redis != nil {
			in.checkRedis(ctx)
		}
	}
	ok := !slices.ContainsFunc(in.steps, func(s api.Check) bool { return s.Status == stepFailed })
	return api.Checks{OK: ok, Steps: in.steps}, nil
}

func (in *inspection) step(ctx context.Context, name string, check func(context.Context) api.Check, needs []string) {
	var done api.Check
	switch i := slices.IndexFunc(needs, func(n string) bool { return in.blocked[n] != "" }); {
	case i >= 0:
		in.blocked[name] = in.blocked[needs[i]]
		done = finding(stepSkipped, "needs", "step", in.blocked[name])
	case name == "send":
		done = check(ctx)
	default:
		bounded, cancel := context.WithTimeout(ctx, stepTime)
		done = check(bounded)
		cancel()
	}
	if done.Status == stepFailed {
		in.blocked[name] = name
	}
	done.Step = name
	in.steps = append(in.steps, done)
}

// finding makes the answer of a step; params are names and values in turn, and empty values are left out.
func finding(status, code string, params ...string) api.Check {
	reason := &api.Reason{Code: code}
	for i := 0; i+1 < len(params); i += 2 {
		if params[i+1] == "" {
			continue
		}
		if reason.Params == nil {
			reason.Params = map[string]string{}
		}
		reason.Params[params[i]] = params[i+1]
	}
	return api.Check{Status: status, Reason: reason}
}

// prepare reads what is wanted; the caller has seen to it that it is valid.
func (in *inspection) prepare(ctx context.Context) (err error) {
	if _, err := publicURL(in.want.PublicURL); err != nil {
		return err
	}
	m := in.want.Message
	if in.want.OpenID == "" || m == nil {
		in.want.OpenID = ""
		return nil
	}
	in.message = minapush.Message{
		Template: m.Template, Page: m.Page, State: m.MiniprogramState, Lang: m.Lang, Values: m.Values, Emphasis: m.Emphasis,
	}
	in.template, err = in.accounts.Template(ctx, in.app.ID, m.Template)
	return err
}

// slowStore is how long a small durable write may take before it is worth a word.
const slowStore = 500 * time.Millisecond

// checkStore writes a small document, reads it back and deletes it.
func (in *inspection) checkStore(ctx context.Context) api.Check {
	took, err := in.probe(ctx)
	ms := strconv.FormatInt(took.Milliseconds(), 10)
	switch {
	case err != nil:
		return finding(stepFailed, "store_failed", "error", err.Error())
	case took > slowStore:
		return finding(stepWarning, "store_slow", "write_ms", ms)
	}
	return finding(stepOK, "store_ok", "write_ms", ms)
}

// probeKind is the kind of the documents that probes write. They have 32 names, since a backend may remember each for good.
const probeKind = "doctor"

// probe returns how long the durable write took. Two probes of one name get in each other's way; then another name is tried.
func (in *inspection) probe(ctx context.Context) (took time.Duration, err error) {
	for range 20 {
		text := rand.Text()
		d := store.Document{Kind: probeKind, ID: text[:1], Value: []byte(text)}
		if took, err = in.probeOnce(ctx, d); !errors.Is(err, minapush.Conflict) {
			return took, err
		}
	}
	return took, err
}

func (in *inspection) probeOnce(ctx context.Context, d store.Document) (took time.Duration, err error) {
	left, err := in.store.Get(ctx, d.Kind, d.ID)
	if err != nil && !errors.Is(err, minapush.NotFound) {
		return 0, err
	}
	d.Version = left.Version
	start := time.Now()
	d.Version, err = in.store.Put(ctx, d)
	took = time.Since(start)
	if err != nil {
		return took, err
	}
	got, err := in.store.Get(ctx, d.Kind, d.ID)
	switch {
	case errors.Is(err, minapush.NotFound) || err == nil && got.Version != d.Version:
		return took, minapush.Errorf(minapush.Conflict, "another check is under way")
	case err != nil:
		return took, err
	case string(got.Value) != string(d.Value):
		return took, errors.New("what was written is not what was read")
	}
	err = in.store.Delete(ctx, got)
	if errors.Is(err, minapush.NotFound) {
		err = nil
	}
	return took, err
}

const (
	// clockWarning and clockFailed are how far the clock may be off. Permits expire by it, and events are dated by WeChat's.
	clockWarning = 60 * time.Second
	clockFailed  = 5 * time.Minute
)

// checkClock compares this machine with the Date of WeChat's answers.
func (in *inspection) checkClock(ctx context.Context) api.Check {
	off, err := in.wechat.Drift(ctx, in.app.ID)
	if err != nil {
		// What is in the way is for the next step to name.
		return finding(stepWarning, "clock_unknown", "why", unreachableWhy(err))
	}
	return clockFinding(off, clockFailed)
}

// clockFinding judges a clock that is ahead by so much.
func clockFinding(off, failed time.Duration) api.Check {
	code, status := "clock_ok", stepOK
	switch {
	case off.Abs() > failed:
		status = stepFailed
	case off.Abs() > clockWarning:
		status = stepWarning
	}
	if status != stepOK {
		if code = "clock_ahead"; off < 0 {
			code = "clock_behind"
		}
	}
	// A second is as exact as it gets.
	return finding(status, code, "off_seconds", strconv.FormatInt(int64(max(off.Abs().Round(time.Second), time.Second)/time.Second), 10))
}
