package bench

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"encoding/json"

	"github.com/minapush/minapush/api"
)

func TestAConnectionPostsReportAfterReport(t *testing.T) {
	t.Parallel()
	var got []api.Report
	answer := `{"accepted":3}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var report api.Report
		if err := json.NewDecoder(r.Body).Decode(&report); err != nil || r.URL.Path != "/v1/reports" || r.Header.Get("Authorization") != "Bearer k" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		got = append(got, report)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	c, err := dial(t.Context(), server.URL, "/v1/reports", "k")
	must(t, err)
	defer c.close()
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 3 {
		must(t, c.post(appendReport(nil, r, openID(n)), accepted))
	}
	if len(got) != 3 || got[2].OpenID != string(openID(2)) || len(got[2].Items) != perCollect || got[2].Items[0].FormID == got[2].Items[1].FormID {
		t.Errorf("%+v", got)
	}
	answer = `{"accepted":2}`
	if err := c.post(appendReport(nil, r, openID(4)), accepted); err == nil || !strings.Contains(err.Error(), answer) {
		t.Errorf("an answer of less was taken: %v", err)
	}
}

// FuzzAnswers holds that whatever a server answers is either an error or a body as long as it says.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		"", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "\n", "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := &connection{r: bufio.NewReader(bytes.NewReader(answer))}
		status, err := c.answer()
		if err == nil && !bytes.HasSuffix(answer[:len(answer)-c.r.Buffered()], c.body) {
			t.Errorf("status %d with %q", status, c.body)
		}
	})
}
