package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Server is one redis-server process. It is for one goroutine, but for Addr, Do and Pid.
type Server struct {
	dir   string
	port  int
	lines []string

	cmd  *exec.Cmd
	hold io.Closer // the server dies when this is closed, as it is when our process ends
	pid  int
	done chan struct{} // closed when the process has ended
}

// Start starts a server in a directory, on a free port of loopback, and waits until it serves. Every write is in its append-only file
// before it is answered, unless a line says otherwise.
func Start(ctx context.Context, dir string, lines ...string) (*Server, error) {
	var err error
	for range 5 { // somebody else may take the port meanwhile
		var ports []int
		if ports, err = freePorts(ctx, 1, false); err != nil {
			return nil, err
		}
		s := &Server{dir: dir, port: ports[0], lines: lines}
		if err = s.Restart(ctx); err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// Addr is where it listens.
func (s *Server) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// Pid is the process id of the server, for whoever wants to send it signals.
func (s *Server) Pid() int { return s.pid }

// launch keeps the server's life tied to ours: it ends when our end of the pipe is closed, whoever closes it.
const launch = `exec 3<&0
redis-server "$0" 3<&- </dev/null >>log 2>&1 &
server=$!
( cat <&3 >/dev/null; kill -9 $server 2>/dev/null ) &
guard=$!
exec 3<&-
echo $server
exec >/dev/null
wait $server
kill $guard 2>/dev/null`

// Restart starts a server that has ended, on the same port and over what it left, and waits until it serves.
func (s *Server) Restart(ctx context.Context) error {
	conf := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(conf, []byte(s.config()), 0o600); err != nil {
		return err
	}
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), "sh", "-c", launch, conf)
	s.cmd.Dir = s.dir
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", server, err)
	}
	s.hold, s.done = in, make(chan struct{})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		s.pid, err = strconv.Atoi(strings.TrimSpace(line))
	}
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(s.cmd, s.done)
	if err == nil {
		err = s.ready(ctx)
	}
	if err != nil {
		_ = s.Kill()
		return fmt.Errorf("start %s on port %d: %w\n%s", server, s.port, err, s.log())
	}
	return nil
}

func (s *Server) config() string {
	lines := append([]string{
		"bind 127.0.0.1", "port " + strconv.Itoa(s.port), "dir " + strconv.Quote(s.dir), "daemonize no",
		"save \"\"", "appendonly yes", "appendfsync always", "loglevel notice", "repl-diskless-sync-delay 0",
	}, s.lines...)
	return strings.Join(lines, "\n") + "\n"
}

// ready waits until the server answers. One that asks for a password serves, too.
func (s *Server) ready(ctx context.Context) error {
	return poll(ctx, func() error {
		select {
		case <-s.done:
			return fatal{errors.New("it ended")}
		default:
		}
		_, err := s.Do("PING")
		if err != nil && (strings.HasPrefix(err.Error(), "NOAUTH") || strings.HasPrefix(err.Error(), "MASTERDOWN")) {
			return nil
		}
		if info, e := s.Do("INFO", "server"); err == nil && e == nil && !strings.Contains(info, "process_id:"+strconv.Itoa(s.pid)+"\r") {
			return fatal{errors.New("another server was first on its port")}
		}
		return err
	})
}

// Kill ends the server as kill -9 does, and returns when it is gone.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

// Stop asks the server to end, and returns when it is gone.
func (s *Server) Stop() error { return s.end(syscall.SIGTERM) }

// Pause stops the process where it stands; Resume lets it go on.
func (s *Server) Pause() error { return syscall.Kill(s.pid, syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return syscall.Kill(s.pid, syscall.SIGCONT) }

func (s *Server) end(sig syscall.Signal) error {
	if s.cmd == nil || s.pid == 0 {
		return nil
	}
	select {
	case <-s.done:
		return nil
	default:
	}
	if err := syscall.Kill(s.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	limit := time.NewTimer(5 * time.Second)
	defer limit.Stop()
	select {
	case <-s.done:
	case <-limit.C: // a server that is paused, or writes for long: closing the pipe kills it
	}
	_ = s.hold.Close() // or it is closed, since the server has ended
	<-s.done
	return nil
}

// log is the end of what the server said.
func (s *Server) log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(b[max(0, len(b)-2000):])
}

// fatal is an error that waiting does not mend.
type fatal struct{ error }

// poll asks until the answer is nil, the answer is fatal, or the time is over.
func poll(ctx context.Context, ask func() error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		var f fatal
		if errors.As(err, &f) {
			return f.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}
