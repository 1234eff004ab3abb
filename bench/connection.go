package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// connection posts to one path over one connection, again and again. It takes little processor time itself, so that what is measured is
// the server: net/http's client would take more than the server does.
type connection struct {
	conn net.Conn
	r    *bufio.Reader
	head []byte
	buf  []byte
	body []byte
}

func dial(ctx context.Context, url, path, key string) (*connection, error) {
	host := strings.TrimPrefix(url, "http://")
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	head := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: ", path, host, key)
	return &connection{conn: conn, r: bufio.NewReader(conn), head: head}, nil
}

func (c *connection) close() {
	if c != nil {
		_ = c.conn.Close()
	}
}

// post sends a body and reads the answer, which must be 200 and hold want.
func (c *connection) post(body, want []byte) error {
	c.buf = strconv.AppendInt(append(c.buf[:0], c.head...), int64(len(body)), 10)
	c.buf = append(append(c.buf, "\r\n\r\n"...), body...)
	if _, err := c.conn.Write(c.buf); err != nil {
		return err
	}
	status, err := c.answer()
	if err != nil {
		return fmt.Errorf("read the answer to a report: %w", err)
	}
	if status != 200 || !bytes.Contains(c.body, want) {
		return fmt.Errorf("a report was answered with %d: %.300s", status, c.body)
	}
	return nil
}

// answer reads one answer of the kind that our server gives: with a Content-Length.
func (c *connection) answer() (status int, err error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("status line %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, fmt.Errorf("status line %q", line)
	}
	length := -1
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(": ")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		}
	}
	if length < 0 || length > 1<<20 {
		return 0, fmt.Errorf("an answer with status %d has no usable Content-Length", status)
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err = io.ReadFull(c.r, c.body)
	return status, err
}
