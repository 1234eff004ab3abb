package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/redisstore"
)

// redisSide is the Redis of a run: the one that the person names, or one that the run has started. What is measured has prefixes of its
// own and is removed row by row.
type redisSide struct {
	url    string
	cfg    redisstore.Config
	client rueidis.Client
	own    *server // nil: it is somebody else's
	mark   string  // what all prefixes of this run begin with
	rows   atomic.Int64
	notes  map[string]string
}

// The notes of rows on Redis.
const (
	noteAOF    = "aof"    // always, everysec, no, off, or untold
	noteServer = "server" // the release of Redis, or untold
	noteRPush  = "rpush"  // who did RPUSH: redis-benchmark, or loop
	untold     = "untold"
	rpushLoop  = "loop"
)

// connectRedis finds the Redis of a run. It is nil, and no error, if none is named and there is none to start. Errors: Invalid (what
// --store says, or a database that is not empty); what Redis says.
func (b *bench) connectRedis(ctx context.Context) (r *redisSide, err error) {
	r = &redisSide{url: b.Store, mark: "bench-" + strings.ToLower(rand.Text()[:8])}
	if r.url == "" {
		if r.own, err = startServer(ctx, filepath.Join(b.dir, "redis"), "appendfsync "+b.Fsync); err != nil || r.own == nil {
			return nil, err
		}
		r.url = r.own.url()
	}
	defer func() {
		if err != nil {
			r.close()
			r = nil
		}
	}()
	if r.cfg, err = redisstore.ParseURL(r.url); err != nil {
		return r, err
	}
	if strings.Contains(r.url, "prefix=") {
		return r, minapush.FieldError("store", "must not have a prefix here: bench makes its own")
	}
	if r.client, err = dialRedis(r.cfg); err != nil {
		return r, fmt.Errorf("connect to Redis: %w", err)
	}
	if r.own == nil {
		if err = r.empty(ctx); err != nil {
			return r, err
		}
	}
	r.notes, err = r.ask(ctx)
	return r, err
}

// dialRedis connects as an ordinary client does: each caller waits for its answer on a connection of its own.
func dialRedis(cfg redisstore.Config) (rueidis.Client, error) {
	return rueidis.NewClient(rueidis.ClientOption{
		InitAddress: cfg.Addresses, TLSConfig: cfg.TLS, Username: cfg.Username, Password: cfg.Password, SelectDB: cfg.DB,
		AlwaysRESP2: true, DisableCache: true, ClientSetInfo: rueidis.DisableClientSetInfo, DisableAutoPipelining: true,
	})
}

func (r *redisSide) close() {
	if r == nil {
		return
	}
	if r.client != nil {
		r.client.Close()
	}
	if r.own != nil {
		r.own.stop()
	}
}

// masters are the servers that hold keys.
func (r *redisSide) masters(ctx context.Context) (list []rueidis.Client, err error) {
	nodes := r.client.Nodes()
	for _, addr := range slices.Sorted(maps.Keys(nodes)) {
		node := nodes[addr]
		text, err := node.Do(ctx, node.B().Info().Section("replication").Build()).ToString()
		if err != nil {
			return nil, fmt.Errorf("ask %s what it is: %w", addr, err)
		}
		if len(nodes) == 1 || infoOf(text, "role") == "master" {
			list = append(list, node)
		}
	}
	return list, nil
}

// infoOf finds a line of what INFO answers.
func infoOf(text, name string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			return value
		}
	}
	return ""
}

// empty refuses a database that holds anything.
func (r *redisSide) empty(ctx context.Context) error {
	masters, err := r.masters(ctx)
	if err != nil {
		return err
	}
	var sum int64
	for _, node := range masters {
		n, err := node.Do(ctx, node.B().Dbsize().Build()).AsInt64()
		if err != nil {
			return fmt.Errorf("count the keys of the database: %w", err)
		}
		sum += n
	}
	if sum > 0 {
		return minapush.FieldError("store", "must be a database without keys, this one has %d: bench touches nobody's data", sum)
	}
	return nil
}

// ask asks how the server keeps what it is told.
func (r *redisSide) ask(ctx context.Context) (map[string]string, error) {
	cfg := r.cfg
	cfg.Prefix = r.mark
	st, err := redisstore.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	facts, err := st.Facts(ctx)
	err = errors.Join(err, st.Close(), r.clean(ctx, r.mark))
	if err != nil || len(facts) == 0 {
		return map[string]string{noteAOF: untold, noteServer: untold}, err
	}
	f := facts[0]
	notes := map[string]string{noteAOF: f.Fsync, noteServer: f.Version}
	if f.AppendOnly == "0" {
		notes[noteAOF] = "off"
	}
	for name, v := range notes {
		if v == "" {
			notes[name] = untold
		}
	}
	return notes, nil
}

// fresh makes a prefix that nothing has; done removes all that has come to be under it, also after the run was interrupted.
func (r *redisSide) fresh(ctx context.Context) (prefix string, done func() error) {
	prefix = r.mark + "-" + strconv.FormatInt(r.rows.Add(1), 10)
	return prefix, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
		defer cancel()
		return r.clean(ctx, prefix)
	}
}

// open opens a store under a prefix; change may be nil.
func (r *redisSide) open(ctx context.Context, prefix string, change func(*redisstore.Config)) (*redisstore.Store, error) {
	cfg := r.cfg
	cfg.Prefix, cfg.Timeout = prefix, 30*time.Second // what is measured is how fast, not how patient
	if change != nil {
		change(&cfg)
	}
	return redisstore.Open(ctx, cfg)
}

// at is the URL of a store under a prefix.
func (r *redisSide) at(prefix string) string {
	if strings.Contains(r.url, "?") {
		return r.url + "&prefix=" + prefix
	}
	return r.url + "?prefix=" + prefix
}

// scanned is how many keys are looked at, and removed, at once.
const scanned = 1000

// clean removes every key that begins with a prefix, and waits until its memory is free.
func (r *redisSide) clean(ctx context.Context, prefix string) error {
	masters, err := r.masters(ctx)
	if err != nil {
		return err
	}
	for _, node := range masters {
		for cursor := uint64(0); ; {
			page, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(prefix+"*").Count(scanned).Build()).AsScanEntry()
			if err != nil {
				return fmt.Errorf("look for the keys of %s: %w", prefix, err)
			}
			cmds := make(rueidis.Commands, len(page.Elements))
			for i, key := range page.Elements {
				cmds[i] = r.client.B().Unlink().Key(key).Build() // one a command: in a cluster they have many slots
			}
			if err := r.all(ctx, cmds); err != nil {
				return fmt.Errorf("remove the keys of %s: %w", prefix, err)
			}
			if cursor = page.Cursor; cursor == 0 {
				break
			}
		}
	}
	return r.until(ctx, func(ctx context.Context) (bool, error) {
		pending, err := r.sum(ctx, "lazyfree_pending_objects")
		return pending == 0, err
	})
}

// all does commands together, and wants none to fail.
func (r *redisSide) all(ctx context.Context, cmds rueidis.Commands) error {
	if len(cmds) == 0 {
		return nil
	}
	for _, a := range r.client.DoMulti(ctx, cmds...) {
		if err := a.Error(); err != nil {
			return err
		}
	}
	return nil
}

// sum adds a number of INFO memory over the masters.
func (r *redisSide) sum(ctx context.Context, name string) (sum int64, err error) {
	masters, err := r.masters(ctx)
	if err != nil {
		return 0, err
	}
	for _, node := range masters {
		text, err := node.Do(ctx, node.B().Info().Section("memory").Build()).ToString()
		if err != nil {
			return 0, fmt.Errorf("ask Redis for its memory: %w", err)
		}
		n, err := strconv.ParseInt(infoOf(text, name), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("ask Redis for its memory: it does not tell %s", name)
		}
		sum += n
	}
	return sum, nil
}

// until asks again and again until the answer is yes.
func (r *redisSide) until(ctx context.Context, ask func(context.Context) (bool, error)) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := ask(ctx)
		if yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// noted adds what there is to know about the server to a row.
func (r *redisSide) noted(res *Result) {
	if res.Notes == nil {
		res.Notes = map[string]string{}
	}
	maps.Copy(res.Notes, r.notes)
}

// followed tells whether every master has a replica.
func (r *redisSide) followed(ctx context.Context) (bool, error) {
	masters, err := r.masters(ctx)
	if err != nil {
		return false, err
	}
	for _, node := range masters {
		text, err := node.Do(ctx, node.B().Info().Section("replication").Build()).ToString()
		if err != nil {
			return false, err
		}
		if n, err := strconv.Atoi(infoOf(text, "connected_slaves")); err != nil || n == 0 {
			return false, nil
		}
	}
	return true, nil
}

// onRedis begins a row that needs Redis: what it puts there stands under a prefix, and is removed by done. Without Redis the result says
// that the row was skipped, and ok is false.
func (b *bench) onRedis(ctx context.Context, res *Result) (prefix string, done func() error, ok bool) {
	if b.redis == nil {
		res.Skipped = NeedsRedis
		return "", nil, false
	}
	b.redis.noted(res)
	prefix, done = b.redis.fresh(ctx)
	return prefix, done, true
}

// makeDir is a directory that only its owner may look into.
func makeDir(dir string) error { return os.MkdirAll(dir, 0o700) }
