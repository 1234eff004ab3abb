package wechat

import (
	"context"
	"net"
	"net/http"

	"github.com/minapush/minapush"
)

// NewTransportOver is NewTransport with another way to dial.
func NewTransportOver(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Transport {
	return newTransport(8, dial)
}

// Body renders a message as Send does.
func (c *Client) Body(out minapush.Outgoing) []byte { return c.renderer.body(out) }

// Rendered is how many campaigns are kept rendered.
func (c *Client) Rendered() int { return len(c.renderer.tails) }

var (
	AppendString = appendString
	ContentKeys  = contentKeys
)

// ReadUsual and ReadVerdict are the quick and the full reader of answers.
func ReadUsual(body []byte) (code int, msgID int64, ok bool) {
	v, ok := readUsual(body)
	return v.code, v.msgID, ok
}

func ReadVerdict(body []byte) (code int, msgID int64, ok bool) {
	v, ok := readVerdict(body)
	return v.code, v.msgID, ok
}

// SealWith is Seal without chance.
func (r *Receiver) SealWith(random, nonce string, at int64, reply string, f PushFormat) ([]byte, error) {
	return r.sealWith([]byte(random), nonce, at, []byte(reply), f)
}

// SignPush signs as WeChat does.
var SignPush = signPush
