package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Backup writes a copy of the whole store, a tar, to w while the server serves on, and returns how many bytes it wrote. It takes as
// long as it takes: ctx bounds it. After an error what was written is of no use; a copy that ended early is an error.
func (c *Client) Backup(ctx context.Context, w io.Writer) (int64, error) {
	a := &archive{w: w}
	_, err := c.do(ctx, request{
		method: http.MethodGet, path: []string{"v1", "backup"}, safe: true, patient: true, header: map[string]string{"Accept": "application/x-tar"},
	}, a)
	return a.n, err
}

// archive is a tar on its way to a writer.
type archive struct {
	w    io.Writer
	n    int64
	tail []byte // the last bytes written, at most tarEnd
	full bool   // the writer takes no more
}

// tarEnd is how many zero bytes a tar ends with.
const tarEnd = 1024

// errPartWritten means that the writer has bytes of a try that failed, or refused them, so that a second try is no use.
var errPartWritten = errors.New("the backup is not whole")

// copy writes a body. The end of a tar is looked for, since a proxy may turn a connection that broke into a body that ended.
func (a *archive) copy(body io.Reader) error {
	_, err := io.Copy(a, body)
	if err == nil && (len(a.tail) < tarEnd || bytes.Count(a.tail, []byte{0}) < tarEnd) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && (a.n > 0 || a.full) {
		return fmt.Errorf("%w: after %d bytes: %w", errPartWritten, a.n, err)
	}
	return err
}

// Write passes bytes on and remembers the last ones.
func (a *archive) Write(p []byte) (int, error) {
	n, err := a.w.Write(p)
	a.n, a.full = a.n+int64(n), err != nil
	a.tail = append(a.tail, p[max(0, n-tarEnd):n]...)
	a.tail = a.tail[max(0, len(a.tail)-tarEnd):]
	return n, err
}
