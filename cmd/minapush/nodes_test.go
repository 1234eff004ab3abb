package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/sandbox"
)

// fleet is several serving processes on one Redis, and a simulator in this process that knows who got what and when.
type fleet struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	wechat  string
	keyFile string // seals secrets, the same file for all nodes; the admin key is beside it
	users   []string
	nodes   []*node
	issued  int64 // uses of all permits that were given
	rate    int   // messages a second, of all nodes together
}

// node is one `minapush serve` of a fleet.
type node struct {
	name   string
	cmd    *exec.Cmd
	client *client.Client
	log    string
	ended  chan struct{} // closed when the process is gone
	err    error         // how it ended; read after ended
}

// fleetSize is how many users a fleet has: fewer in `make test` than in `make slow`.
func fleetSize(t *testing.T, normal int) int { return fromEnv(t, "MINAPUSH_TEST_NODE_USERS", normal) }

// newFleet makes a simulator with n users, of whom each third gives permits of another kind. No node runs yet.
func newFleet(t *testing.T, n int) *fleet {
	t.Helper()
	sb, err := sandbox.New(sandbox.Config{
		MessagesPerUser: 8, PrepayReadyAfter: -1, Latency: sandbox.Latency{Median: 5 * time.Millisecond, P99: 30 * time.Millisecond},
	})
	must(t, err)
	_, err = sb.AddApp(sandbox.App{AppID: testApp, Secret: testSecret})
	must(t, err)
	for _, tmpl := range []sandbox.Template{{ID: legacyT, Type: sandbox.Legacy, Keys: []string{"keyword1"}}, {ID: oneTimeT, Type: sandbox.OneTime, Keys: []string{"thing1"}}} {
		_, err = sb.AddTemplate(testApp, tmpl)
		must(t, err)
	}
	l, err := listen("127.0.0.1:0", sb, discard())
	must(t, err)
	go func() { _ = l.serve() }()
	t.Cleanup(func() { l.shut(0) })
	f := &fleet{t: t, sandbox: sb, wechat: l.url(), keyFile: filepath.Join(t.TempDir(), "secret.key")}
	f.users, err = sb.AddUsers(testApp, n)
	must(t, err)
	t.Cleanup(f.tails)
	return f
}

// start starts a node on a store and waits until it answers. It ends with the test, and with this process, however that ends.
func (f *fleet) start(name, store string, env ...string) *node {
	f.t.Helper()
	n := f.launch(name, store, env...)
	if n.client == nil {
		text, _ := os.ReadFile(n.log)
		f.t.Fatalf("%s did not start: %v\n%s", name, n.err, text)
	}
	return n
}

// restart starts a node as what keeps a service running does: again, where it ends because the cluster is down at the moment.
func (f *fleet) restart(name, store string) {
	for try := 1; ; try++ {
		n := f.launch(name, store)
		if n.client != nil {
			return
		}
		if try == 60 || !sleepFor(f.t.Context(), time.Second) {
			f.t.Errorf("%s does not start: %v", name, n.err)
			return
		}
	}
}

// launch is start that returns a node without a client if it ended by itself.
func (f *fleet) launch(name, store string, env ...string) *node {
	f.t.Helper()
	n := &node{name: name, log: filepath.Join(f.t.TempDir(), name+".log"), ended: make(chan struct{})}
	logFile, err := os.Create(n.log)
	must(f.t, err)
	n.cmd = exec.Command(os.Args[0], "serve", "--store", store, "--sealing-key-file", f.keyFile, "--listen", "127.0.0.1:0", "--listen-public", "")
	n.cmd.Env = append(append(os.Environ(), "MINAPUSH_TEST_PROGRAM="+tied), env...)
	n.cmd.Stderr = logFile
	_, err = n.cmd.StdinPipe()
	must(f.t, err)
	out, err := n.cmd.StdoutPipe()
	must(f.t, err)
	must(f.t, n.cmd.Start())
	urls := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, url, ok := strings.Cut(lines.Text(), "private"); ok {
				urls <- strings.TrimSpace(url)
			}
		}
		n.err = n.cmd.Wait()
		_ = logFile.Close()
		close(n.ended)
	}()
	f.t.Cleanup(n.kill)
	select {
	case url := <-urls:
		key, err := readKey(filepath.Dir(f.keyFile))
		must(f.t, err)
		n.client, err = client.New(url, key, client.Config{})
		must(f.t, err)
		f.nodes = append(f.nodes, n)
	case <-n.ended:
	case <-time.After(time.Minute):
		f.t.Fatalf("%s does not start", name)
	}
	return n
}

// kill ends the process as a power cut would, paused or not.
func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	<-n.ended
}

func (n *node) pause() error  { return n.cmd.Process.Signal(syscall.SIGSTOP) }
func (n *node) resume() error { return n.cmd.Process.Signal(syscall.SIGCONT) }

// runs tells that the process has not ended.
func (n *node) runs() bool {
	select {
	case <-n.ended:
		return false
	default:
		return true
	}
}

// stop ends the nodes that run as SIGTERM does, and checks that they end well.
func (f *fleet) stop() {
	f.t.Helper()
	for _, n := range f.nodes {
		if n.runs() {
			must(f.t, n.cmd.Process.Signal(syscall.SIGTERM))
			defer n.stopped(f.t)
		}
	}
}

func (n *node) stopped(t *testing.T) {
	t.Helper()
	select {
	case <-n.ended:
		if n.err != nil {
			t.Errorf("%s, told to stop: %v", n.name, n.err)
		}
	case <-time.After(time.Minute):
		t.Errorf("%s, told to stop, goes on", n.name)
	}
}

// tails shows the ends of the logs of a test that failed.
func (f *fleet) tails() {
	if !f.t.Failed() {
		return
	}
	for _, n := range f.nodes {
		text, err := os.ReadFile(n.log)
		if err != nil {
			f.t.Logf("log of %s: %v", n.name, err)
			continue
		}
		f.t.Logf("the end of the log of %s:\n%s", n.name, text[max(0, len(text)-6000):])
	}
}

// underWay is how many messages of each node may be unanswered: some more than the rate needs.
func (f *fleet) underWay() int { return max(16, f.rate/25) }

// found makes the app, its templates and all permits through a node.
func (f *fleet) found(n *node, rate int) {
	f.t.Helper()
	ctx := f.t.Context()
	f.rate = rate
	_, err := n.client.CreateApp(ctx, api.NewApp{
		AppID: testApp, Secret: testSecret, BaseURL: f.wechat, Rate: rate, InFlight: f.underWay(), Guards: noGuards(),
	})
	must(f.t, err)
	for _, tmpl := range []api.Template{{ID: legacyT, Kind: "legacy"}, {ID: oneTimeT, Kind: "one_time"}} {
		_, err = n.client.PutTemplate(ctx, testApp, tmpl)
		must(f.t, err)
	}
	rows := client.NDJSON(f.permits())
	defer rows.Close()
	done, err := n.client.ImportPermits(ctx, testApp, "fleet", rows, client.Rows{})
	must(f.t, err)
	if done.Refused+done.Duplicate > 0 {
		f.t.Fatalf("%d of %d permits taken", done.Accepted, done.Rows)
	}
}

// permits gives each user more uses than one broadcast needs: a second message would find a permit.
func (f *fleet) permits() iter.Seq2[api.PermitRow, error] {
	return func(yield func(api.PermitRow, error) bool) {
		for i, user := range f.users {
			var rows []api.PermitRow
			var err error
			switch i % 3 {
			case 0:
				var codes []string
				codes, err = f.sandbox.IssueFormIDs(testApp, user, 2)
				for _, code := range codes {
					rows = append(rows, api.PermitRow{OpenID: user, Kind: "form", Code: code})
				}
				f.issued += 2
			case 1:
				var code string
				code, err = f.sandbox.IssuePrepayID(testApp, user)
				rows = append(rows, api.PermitRow{OpenID: user, Kind: "pay", Code: code})
				f.issued += 3
			default:
				err = f.sandbox.Subscribe(testApp, user, oneTimeT, 2)
				row := api.PermitRow{OpenID: user, Kind: "subscribe", Template: oneTimeT}
				rows = append(rows, row, row)
				f.issued += 2
			}
			if err != nil {
				yield(api.PermitRow{}, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// broadcast is one of the campaigns that together reach everybody: legacy messages for forms and payments, the other for subscriptions.
type broadcast struct {
	id      string
	message api.Message
}

// broadcasts are the two messages that reach everybody, whatever permit they have.
func broadcasts() []broadcast {
	return []broadcast{
		{message: api.Message{Template: legacyT, Page: "pages/nodes", Values: map[string]string{"keyword1": "签到提醒"}}},
		{message: api.Message{Template: oneTimeT, Page: "pages/nodes", Values: map[string]string{"thing1": "签到提醒"}}},
	}
}

// broadcast starts both campaigns through a node.
func (f *fleet) broadcast(n *node) []broadcast {
	f.t.Helper()
	list := broadcasts()
	for i := range list {
		c, err := n.client.CreateCampaign(f.t.Context(), testApp, api.NewCampaign{Message: list[i].message, Start: true}, fmt.Sprintf("nodes-%d", i))
		must(f.t, err)
		list[i].id = c.ID
	}
	return list
}

// accepted is how many messages the simulator took.
func (f *fleet) accepted() int64 {
	s, err := f.sandbox.Stats(testApp)
	must(f.t, err)
	return s.Accepted
}

// untilAccepted waits until the simulator took so many messages, or for a minute.
func (f *fleet) untilAccepted(ctx context.Context, n int64) {
	poll(ctx, time.Minute, func() bool { return f.accepted() >= n })
}

// poll asks again and again until the answer is yes, or gives up.
func poll(ctx context.Context, within time.Duration, ask func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// finished waits until a campaign has ended by itself, whatever the store is going through meanwhile.
func (f *fleet) finished(n *node, b broadcast, within time.Duration) api.Campaign {
	f.t.Helper()
	var got api.Campaign
	var err error
	if !poll(f.t.Context(), within, func() bool {
		got, err = n.client.Campaign(f.t.Context(), testApp, b.id)
		return err == nil && got.State == "finished"
	}) {
		f.t.Fatalf("the broadcast does not end: %s why %+v hold %+v %+v, %v", got.State, got.Why, got.Hold, got.Progress, err)
	}
	return got
}

// tied is the value of MINAPUSH_TEST_PROGRAM for a process that ends with its parent: when its standard input does.
const tied = "tied"

// endWithParent ends this process as soon as its parent is gone.
func endWithParent() {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
}

// shardOf is where the app keeps a user.
func shardOf(user string) uint32 {
	return minapush.ShardOf(minapush.OpenID(user), minapush.DefaultShards)
}
