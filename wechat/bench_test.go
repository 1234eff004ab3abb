package wechat_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/wechat"
)

// instant answers every request at once with no work but reading it.
func instant(b *testing.B) string {
	return raw(b, func(conn net.Conn) {
		r := bufio.NewReader(conn)
		for {
			length := 0
			for {
				line, err := r.ReadSlice('\n')
				if err != nil {
					return
				}
				if n, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
					for _, d := range bytes.TrimSpace(n) {
						length = length*10 + int(d-'0')
					}
				}
				if len(line) <= 2 {
					break
				}
			}
			if _, err := r.Discard(length); err != nil {
				return
			}
			if _, err := io.WriteString(conn, okAnswer); err != nil {
				return
			}
		}
	})
}

// BenchmarkSend is the whole of Send; BenchmarkBareLoop posts a body made beforehand over the same transport, and reads the answer.
func BenchmarkSend(b *testing.B) {
	c, err := wechat.New(wechat.Config{Apps: oneApp(instant(b), fixed())})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.CloseIdleConnections)
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		out := message()
		out.Batch = "01J0000000000000000000000A"
		for pb.Next() {
			if _, err := c.Send(b.Context(), out); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkBareLoop(b *testing.B) {
	c, err := wechat.New(wechat.Config{Apps: oneApp("", minapush.TokenSource{})})
	if err != nil {
		b.Fatal(err)
	}
	body := c.Body(message())
	url := instant(b) + "/cgi-bin/message/subscribe/send?access_token=ACCESS-fixed"
	client := &http.Client{Transport: wechat.NewTransport(64)}
	b.Cleanup(client.CloseIdleConnections)
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Post(url, "application/json", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
	})
}

func BenchmarkRender(b *testing.B) {
	c, err := wechat.New(wechat.Config{Apps: oneApp("", minapush.TokenSource{})})
	if err != nil {
		b.Fatal(err)
	}
	out := message()
	out.Batch = "01J0000000000000000000000A"
	b.ReportAllocs()
	for b.Loop() {
		c.Body(out)
	}
}
