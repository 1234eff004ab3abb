//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/sandbox"
)

// publicOf serves the public calls of a world on another socket, with a patience of its own.
func (w *world) publicOf(p patience) (addr string) {
	w.t.Helper()
	l, err := listenFor("127.0.0.1:0", w.sys.server.Public(), discard(), p)
	must(w.t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.serve()
	}()
	w.t.Cleanup(func() {
		_ = l.server.Close()
		<-done
	})
	return l.Addr().String()
}

// session makes a session token for a user.
func (w *world) session(openid string) string {
	w.t.Helper()
	token, _, err := w.sys.accounts.IssueSession(w.t.Context(), testApp, minapush.OpenID(openid))
	must(w.t, err)
	return token
}

// ask makes one good report over a connection that stays open, and says how long it took.
func ask(c *http.Client, addr, token string, headers ...string) (time.Duration, error) {
	start := time.Now()
	r, err := http.NewRequest("POST", "http://"+addr+"/v1/apps/"+testApp+"/reports", strings.NewReader(`{"items":[]}`))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != 200 {
		err = fmt.Errorf("got %s %s", resp.Status, text)
	}
	return time.Since(start), err
}

// othersAreServed makes n good requests and fails if one is not answered. It logs how long they took.
func othersAreServed(t *testing.T, addr, token string, n int) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer c.CloseIdleConnections()
	took := make([]time.Duration, 0, n)
	for i := range n {
		if i%10 == 0 {
			c.CloseIdleConnections() // newcomers are served, too
		}
		d, err := ask(c, addr, token)
		if err != nil {
			t.Fatalf("request %d of somebody else: %v", i, err)
		}
		took = append(took, d)
	}
	slices.Sort(took)
	t.Logf("%d requests of others meanwhile: p50 %v, p99 %v", n, took[n/2], took[n*99/100])
}

// A slow client begins on a connection and goes on badly until it is cut off.
type slowClient func(conn net.Conn, head string) error

// trickle sends a text byte by byte, for as long as somebody listens.
func trickle(conn net.Conn, text string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		if _, err := conn.Write([]byte{text[i%len(text)]}); err != nil {
			return err
		}
		<-tick.C
	}
}

// slowClients are those that hold a connection without getting on.
func slowClients() map[string]slowClient {
	return map[string]slowClient{
		"sends nothing": func(net.Conn, string) error { return nil },
		"stops in the head": func(conn net.Conn, head string) error {
			_, err := io.WriteString(conn, head[:len(head)/2])
			return err
		},
		"sends the head byte by byte": func(conn net.Conn, _ string) error { return trickle(conn, "GET /"+strings.Repeat("a", 1<<16)) },
		"sends header after header": func(conn net.Conn, head string) error {
			if _, err := io.WriteString(conn, head); err != nil {
				return err
			}
			return trickle(conn, "X-More: yes\r\n")
		},
		"stops before the body": func(conn net.Conn, head string) error {
			_, err := io.WriteString(conn, head+"Content-Length: 100\r\n\r\n")
			return err
		},
		"sends the body byte by byte": func(conn net.Conn, head string) error {
			if _, err := io.WriteString(conn, head+"Content-Length: 1000000\r\n\r\n"); err != nil {
				return err
			}
			return trickle(conn, " ")
		},
		"sends chunks without end": func(conn net.Conn, head string) error {
			if _, err := io.WriteString(conn, head+"Transfer-Encoding: chunked\r\n\r\n"); err != nil {
				return err
			}
			return trickle(conn, "1\r\n \r\n")
		},
		"takes no answer": func(conn net.Conn, head string) error {
			request := head + "Content-Length: 12\r\n\r\n" + `{"items":[]}`
			for range 100_000 {
				if _, err := io.WriteString(conn, request); err != nil {
					return err
				}
			}
			return errors.New("a client that takes no answer is served for ever")
		},
	}
}

func TestSlowAndHalfOpenClientsHoldNobodyUpAndAreCutOff(t *testing.T) {
	t.Parallel()
	of := 25
	if testing.Short() {
		of = 5
	}
	w := newWorld(t, sandbox.Config{}, nil)
	const soon = 4 * time.Second
	addr := w.publicOf(patience{header: soon, read: soon, write: soon, idle: soon})
	token := w.session("oHonest")
	head := "POST /v1/apps/" + testApp + "/reports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + w.session("oSlow") + "\r\nContent-Type: application/json\r\n"
	var all, begun sync.WaitGroup
	for name, slow := range slowClients() {
		n := of
		if name == "takes no answer" { // it makes much work before the buffers between are full
			n = 2
		}
		for range n {
			conn, err := net.Dial("tcp", addr)
			must(t, err)
			begun.Add(1)
			all.Go(func() {
				defer conn.Close()
				ended := make(chan error, 1)
				go func() { ended <- slow(conn, head) }()
				begun.Done()
				if name == "takes no answer" {
					_ = conn.SetDeadline(time.Now().Add(time.Minute))
					if err := <-ended; errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("who %s is never cut off", name)
					}
					return
				}
				// Until the server hangs up: a client that is cut off reads an answer such as 408, or the end.
				_ = conn.SetDeadline(time.Now().Add(time.Minute))
				if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("who %s is never cut off", name)
				}
				conn.Close()
				<-ended
			})
		}
	}
	begun.Wait()
	othersAreServed(t, addr, token, 100)
	all.Wait()
	othersAreServed(t, addr, token, 10)
}

func TestSlowBodiesOfOneAddressTakeItsShareOnly(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, limits{concurrent: 8, requests: -1, logins: -1, proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	addr := w.publicOf(patience{})
	head := "POST /v1/apps/" + testApp + "/reports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + w.session("oSlow") +
		"\r\nX-Forwarded-For: 203.0.113.9\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n"
	var taken, refused int
	for range 6 {
		conn, err := net.Dial("tcp", addr)
		must(t, err)
		t.Cleanup(func() { conn.Close() })
		_, err = io.WriteString(conn, head)
		must(t, err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		must(t, err)
		switch { // 100 comes when the handler begins to read the body, for which it then waits
		case strings.HasPrefix(line, "HTTP/1.1 100"):
			taken++
		case strings.HasPrefix(line, "HTTP/1.1 429"):
			refused++
		}
	}
	if taken != 2 || refused != 4 {
		t.Errorf("of 6 slow bodies of one address %d were waited for and %d refused, want a quarter of 8", taken, refused)
	}
	c := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer c.CloseIdleConnections()
	for i := range 20 {
		if _, err := ask(c, addr, w.session("oHonest"), "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i)); err != nil {
			t.Fatalf("somebody else: %v", err)
		}
	}
}

// newWorldWith is a world with limits of its own.
func newWorldWith(t *testing.T, l limits) *world {
	t.Helper()
	w := newWorld(t, sandbox.Config{}, nil)
	w.settings.limits = l
	w.restart()
	return w
}

func TestIdleConnectionsAreClosedAndHeadsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	addr := w.publicOf(patience{idle: 100 * time.Millisecond})
	conn, err := net.Dial("tcp", addr)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	in := bufio.NewReader(conn)
	_, err = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	resp, err := http.ReadResponse(in, nil)
	must(t, err)
	resp.Body.Close()
	if _, err := in.ReadByte(); resp.StatusCode != 200 || errors.Is(err, os.ErrDeadlineExceeded) || err == nil {
		t.Errorf("got %s, then %v, want the end after the idle time", resp.Status, err)
	}
	for size, want := range map[int]int{32 << 10: 200, 128 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := http.NewRequest("GET", "http://"+addr+"/healthz", nil)
		must(t, err)
		r.Header.Set("X-Large", strings.Repeat("x", size))
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a head of %d bytes: got %s, want %d", size, resp.Status, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestHelperHoldsConnections is no test: it is the crowd of TestTenThousandIdleConnectionsHoldNobodyUp, in a process of its own, since
// the ends of so many connections would be too many files for one. Every second connection never sends a byte; the others have had
// one answer.
func TestHelperHoldsConnections(t *testing.T) {
	addr, count, ok := strings.Cut(os.Getenv("MINAPUSH_TEST_CROWD"), " ")
	if !ok {
		t.Skip("it helps another test")
	}
	n, err := strconv.Atoi(count)
	must(t, err)
	var crowd []net.Conn
	for i := range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Logf("%d connections: %v", i, err)
			break
		}
		crowd = append(crowd, conn)
		if i%2 == 1 {
			continue
		}
		_, err = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		must(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	fmt.Printf("\nholding %d\n", len(crowd))
	_, _ = io.Copy(io.Discard, os.Stdin) // until the other test has seen enough
	open := 0
	for _, conn := range crowd {
		must(t, conn.SetReadDeadline(time.Now().Add(time.Microsecond)))
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			open++
		}
	}
	fmt.Printf("\nopen %d\n", open)
}

func TestTenThousandIdleConnectionsHoldNobodyUp(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 500
	}
	var files syscall.Rlimit // Go raises it to what is allowed by itself
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files))
	if room := int(min(files.Cur, 1<<20)) - 1000; room < n {
		n = max(room, 100)
	}
	w := newWorld(t, sandbox.Config{}, nil)
	addr := w.publicOf(patience{header: time.Hour, idle: time.Hour})
	crowd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperHoldsConnections$", "-test.v")
	crowd.Env = append(os.Environ(), fmt.Sprintf("MINAPUSH_TEST_CROWD=%s %d", addr, n))
	in, err := crowd.StdinPipe()
	must(t, err)
	out, err := crowd.StdoutPipe()
	must(t, err)
	must(t, crowd.Start())
	lines := bufio.NewScanner(out)
	number := func(word string) int {
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), word+" "); ok {
				got, err := strconv.Atoi(rest)
				must(t, err)
				return got
			}
		}
		t.Fatalf("the crowd does not say %s", word)
		return 0
	}
	held := number("holding")
	t.Logf("%d idle connections, half of them without a byte; %d files are allowed", held, files.Cur)
	if held < n*9/10 {
		t.Errorf("only %d of %d connections were accepted", held, n)
	}
	othersAreServed(t, addr, w.session("oHonest"), 200)
	must(t, in.Close())
	if open := number("open"); open != held {
		t.Errorf("%d of %d connections were cut off before their time", held-open, held)
	}
	must(t, crowd.Wait())
	if got, err := w.client.Health(t.Context()); err != nil || got.Status != "ok" {
		t.Errorf("got %+v, %v", got, err)
	}
}
