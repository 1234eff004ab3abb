package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

// relays are the samples of docs/relay, with the program that each needs.
var relays = map[string]struct {
	needs string
	run   func(t *testing.T, port string) *exec.Cmd
}{
	"Go": {"go", func(t *testing.T, _ string) *exec.Cmd {
		binary := filepath.Join(t.TempDir(), "relay")
		if out, err := exec.Command("go", "build", "-o", binary, "../../docs/relay/main.go").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return exec.Command(binary)
	}},
	"Node": {"node", func(*testing.T, string) *exec.Cmd { return exec.Command("node", "../../docs/relay/relay.mjs") }},
	"Java": {"java", func(*testing.T, string) *exec.Cmd { return exec.Command("java", "../../docs/relay/Relay.java") }},
	"PHP": {"php", func(_ *testing.T, port string) *exec.Cmd {
		return exec.Command("php", "-S", "127.0.0.1:"+port, "../../docs/relay/relay.php")
	}},
}

func TestTheRelaySamplesReportForTheUserOfTheirOwnLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	key, err := w.client.CreateKey(t.Context(), api.NewKey{Name: "relay", AppID: w.app, Scopes: []string{"report"}})
	must(t, err)
	for name, sample := range relays {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(sample.needs); err != nil {
				t.Skipf("SKIPPED: %s is not on this machine", sample.needs)
			}
			openid := "openid-by-relay-in-" + name
			url := startRelay(t, w, sample.run, openid, key.Secret)
			report := `{"items":[{"type":"form","form_id":"00000000000000000000000000000001","nonce":"n1"}]}`
			if got := relayed(t, url, report); got.Accepted != 1 {
				t.Fatalf("got %+v, want one accepted", got)
			}
			if got := relayed(t, url, report); got.Duplicate != 1 || got.Accepted != 0 {
				t.Errorf("the same report again: got %+v, want one duplicate", got)
			}
			status, _ := postTo(t, url, `{"openid":"somebody-else",`+report[1:])
			if status != http.StatusBadRequest {
				t.Errorf("a report that names somebody else got %d, want 400", status)
			}
			user, err := w.client.User(t.Context(), w.app, openid)
			must(t, err)
			if user.Counts.Deposited != 1 {
				t.Errorf("%d permits deposited, want 1", user.Counts.Deposited)
			}
		})
	}
}

// startRelay runs a sample until the test ends, and returns where it takes reports.
func startRelay(t *testing.T, w *world, command func(*testing.T, string) *exec.Cmd, openid, key string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	must(t, l.Close()) // the sample takes it
	cmd := command(t, port)
	cmd.Env = append(os.Environ(), "RELAY_TO="+w.url+"/v1/apps/"+w.app+"/reports", "RELAY_KEY="+key, "RELAY_PORT="+port, "DEMO_OPENID="+openid)
	var said bytes.Buffer
	cmd.Stderr = &said
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the relay said: %s", said.String())
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = c.Close()
			return "http://127.0.0.1:" + port + "/push-reports"
		}
		<-tick.C
	}
	t.Fatal("the relay never listened")
	return ""
}

func relayed(t *testing.T, url, body string) (a api.ReportAnswer) {
	t.Helper()
	status, text := postTo(t, url, body)
	if err := json.Unmarshal([]byte(text), &a); err != nil || status != http.StatusOK {
		t.Fatal(fmt.Errorf("got %d %s: %w", status, text, err))
	}
	return a
}

func postTo(t *testing.T, url, body string) (int, string) {
	t.Helper()
	answer, err := http.Post(url, "application/json", strings.NewReader(body))
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(text)
}
