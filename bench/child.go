package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"time"

	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
)

// ChildCommand is the command that Program.Command runs for what needs a process of its own. It does what Child does.
const ChildCommand = "bench-child"

// task is what a child is to do.
type task struct {
	// Do is "broadcast", "walk" or "write".
	Do  string `json:"do"`
	Dir string `json:"dir"`
	// Users are those to send to, or those to write.
	Users int `json:"users"`
	// Permits are those of each user to write; 0: the store is filled already.
	Permits int `json:"permits"`
}

// reply is the one line that a child answers.
type reply struct {
	PeakBytes int64         `json:"peak_bytes,omitempty"`
	Took      time.Duration `json:"took,omitempty"`
	// QuarterBytes is the peak when a quarter of the work was done.
	QuarterBytes int64 `json:"quarter_bytes,omitempty"`
}

// Child is the other process of the rows that need one: it reads a task, does it and answers in a line of JSON. It ends with its
// standard input, so that it never outlives the run.
func Child(ctx context.Context, p Program, stdin io.Reader, stdout io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	in := json.NewDecoder(stdin)
	var t task
	if err := in.Decode(&t); err != nil {
		return fmt.Errorf("read what to do: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdin) // it ends when the parent does
		cancel(errors.New("the benchmark that this process belongs to has ended"))
	}()
	var err error
	switch t.Do {
	case "broadcast":
		err = childBroadcast(ctx, p, t, stdout)
	case "walk":
		var r reply
		if r, err = childWalk(ctx, t); err == nil {
			err = json.NewEncoder(stdout).Encode(r)
		}
	case "write":
		err = childWrite(ctx, t, stdout)
	default:
		err = fmt.Errorf("%q is no task", t.Do)
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// childBroadcast sends to everybody in a store and tells how much memory that took.
func childBroadcast(ctx context.Context, p Program, t task, stdout io.Writer) error {
	w, err := resume(ctx, p, t.Dir, "", nil)
	if err != nil {
		return err
	}
	if w.app, err = w.sys.Accounts.App(ctx, appID); err != nil {
		return errors.Join(err, w.stop())
	}
	took, err := w.broadcast(ctx, t.Users)
	if err = errors.Join(err, w.stop()); err != nil {
		return err
	}
	peak, err := peakMemory()
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(reply{PeakBytes: peak, Took: took})
}

// childWrite fills a store, says so, and goes on writing until it is killed.
func childWrite(ctx context.Context, t task, stdout io.Writer) error {
	st, err := pebblestore.Open(t.Dir, pebblestore.Config{})
	if err != nil {
		return err
	}
	app := storeApp(t.Users)
	if t.Permits > 0 {
		err = fill(ctx, st, app, t.Users, t.Permits)
	}
	if err == nil {
		err = json.NewEncoder(stdout).Encode(reply{})
	}
	if err == nil {
		err = writeOn(ctx, st, t.Users)
	}
	return errors.Join(err, st.Close())
}

// writeOn collects for users at random for ever.
func writeOn(ctx context.Context, st store.Store, users int) error {
	app := storeApp(users)
	_, err := rate(ctx, time.Hour, collectWriters, func(r *rand.Rand) (func(context.Context) error, error) {
		return func(ctx context.Context) error {
			now := time.Now().UTC()
			return deposit(ctx, st, app, openID(r.IntN(users)), forms(r, perCollect, now), now)
		}, nil
	})
	return err
}

// child is a running process of Child.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Reader
	errs  *tail
}

// spawn starts a child.
func (b *bench) spawn(ctx context.Context, t task) (*child, error) {
	cmd := b.program.Command(ctx, ChildCommand)
	c := &child{cmd: cmd, errs: &tail{}}
	cmd.Stderr = c.errs
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c.stdin, c.lines = stdin, bufio.NewReader(stdout)
	if err := json.NewEncoder(stdin).Encode(t); err != nil {
		c.kill()
		return nil, fmt.Errorf("tell the child process what to do: %w", err)
	}
	return c, nil
}

// reply waits for the child's answer.
func (c *child) reply() (r reply, err error) {
	line, err := c.lines.ReadBytes('\n')
	if err != nil {
		c.kill()
		return r, fmt.Errorf("the child process ended without an answer: %w\n%s", err, c.errs.text())
	}
	return r, json.Unmarshal(line, &r)
}

// kill ends the child as kill -9 does.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.stdin.Close()
	_ = c.cmd.Wait()
}

// end lets the child end by itself.
func (c *child) end() error {
	err := c.cmd.Wait()
	_ = c.stdin.Close()
	return err
}

// tail keeps the last of what was written to it.
type tail struct{ kept []byte }

const tailSize = 2048

// Write never fails. It is called by one goroutine, which ends before text is asked for.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if n := len(t.kept) - tailSize; n > 0 {
		t.kept = append(t.kept[:0], t.kept[n:]...)
	}
	return len(p), nil
}

func (t *tail) text() string { return string(t.kept) }
