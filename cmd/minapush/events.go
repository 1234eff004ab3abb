package main

import (
	"context"
	"maps"
	"net/url"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/server"
	"github.com/minapush/minapush/wechat"
)

// maxPassedOn is how many connections are kept to the addresses to which pushes are passed on.
const maxPassedOn = 256

// eventReader lets the server read what WeChat pushes.
type eventReader struct{ now func() time.Time }

// Receiver makes what opens the pushes to an app.
func (r eventReader) Receiver(app minapush.AppID, s account.EventSettings) (server.Receiver, error) {
	in, err := wechat.NewReceiver(wechat.ReceiverConfig{
		App: app, Token: s.Token, EncodingAESKey: s.AESKey, Mode: wechat.PushMode(s.Mode), Now: r.now,
	})
	if err != nil {
		return nil, err
	}
	return eventReceiver{in}, nil
}

// Parse reads an event in clear.
func (eventReader) Parse(body []byte) (minapush.Event, error) { return wechat.ParseEvent(body) }

type eventReceiver struct{ in *wechat.Receiver }

func (r eventReceiver) Verify(query url.Values) (string, error) { return r.in.Verify(query) }

func (r eventReceiver) Open(query url.Values, sent []byte) (minapush.Event, []byte, error) {
	e, m, err := r.in.Open(query, sent)
	return e, m.Body, err
}

// stopper throws the kill switch of a punished app.
type stopper struct{ sys *system }

// Stop stops every send of the app, on this node at once.
func (s stopper) Stop(ctx context.Context, id minapush.AppID, why minapush.Reason) error {
	app, err := s.sys.accounts.App(ctx, id)
	if err != nil {
		return err
	}
	if app.Stopped.Code == why.Code && maps.Equal(app.Stopped.Params, why.Params) {
		return nil
	}
	_, err = s.sys.accounts.UpdateApp(ctx, id, func(app *minapush.App) error {
		app.Stopped = why
		return nil
	}, nil)
	s.sys.dispatcher.Kick()
	return err
}

// lastEvents waits for events whose answer did not wait for them: no more come in.
func (sys *system) lastEvents() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := sys.server.Wait(ctx); err != nil {
		sys.log.Warn("events are still being worked on: WeChat was not told that they were done", "err", err)
	}
}
