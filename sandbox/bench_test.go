package sandbox_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"

	"github.com/minapush/minapush/sandbox"
)

// nullWriter is a ResponseWriter that costs nothing.
type nullWriter struct{ header http.Header }

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *nullWriter) WriteHeader(int)             {}

type reuse struct{ *bytes.Reader }

func (reuse) Close() error { return nil }

func benchmarkHandler(b *testing.B, path string, record sandbox.Recording, body func(w *world, i int) string) {
	w := newWorld(b, sandbox.Config{Record: record, FormUses: -1})
	const users = 1000
	openids, err := w.sb.AddUsers(w.app.AppID, users)
	if err != nil {
		b.Fatal(err)
	}
	bodies := make([][]byte, users)
	for i, openid := range openids {
		w.openid = openid
		must(b, w.sb.Subscribe(w.app.AppID, openid, w.tmpl, 1_000_000))
		bodies[i] = []byte(body(w, i))
	}
	req := httptest.NewRequest("POST", path+"?access_token="+url.QueryEscape(w.token), nil)
	reader := bytes.NewReader(nil)
	writer := &nullWriter{header: make(http.Header)}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		data := bodies[i%users]
		reader.Reset(data)
		req.Body = reuse{reader}
		req.ContentLength = int64(len(data))
		w.sb.ServeHTTP(writer, req)
	}
	b.StopTimer()
	if st, err := w.sb.Stats(w.app.AppID); err != nil || st.Accepted != int64(b.N) {
		b.Fatalf("accepted %d of %d: %v", st.Accepted, b.N, err)
	}
}

func subscribeBody(w *world, _ int) string {
	return `{"touser":` + strconv.Quote(w.openid) + `,"template_id":` + strconv.Quote(w.tmpl) +
		`,"page":"pages/index/index?campaign=7","miniprogram_state":"formal","lang":"zh_CN","data":{"thing1":{"value":"每日签到"},"date2":{"value":"2026-07-01 09:42"}}}`
}

func legacyBody(w *world, _ int) string {
	ids, err := w.sb.IssueFormIDs(w.app.AppID, w.openid, 1)
	if err != nil {
		panic(err)
	}
	return `{"touser":` + strconv.Quote(w.openid) + `,"template_id":` + strconv.Quote(w.legacy) + `,"form_id":` + strconv.Quote(ids[0]) +
		`,"page":"pages/index/index","data":{"keyword1":{"value":"339208499"},"keyword2":{"value":"2015-01-05 12:30"}}}`
}

func BenchmarkSubscribeSend(b *testing.B) {
	b.Run("counts", func(b *testing.B) {
		benchmarkHandler(b, sandbox.PathSend, sandbox.RecordCounts, subscribeBody)
	})
	b.Run("all", func(b *testing.B) { benchmarkHandler(b, sandbox.PathSend, sandbox.RecordAll, subscribeBody) })
}

func BenchmarkLegacySend(b *testing.B) {
	benchmarkHandler(b, sandbox.PathLegacySend, sandbox.RecordCounts, legacyBody)
}

// BenchmarkRoundTrip includes building a request, as a client does.
func BenchmarkRoundTrip(b *testing.B) {
	w := newWorld(b, sandbox.Config{Record: sandbox.RecordCounts})
	must(b, w.sb.Subscribe(w.app.AppID, w.openid, w.tmpl, 1<<30))
	body := subscribeBody(w, 0)
	address := "https://api.weixin.qq.com" + sandbox.PathSend + "?access_token=" + url.QueryEscape(w.token)
	b.ReportAllocs()
	for b.Loop() {
		req, err := http.NewRequest("POST", address, bytes.NewReader([]byte(body)))
		if err != nil {
			b.Fatal(err)
		}
		resp, err := w.sb.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAddUsersAndFormIDs(b *testing.B) {
	sb := newSandbox(b, sandbox.Config{})
	app, err := sb.AddApp(sandbox.App{})
	must(b, err)
	for b.Loop() {
		openids, err := sb.AddUsers(app.AppID, 1)
		must(b, err)
		_, err = sb.IssueFormIDs(app.AppID, openids[0], 3)
		must(b, err)
	}
}

// BenchmarkEvents sends messages whose events go, encrypted, to a server on loopback, and waits for all answers now and then.
func BenchmarkEvents(b *testing.B) {
	w := newWorld(b, sandbox.Config{Record: sandbox.RecordCounts, PushQueue: -1, Push: sandbox.PushKnobs{SentMost: -1}})
	must(b, w.sb.Subscribe(w.app.AppID, w.openid, w.tmpl, 1<<30))
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	defer w.sb.Close()
	_, err := w.sb.SetUnverifiedPush(w.app.AppID, sandbox.Push{URL: server.URL, Token: pushToken, AESKey: pushKey, Mode: sandbox.PushSecurity})
	must(b, err)
	body := []byte(subscribeBody(w, 0))
	req := httptest.NewRequest("POST", sandbox.PathSend+"?access_token="+url.QueryEscape(w.token), nil)
	reader, writer := bytes.NewReader(nil), &nullWriter{header: make(http.Header)}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		reader.Reset(body)
		req.Body, req.ContentLength = reuse{reader}, int64(len(body))
		w.sb.ServeHTTP(writer, req)
		if i%256 == 255 {
			must(b, w.sb.FlushPush(b.Context()))
		}
	}
	must(b, w.sb.FlushPush(b.Context()))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	if stats, err := w.sb.PushStats(w.app.AppID); err != nil || stats[sentEvent].Delivered != int64(b.N) {
		b.Fatalf("%d sends, events %+v, %v", b.N, stats, err)
	}
}
