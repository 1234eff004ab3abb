package client_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
)

// aTar is a whole archive.
func aTar(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	content := strings.Repeat("permits", 1000)
	err1 := w.WriteHeader(&tar.Header{Name: "db/000001.sst", Size: int64(len(content)), Mode: 0o600})
	_, err2 := io.WriteString(w, content)
	if err := errors.Join(err1, err2, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func body(r io.Reader) *http.Response {
	answer := reply(200, "", "Content-Type", "application/x-tar")
	answer.Body = io.NopCloser(r)
	return answer
}

func TestABackupIsWrittenAsItComes(t *testing.T) {
	t.Parallel()
	whole := aTar(t)
	for name, r := range map[string]io.Reader{"at once": strings.NewReader(whole), "byte by byte": iotest.OneByteReader(strings.NewReader(whole))} {
		tr := &transport{answer: func(int) (*http.Response, error) { return body(r), nil }}
		var got strings.Builder
		n, err := over(t, tr).Backup(t.Context(), &got)
		if err != nil || got.String() != whole || n != int64(len(whole)) {
			t.Errorf("%s: got %d bytes, %v", name, n, err)
		}
		if r := tr.asked[0]; r.Method+" "+r.URL.RequestURI() != "GET /base/v1/backup" || r.Header.Get("Accept") != "application/x-tar" {
			t.Errorf("got %s %s", r.Method, r.URL)
		}
	}
}

func TestABackupThatIsNotWholeIsAnErrorAndNotWrittenTwice(t *testing.T) {
	t.Parallel()
	whole, reset := aTar(t), errors.New("connection reset")
	for name, c := range map[string]struct {
		answer io.Reader
		want   error
	}{
		"the connection broke":             {io.MultiReader(strings.NewReader(whole[:3000]), iotest.ErrReader(reset)), reset},
		"a proxy ended it":                 {strings.NewReader(whole[:3000]), io.ErrUnexpectedEOF},
		"half of its end is missing":       {strings.NewReader(whole[:len(whole)-512]), io.ErrUnexpectedEOF},
		"it is something else altogether":  {strings.NewReader("<html>"), io.ErrUnexpectedEOF},
		"bytes stand behind the tar's end": {strings.NewReader(whole + "x"), io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := &transport{answer: func(int) (*http.Response, error) { return body(c.answer), nil }}
			var got bytes.Buffer
			n, err := over(t, tr).Backup(t.Context(), &got)
			if !errors.Is(err, c.want) || len(tr.asked) != 1 || n != int64(got.Len()) {
				t.Errorf("got %v after %d calls", err, len(tr.asked))
			}
		})
	}
}

func TestABackupThatDidNotBeginIsAskedForAgain(t *testing.T) {
	t.Parallel()
	whole := aTar(t)
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answer: func(try int) (*http.Response, error) {
			switch try {
			case 1:
				return reply(503, `{"code":"unavailable","number":50301}`), nil
			case 2:
				return body(iotest.ErrReader(errors.New("connection reset"))), nil
			}
			return body(strings.NewReader(whole)), nil
		}}
		if n, err := over(t, tr).Backup(t.Context(), io.Discard); err != nil || n != int64(len(whole)) || len(tr.asked) != 3 {
			t.Errorf("got %d bytes, %v after %d calls", n, err, len(tr.asked))
		}
	})
	tr := &transport{answer: func(int) (*http.Response, error) { return reply(403, `{"code":"unauthorized","number":40301}`), nil }}
	if _, err := over(t, tr).Backup(t.Context(), io.Discard); !errors.Is(err, api.Unauthorized) || len(tr.asked) != 1 {
		t.Errorf("got %v after %d calls", err, len(tr.asked))
	}
}

type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestAFullDiskEndsABackup(t *testing.T) {
	t.Parallel()
	noSpace := errors.New("no space left on device")
	tr := &transport{answer: func(int) (*http.Response, error) { return body(strings.NewReader(aTar(t))), nil }}
	if n, err := over(t, tr).Backup(t.Context(), full{noSpace}); !errors.Is(err, noSpace) || n != 0 || len(tr.asked) != 1 {
		t.Errorf("got %d bytes, %v after %d calls", n, err, len(tr.asked))
	}
}

// slow answers after a while, unless the request ends before.
type slow time.Duration

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(time.Duration(s)):
		return reply(200, `{}`+strings.Repeat("\x00", 1024)), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func TestOnlyCallsThatTakeAsLongAsTheyTakeOutlastTheTimeout(t *testing.T) {
	t.Parallel()
	calls := map[string]func(ctx context.Context, c *client.Client) error{
		"backup":      func(ctx context.Context, c *client.Client) error { _, err := c.Backup(ctx, io.Discard); return err },
		"fresh reach": func(ctx context.Context, c *client.Client) error { _, err := c.Reach(ctx, app, true); return err },
		"retry": func(ctx context.Context, c *client.Client) error {
			_, err := c.RetryCampaign(ctx, app, "id", api.Retry{}, "")
			return err
		},
		"check": func(ctx context.Context, c *client.Client) error {
			_, err := c.Check(ctx, app, api.NewChecks{})
			return err
		},
		"": func(ctx context.Context, c *client.Client) error { _, err := c.Reach(ctx, app, false); return err },
	}
	for name, call := range calls {
		synctest.Test(t, func(t *testing.T) {
			c, err := client.New("http://push.example.com", "k", client.Config{Tries: 1, HTTPClient: &http.Client{
				Transport: slow(10 * time.Minute), Timeout: client.DefaultTimeout,
			}})
			if err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			err = call(t.Context(), c)
			took := time.Since(begun)
			if name != "" && (err != nil || took != 10*time.Minute) {
				t.Errorf("%s: got %v after %v", name, err, took)
			}
			if name == "" && (err == nil || took != client.DefaultTimeout) {
				t.Errorf("got %v after %v, want the timeout", err, took)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := call(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v after the context's end", name, err)
			}
		})
	}
}
