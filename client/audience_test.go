package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
)

const (
	going = `{"walked":100,"matched":10,"opted_out":1,"shards_done":1,"shards":4}` + "\n"
	done  = `{"walked":400,"matched":40,"reachable":30,"opted_out":4,"shards_done":4,"shards":4,"done":true,"sample":["o1"]}` + "\n"
	fails = `{"walked":100,"matched":10,"opted_out":1,"shards_done":1,"shards":4,"problem":{"title":"Nothing happened; try again","status":503,"code":"unavailable","number":50301,"type":"x"}}` + "\n"
)

func streamed(body string) func(int) (*http.Response, error) {
	return func(int) (*http.Response, error) { return reply(200, body, "Content-Type", api.NDJSONType), nil }
}

func TestAPassTellsItsProgressAndReturnsItsLastLine(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"count", "sample"} {
		tr := &transport{answer: streamed(going + going + done)}
		c := over(t, tr)
		ask := c.CountAudience
		if what == "sample" {
			ask = c.SampleAudience
		}
		var told []int64
		got, err := ask(t.Context(), app, api.AudienceQuestion{Sample: 1}, func(l api.AudienceLine) { told = append(told, l.Walked) })
		if err != nil {
			t.Fatal(err)
		}
		reachable := int64(30)
		want := api.AudienceLine{
			Walked: 400, Matched: 40, Reachable: &reachable, OptedOut: 4, ShardsDone: 4, Shards: 4, Done: true, Sample: []string{"o1"},
		}
		if diff := cmp.Diff(want, got); diff != "" || len(told) != 2 {
			t.Errorf("%d lines of progress, last line (-want +got):\n%s", len(told), diff)
		}
		if path := tr.asked[0].URL.Path; !strings.HasSuffix(path, "/audience/"+what) || tr.asked[0].Header.Get("Accept") != api.NDJSONType {
			t.Errorf("asked %s, %v", path, tr.asked[0].Header)
		}
		if _, err := ask(t.Context(), app, api.AudienceQuestion{}, nil); err != nil {
			t.Errorf("without progress: %v", err)
		}
	}
}

func TestAPassThatBreaksOffIsAnErrorAndIsNotBegunAgain(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a problem": going + fails, "no last line": going + going, "half a line": going + done[:20], "no JSON": going + "<html>",
	} {
		tr := &transport{answer: streamed(body)}
		got, err := over(t, tr).CountAudience(t.Context(), app, api.AudienceQuestion{}, nil)
		var e *client.Error
		if err == nil || len(tr.asked) != 1 || got.Walked != 100 || got.Done {
			t.Errorf("%s: got %+v, %v after %d tries", name, got, err, len(tr.asked))
		}
		if isProblem := errors.As(err, &e); isProblem != (name == "a problem") || isProblem && (!errors.Is(err, api.Unavailable) || e.Status != 503) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAPassThatHasNotBegunIsAskedForAgain(t *testing.T) {
	t.Parallel()
	tr := &transport{answer: func(try int) (*http.Response, error) {
		switch try {
		case 1:
			return reply(429, busy), nil
		case 2:
			return nil, errors.New("connection reset")
		case 3:
			return streamed("")(3)
		}
		return streamed(done)(4)
	}}
	c, err := client.New("https://push.example.com", "the-key", client.Config{HTTPClient: &http.Client{Transport: tr}, Backoff: time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.CountAudience(t.Context(), app, api.AudienceQuestion{}, nil); err != nil || !got.Done || len(tr.asked) != 4 {
		t.Errorf("got %+v, %v after %d tries", got, err, len(tr.asked))
	}
}

func TestAPassEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(going))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}, client.Config{})
	t.Cleanup(func() { close(release) })
	_, err := c.CountAudience(ctx, app, api.AudienceQuestion{}, func(api.AudienceLine) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
