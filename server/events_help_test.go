package server_test

import (
	"context"
	"net/url"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/server"
	"github.com/minapush/minapush/wechat"
)

const (
	eventToken    = "eventToken1"
	eventKey      = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	eventSettings = `{"token":"` + eventToken + `","encoding_aes_key":"` + eventKey + `"}`
	popupEvent    = `{"ToUserName":"gh_1","FromUserName":"` + openid + `","CreateTime":1795341500,"MsgType":"event","Event":"subscribe_msg_popup_event",` +
		`"List":{"TemplateId":"` + tmplID + `","SubscribeStatusString":"accept","PopupScene":"0"}}`
)

// events reads pushes with package wechat, as the program does.
type events struct{ now func() time.Time }

func (e events) Receiver(app minapush.AppID, s account.EventSettings) (server.Receiver, error) {
	in, err := wechat.NewReceiver(wechat.ReceiverConfig{
		App: app, Token: s.Token, EncodingAESKey: s.AESKey, Mode: wechat.PushMode(s.Mode), Now: e.now,
	})
	return receiver{in}, err
}

func (events) Parse(body []byte) (minapush.Event, error) { return wechat.ParseEvent(body) }

type receiver struct{ *wechat.Receiver }

func (r receiver) Open(query url.Values, sent []byte) (minapush.Event, []byte, error) {
	e, m, err := r.Receiver.Open(query, sent)
	return e, m.Body, err
}

// Stop is the kill switch that a punishment throws.
func (b *bundle) Stop(ctx context.Context, app minapush.AppID, why minapush.Reason) error {
	_, err := b.accounts.UpdateApp(ctx, app, func(a *minapush.App) error { a.Stopped = why; return nil }, nil)
	return err
}
