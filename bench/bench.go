package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/wechat"
)

// Program is the program under test, as its main package wires it. All fields must be set.
type Program struct {
	// Assemble opens a whole system in a directory, as serving does; with a redis:// URL its store is there, and its key file in the
	// directory. The rooms get what wrap makes of its store.
	Assemble func(dir, url string, wrap func(store.Store) store.Store) (*System, error)
	// Listen serves a handler on a free port of loopback, as serving does, until stop.
	Listen func(h http.Handler) (url string, stop func(), err error)
	// Command is the program itself with other arguments, as another process.
	Command func(ctx context.Context, args ...string) *exec.Cmd
}

// System is an assembled minapush that nobody runs yet.
type System struct {
	Store     store.Store
	Accounts  *account.Accounts
	Bank      *bank.Bank
	Campaigns *campaign.Campaigns
	Ledger    *delivery.Ledger
	WeChat    *wechat.Client
	// Handler answers every call of the API.
	Handler http.Handler
	// Run works in the background until ctx ends; hard gives up on what is in flight.
	Run func(ctx, hard context.Context) error
}

// Config says how much is measured. Zero sizes mean those of Defaults.
type Config struct {
	// Dir is where stores are put, in a directory of its own that is removed afterwards. Defaults to the working directory.
	Dir string
	// Rows are the ids of what to measure, in the order of RowIDs; none means all.
	Rows []string
	// Users are the users of the memory row, and at most the users of the rows that are timed; those use no more than 100 000.
	Users int
	// Permits are the permits of the rows that fill a store: disk and open. Ten a user.
	Permits int
	// Seconds is how long each timed piece runs.
	Seconds float64
	// InFlight is how many messages may be unanswered in the rows that send; 0: what each row says.
	InFlight int
	// Rounds is how often figure and limit take turns.
	Rounds int
	// Store is the URL of the Redis of the rows that need one, with an empty database. Without it they use a redis-server that the run
	// starts, if the machine has one, and are skipped otherwise.
	Store string
	// Fsync is when a Redis that the run starts has its append-only file on disk: always, everysec or no. Defaults to everysec.
	Fsync string
	// RedisUsers are the users of the row redis-memory.
	RedisUsers int
	// FilterUsers are the users of the row filter.
	FilterUsers int
	// DemoUsers are the users of the demo row; 0: as many as the demo has by itself.
	DemoUsers int
	// Profiles is a directory that gets profiles of processor time and of memory allocated in the last round of each timed row; empty
	// for none.
	Profiles string
	// Began is told of each row before it begins; nil for nobody.
	Began func(id string, n, of int)
}

// Defaults are the sizes for an ordinary run, of some minutes on two cores.
func Defaults() Config {
	return Config{Users: 200_000, Permits: 10_000_000, Seconds: 3, Rounds: 5, Fsync: "everysec", RedisUsers: 1_000_000, FilterUsers: 1_000_000}
}

// Quick are the sizes for a first look, under a minute on two cores.
func Quick() Config {
	return Config{Users: 20_000, Permits: 500_000, Seconds: 0.6, Rounds: 3, Fsync: "everysec", RedisUsers: 20_000, FilterUsers: 20_000}
}

const (
	maxTimedUsers  = 100_000
	permitsPerUser = 10
)

func (c *Config) complete() error {
	d := Defaults()
	setDefault(&c.Dir, ".")
	setDefault(&c.Users, d.Users)
	setDefault(&c.Permits, d.Permits)
	setDefault(&c.Seconds, d.Seconds)
	setDefault(&c.Rounds, d.Rounds)
	setDefault(&c.Fsync, d.Fsync)
	setDefault(&c.RedisUsers, d.RedisUsers)
	setDefault(&c.FilterUsers, d.FilterUsers)
	if c.Began == nil {
		c.Began = func(string, int, int) {}
	}
	for _, id := range c.Rows {
		if !slices.Contains(RowIDs(), id) {
			return minapush.FieldError("rows", "%q is none of %v", id, RowIDs())
		}
	}
	if !slices.Contains([]string{"always", "everysec", "no"}, c.Fsync) {
		return minapush.FieldError("fsync", "must be always, everysec or no, not %q", c.Fsync)
	}
	for _, size := range []struct {
		name        string
		n           float64
		least, most float64
	}{
		{"users", float64(c.Users), 100, 20_000_000}, {"permits", float64(c.Permits), 100, 200_000_000}, {"seconds", c.Seconds, 0.01, 600},
		{"in-flight", float64(c.InFlight), 0, 4096}, {"rounds", float64(c.Rounds), 1, 100},
		{"redis-users", float64(c.RedisUsers), 100, 20_000_000}, {"filter-users", float64(c.FilterUsers), 100, 20_000_000},
	} {
		if !(size.n >= size.least && size.n <= size.most) {
			return minapush.FieldError(size.name, "must be from %v to %.0f, not %v", size.least, size.most, size.n)
		}
	}
	return nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// row is one thing to measure.
type row struct {
	id      string
	redis   bool // it needs Redis, or has its limit there
	measure func(context.Context, *bench) (Result, error)
}

func rows() []row {
	return []row{
		{"collect-store", false, collectStore}, {"collect-http", false, collectHTTP},
		{"broadcast-now", false, broadcastNow}, {"broadcast-50ms", false, broadcastLater}, {"recipe-50ms", true, recipeLater},
		{"claim-settle", true, claimSettle}, {"filter", false, filter},
		{"redis-collect", true, redisCollect}, {"redis-claim", true, redisClaim}, {"redis-wait", true, redisWait},
		{"redis-recipe-50ms", true, redisRecipeLater}, {"redis-recipe-now", true, redisRecipeNow}, {"redis-memory", true, redisMemory},
		{"disk", false, disk}, {"memory", false, memory}, {"open", false, openAfterKill}, {"demo", false, demo},
	}
}

// RowIDs names all rows, in the order in which they run. The ids are stable.
func RowIDs() []string {
	var ids []string
	for _, r := range rows() {
		ids = append(ids, r.id)
	}
	return ids
}

// bench is one run.
type bench struct {
	Config
	program Program
	dir     string // of this run alone
	row     string // the one that runs
	redis   *redisSide
}

// Run measures the rows one after the other. A row that cannot be measured has its Error set, and the others run all the same. Errors:
// Invalid, naming the size or the store; what is wrong with the directory or with Redis; the end of ctx.
func Run(ctx context.Context, p Program, cfg Config) (report Report, err error) {
	if err := cfg.complete(); err != nil {
		return Report{}, err
	}
	dir, err := os.MkdirTemp(cfg.Dir, "minapush-bench-")
	if err != nil {
		return Report{}, fmt.Errorf("make a directory to measure in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{Config: cfg, program: p, dir: dir}
	began := time.Now()
	report = Report{Began: began.UTC().Truncate(time.Second), Machine: thisMachine(dir)}
	var wanted []row
	for _, r := range rows() {
		if len(cfg.Rows) == 0 || slices.Contains(cfg.Rows, r.id) {
			wanted = append(wanted, r)
		}
	}
	if slices.ContainsFunc(wanted, func(r row) bool { return r.redis }) {
		if b.redis, err = b.connectRedis(ctx); err != nil {
			return report, err
		}
		defer b.redis.close()
	}
	for i, r := range wanted {
		cfg.Began(r.id, i+1, len(wanted))
		b.row = r.id
		result, err := r.measure(ctx, b)
		if ctx.Err() != nil {
			return report, ctx.Err()
		}
		if err != nil {
			result = Result{Error: err.Error()}
		}
		result.ID = r.id
		result.judge()
		report.Rows = append(report.Rows, result)
	}
	report.Seconds = time.Since(began).Seconds()
	return report, nil
}

// place makes a directory for one store; done removes it.
func (b *bench) place() (dir string, done func(), err error) {
	dir, err = os.MkdirTemp(b.dir, b.row+"-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

// timedUsers is how many users the timed rows have.
func (b *bench) timedUsers() int { return min(b.Users, maxTimedUsers) }

// piece is how long one timed piece runs.
func (b *bench) piece() time.Duration { return time.Duration(b.Seconds * float64(time.Second)) }

// inFlight is the bound of unanswered messages where a row's own is n.
func (b *bench) inFlight(n int) int {
	if b.InFlight > 0 {
		return b.InFlight
	}
	return n
}
