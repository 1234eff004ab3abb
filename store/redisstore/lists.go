package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
)

const (
	// scanCount is how many keys a server looks at for one answer.
	scanCount = 1000
	// listsAtOnce is how many lists are asked for at once, and listPage how many elements of each.
	listsAtOnce = 64
	listPage    = 500
)

// ListPage is some of what one key of another program holds.
type ListPage struct {
	Key string
	// First is the place of the first element in its list, from 0.
	First    int64
	Elements []string
	// Type is what the key holds if that is no list, as TYPE says it: "string", "hash". There are no elements then.
	Type string
	// Seen is how many keys of the servers were looked at so far, about, whether they fit the pattern or not, and Keys how many there
	// are; 0: the server does not tell.
	Seen, Keys int64
}

// EachList reads every list whose key fits the pattern, as SCAN understands it, from a server, or from every master of a cluster, and
// hands it to f page by page, in order, a key's pages one after the other. It is for data of other programs: it only reads (SCAN, TYPE,
// LRANGE, DBSIZE, CLUSTER SLOTS), on any release of Redis, a replica too. cfg.Prefix and WaitReplicas do not matter.
//
// A key that is there from the beginning to the end is seen, by the promise of SCAN, but may be seen twice. A list that others cut at
// its head meanwhile may be read with gaps where it is longer than a page. Errors: Invalid, Unauthorized, Unavailable (beginning again
// is safe; also if the cluster's slots moved meanwhile), and that of f, which ends the reading.
func EachList(ctx context.Context, cfg Config, pattern string, f func(ListPage) error) error {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return err
	}
	client, err := connect(cfg)
	if err != nil {
		return understand("connect to Redis", err)
	}
	defer client.Close()
	r := &listReader{client: client, timeout: cfg.Timeout, pattern: pattern, f: f}
	before, err := r.masters(ctx)
	if err != nil {
		return understand("find the masters", err)
	}
	nodes := client.Nodes()
	for _, addr := range before.addrs {
		if nodes[addr] == nil {
			return minapush.Errorf(minapush.Unavailable, "the Redis Cluster is changing: its master %s is not known yet; begin again", addr)
		}
		r.count(ctx, nodes[addr])
	}
	for _, addr := range before.addrs {
		if err := r.scan(ctx, nodes[addr]); err != nil {
			var stop errStopped
			if errors.As(err, &stop) {
				return stop.error
			}
			return understand("read the lists of "+addr, err)
		}
	}
	after, err := r.masters(ctx)
	if err != nil {
		return understand("find the masters", err)
	}
	if after.slots != before.slots {
		return minapush.Errorf(minapush.Unavailable, "the Redis Cluster moved slots while it was read, so keys may have been missed; begin again")
	}
	return nil
}

// listReader reads lists for f.
type listReader struct {
	client  rueidis.Client
	timeout time.Duration
	pattern string
	f       func(ListPage) error

	seen, keys int64
	uncounted  bool // a server does not tell how many keys it has
}

// errStopped is an error of f.
type errStopped struct{ error }

// bound ends a call after the timeout, or when its context ends.
func (r *listReader) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, r.timeout)
}

// topology is who has which slots.
type topology struct {
	addrs []string // of the masters, sorted
	slots string
}

// masters are the servers that have keys: the masters of a cluster, or the one server there is.
func (r *listReader) masters(ctx context.Context) (topology, error) {
	ctx, cancel := r.bound(ctx)
	defer cancel()
	if r.client.Mode() != rueidis.ClientModeCluster {
		return topology{addrs: slices.Collect(maps.Keys(r.client.Nodes()))}, r.checkAlone(ctx)
	}
	var answer []rueidis.RedisMessage
	var from string
	var err error
	for addr, node := range r.client.Nodes() { // any of them knows
		if answer, err = node.Do(ctx, node.B().ClusterSlots().Build()).ToArray(); err == nil {
			from = addr
			break
		}
	}
	if err != nil {
		return topology{}, err
	}
	return readSlots(answer, from)
}

// readSlots reads the answer of CLUSTER SLOTS of the server at from, which may not know its own name.
func readSlots(answer []rueidis.RedisMessage, from string) (t topology, err error) {
	own, _, _ := net.SplitHostPort(from)
	var ranges []string
	for _, one := range answer {
		parts, err := one.ToArray()
		if err != nil || len(parts) < 3 {
			return t, errors.New("CLUSTER SLOTS answers what is not known here")
		}
		master, err := parts[2].ToArray()
		if err != nil || len(master) < 2 {
			return t, errors.New("CLUSTER SLOTS answers what is not known here")
		}
		host, _ := master[0].ToString() // null, or empty: that of the server asked
		port, err := master[1].AsInt64()
		if err != nil {
			return t, err
		}
		addr := net.JoinHostPort(cmp.Or(host, own), strconv.FormatInt(port, 10))
		first, _ := parts[0].AsInt64()
		last, _ := parts[1].AsInt64()
		ranges = append(ranges, fmt.Sprintf("%05d-%05d %s", first, last, addr))
		t.addrs = append(t.addrs, addr)
	}
	slices.Sort(ranges)
	slices.Sort(t.addrs)
	t.addrs, t.slots = slices.Compact(t.addrs), strings.Join(ranges, "\n")
	return t, nil
}

// checkAlone makes sure that a server that looks like one is no node of a cluster whose user may not ask for the others: its keys would
// be taken for all. Such a node knows where keys of other slots are.
func (r *listReader) checkAlone(ctx context.Context) error {
	for i := range 16 {
		key := strings.ReplaceAll(r.pattern, "*", strconv.Itoa(i))
		err := r.client.Do(ctx, r.client.B().Type().Key(key).Build()).Error()
		if e, ok := rueidis.IsRedisErr(err); ok {
			if _, moved := e.IsMoved(); moved {
				return minapush.Errorf(minapush.Unauthorized,
					"this Redis is one of a cluster, and does not tell of the others: the user must be allowed CLUSTER SLOTS (+cluster|slots)")
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// count adds the keys of a server to those that there are.
func (r *listReader) count(ctx context.Context, node rueidis.Client) {
	ctx, cancel := r.bound(ctx)
	defer cancel()
	n, err := node.Do(ctx, node.B().Dbsize().Build()).AsInt64()
	r.keys += n
	r.uncounted = r.uncounted || err != nil
}

// scan goes through the keys of one server.
func (r *listReader) scan(ctx context.Context, node rueidis.Client) error {
	for cursor := uint64(0); ; {
		entry, err := r.scanOnce(ctx, node, cursor)
		if err != nil {
			return err
		}
		r.seen += scanCount
		for keys := range slices.Chunk(entry.Elements, listsAtOnce) {
			if err := r.lists(ctx, keys); err != nil {
				return err
			}
		}
		if cursor = entry.Cursor; cursor == 0 {
			return nil
		}
	}
}

func (r *listReader) scanOnce(ctx context.Context, node rueidis.Client, cursor uint64) (rueidis.ScanEntry, error) {
	ctx, cancel := r.bound(ctx)
	defer cancel()
	return node.Do(ctx, node.B().Scan().Cursor(cursor).Match(r.pattern).Count(scanCount).Build()).AsScanEntry()
}

// lists reads what some keys hold.
func (r *listReader) lists(ctx context.Context, keys []string) error {
	b := r.client.B()
	ask := make([]rueidis.Completed, len(keys))
	for i, key := range keys {
		ask[i] = b.Type().Key(key).Build()
	}
	types, err := r.texts(ctx, ask)
	if err != nil {
		return err
	}
	var lists []string
	for i, key := range keys {
		switch types[i] {
		case "none": // it went meanwhile
		case "list":
			lists = append(lists, key)
		default:
			if err := r.hand(ListPage{Key: key, Type: types[i]}); err != nil {
				return err
			}
		}
	}
	return r.firstPages(ctx, lists)
}

func (r *listReader) texts(ctx context.Context, ask []rueidis.Completed) ([]string, error) {
	ctx, cancel := r.bound(ctx)
	defer cancel()
	texts := make([]string, len(ask))
	for i, answer := range r.client.DoMulti(ctx, ask...) {
		var err error
		if texts[i], err = answer.ToString(); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// firstPages reads the first page of each list together, since most have only one, and then the others of the long ones.
func (r *listReader) firstPages(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	b := r.client.B()
	ask := make([]rueidis.Completed, len(keys))
	for i, key := range keys {
		ask[i] = b.Lrange().Key(key).Start(0).Stop(listPage - 1).Build()
	}
	bounded, cancel := r.bound(ctx)
	answers := r.client.DoMulti(bounded, ask...)
	cancel()
	for i, answer := range answers {
		page, err := answer.AsStrSlice()
		for first := int64(0); err == nil && len(page) > 0; {
			if err := r.hand(ListPage{Key: keys[i], First: first, Elements: page}); err != nil {
				return err
			}
			if len(page) < listPage {
				break
			}
			first += listPage
			page, err = r.page(ctx, keys[i], first)
		}
		if err != nil && !wrongType(err) { // somebody made the key another thing meanwhile
			return err
		}
	}
	return nil
}

func (r *listReader) page(ctx context.Context, key string, first int64) ([]string, error) {
	ctx, cancel := r.bound(ctx)
	defer cancel()
	return r.client.Do(ctx, r.client.B().Lrange().Key(key).Start(first).Stop(first+listPage-1).Build()).AsStrSlice()
}

func wrongType(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(e.Error(), "WRONGTYPE")
}

// hand hands a page over.
func (r *listReader) hand(p ListPage) error {
	if !r.uncounted {
		p.Seen, p.Keys = min(r.seen, r.keys), r.keys
	}
	if err := r.f(p); err != nil {
		return errStopped{err}
	}
	return nil
}
