package client_test

import (
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
)

// rowsThen yields users by openid, then an error unless it is nil. ended counts sequences that came to their end or were stopped.
func rowsThen(openids []string, last error, ended *int) iter.Seq2[api.UserRow, error] {
	return func(yield func(api.UserRow, error) bool) {
		defer func() { *ended++ }()
		for _, o := range openids {
			if !yield(api.UserRow{OpenID: o}, nil) {
				return
			}
		}
		if last != nil {
			yield(api.UserRow{}, last)
		}
	}
}

func TestRowsAreWrittenOneALine(t *testing.T) {
	t.Parallel()
	want := "{\"openid\":\"a\"}\n{\"openid\":\"b\\n\"}\n"
	for name, wrap := range map[string]func(io.Reader) io.Reader{"as it is": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader} {
		ended := 0
		r := client.NDJSON(rowsThen([]string{"a", "b\n"}, nil, &ended))
		got, err := io.ReadAll(wrap(r))
		if err != nil || string(got) != want || ended != 1 {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%s: got %d bytes, %v behind the end", name, n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := iotest.TestReader(client.NDJSON(rowsThen([]string{"a", "b\n"}, nil, new(int))), []byte(want)); err != nil {
		t.Error(err)
	}
}

func TestAnErrorOfASequenceIsToldBehindItsRows(t *testing.T) {
	t.Parallel()
	broken, ended := errors.New("no such table"), 0
	got, err := io.ReadAll(client.NDJSON(rowsThen([]string{"a"}, broken, &ended)))
	if !errors.Is(err, broken) || string(got) != "{\"openid\":\"a\"}\n" || ended != 1 {
		t.Errorf("got %q, %v", got, err)
	}
	unwritable := func(yield func(func(), error) bool) { yield(func() {}, nil) }
	if got, err := io.ReadAll(client.NDJSON(unwritable)); err == nil || !strings.Contains(err.Error(), "encode row") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestASequenceThatIsClosedIsStopped(t *testing.T) {
	t.Parallel()
	ended := 0
	r := client.NDJSON(rowsThen([]string{"a", "b", "c"}, nil, &ended))
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil || ended != 1 {
		t.Errorf("got %v, ended %d times", err, ended)
	}
	if rest, err := io.ReadAll(r); err == nil {
		t.Errorf("read %q of a closed sequence", rest)
	}
}
