package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush/store/redisstore"
)

// server is a redis-server of this run, on loopback.
type server struct {
	port  int
	cmd   *exec.Cmd
	stdin io.Closer
}

// launch ties the life of a server to ours: when our end of its standard input is closed, which the system sees to however we end, the
// server is killed. It hears of an interrupt from us only.
const launch = `trap "" INT TERM
redis-server "$0" </dev/null >"$0.log" 2>&1 &
server=$!
cat >/dev/null
kill -9 $server 2>/dev/null
wait $server`

// patience is how long a server may take to serve.
const patience = time.Minute

// startServer starts a server that keeps its data in a directory, and waits until it serves. It does not rewrite its append-only file,
// which it would do again and again while that is small, with half of a small machine. It is nil, and no error, if there is no
// redis-server on this machine.
func startServer(ctx context.Context, dir string, lines ...string) (*server, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, nil
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	var err error
	for range 5 { // somebody else may take the port meanwhile
		var s *server
		if s, err = tryServer(ctx, dir, lines); err == nil || ctx.Err() != nil {
			return s, err
		}
	}
	return nil, err
}

func tryServer(ctx context.Context, dir string, lines []string) (*server, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{port: l.Addr().(*net.TCPAddr).Port}
	_ = l.Close()
	conf := filepath.Join(dir, "redis.conf")
	text := strings.Join(append([]string{
		"bind 127.0.0.1", "port " + strconv.Itoa(s.port), "dir " + strconv.Quote(dir), "daemonize no", `save ""`, "appendonly yes",
		"auto-aof-rewrite-percentage 0", "repl-diskless-sync-delay 0",
	}, lines...), "\n")
	if err := os.WriteFile(conf, []byte(text+"\n"), 0o600); err != nil {
		return nil, err
	}
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), "sh", "-c", launch, conf)
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start redis-server: %w", err)
	}
	if err := s.serves(ctx); err != nil {
		s.stop()
		said, _ := os.ReadFile(conf + ".log")
		return nil, fmt.Errorf("start redis-server: %w\n%s", err, said[max(0, len(said)-tailSize):])
	}
	return s, nil
}

// serves waits until the server answers, and is ours: somebody else may have had the port.
func (s *server) serves(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	own, err := filepath.Abs(filepath.Dir(s.cmd.Args[len(s.cmd.Args)-1])) // the server tells a whole path
	if err != nil {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		dir, err := s.directory(ctx)
		if err == nil && strings.HasPrefix(dir, own) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// directory asks a server where it keeps its data, in plain words: a client of the library would retry for long.
func (s *server) directory(ctx context.Context) (string, error) {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", s.addr())
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, "CONFIG GET dir\r\n"); err != nil {
		return "", err
	}
	lines := bufio.NewScanner(conn)
	for n := 0; lines.Scan(); n++ {
		if n == 4 { // *2 $3 dir $n DIR
			return lines.Text(), nil
		}
	}
	return "", errors.Join(lines.Err(), errors.New("it does not tell its directory"))
}

func (s *server) addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

func (s *server) url() string { return "redis://" + s.addr() }

// follow starts a replica of a server, and waits until it has all that the server has.
func (b *bench) follow(ctx context.Context, master *server) (stop func(), err error) {
	dir, done, err := b.place()
	if err != nil {
		return nil, err
	}
	s, err := startServer(ctx, filepath.Join(dir, "replica"), "appendfsync "+b.Fsync, "replicaof 127.0.0.1 "+strconv.Itoa(master.port))
	if err != nil {
		done()
		return nil, err
	}
	stop = func() {
		s.stop()
		done()
	}
	client, err := dialRedis(redisstore.Config{Addresses: []string{s.addr()}})
	if err == nil {
		r := &redisSide{client: client}
		err = r.until(ctx, func(ctx context.Context) (bool, error) {
			text, err := client.Do(ctx, client.B().Info().Section("replication").Build()).ToString()
			return infoOf(text, "master_link_status") == "up", err
		})
		client.Close()
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("wait for the replica: %w", err)
	}
	return stop, nil
}

// stop ends the server. What it kept is of no use any more.
func (s *server) stop() {
	_ = s.stdin.Close()
	_ = s.cmd.Wait()
}
