package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
)

// remote is how commands reach a running server: the embedded store is the server's alone.
type remote struct {
	e                    *env
	server, key, keyFile string
	app                  string
	asJSON               bool
}

// remoteFlags adds the flags that all commands to a running server share.
func remoteFlags(e *env, cmd *cobra.Command, withApp bool) *remote {
	r := &remote{e: e}
	flags := cmd.PersistentFlags()
	flags.StringVar(&r.server, "server", "http://"+defaultListen, "address of a running server's private listener")
	flags.StringVar(&r.key, "key", "", "API key (better: MINAPUSH_KEY or --key-file)")
	flags.StringVar(&r.keyFile, "key-file", "minapush-data/admin.key", "file with the API key")
	flags.BoolVar(&r.asJSON, "json", false, "print the answer as JSON")
	if withApp {
		flags.StringVar(&r.app, "app", "", "appid of the mini program (default: the only one)")
	}
	return r
}

// client returns a client that calls once: somebody sits and waits, so an answer that says "not now" is shown at once, and may be
// repeated by hand.
func (r *remote) client() (*client.Client, error) { return r.dial(client.Config{Tries: 1}) }

func (r *remote) dial(cfg client.Config) (*client.Client, error) {
	key := r.key
	if key == "" {
		b, err := os.ReadFile(r.keyFile)
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("no API key: give --key-file, or MINAPUSH_KEY (looked for %s)", r.keyFile)
		}
		if err != nil {
			return nil, err
		}
		key = strings.TrimSpace(string(b))
	}
	return client.New(r.server, key, cfg)
}

// open returns a client and the app that commands are about.
func (r *remote) open(cmd *cobra.Command) (*client.Client, string, error) {
	return r.openWith(cmd, client.Config{Tries: 1})
}

// openLong is open for work of many calls, which one lost answer must not end.
func (r *remote) openLong(cmd *cobra.Command) (*client.Client, string, error) {
	return r.openWith(cmd, client.Config{})
}

func (r *remote) openWith(cmd *cobra.Command, cfg client.Config) (*client.Client, string, error) {
	c, err := r.dial(cfg)
	if err != nil || r.app != "" {
		return c, r.app, err
	}
	list, err := c.Apps(cmd.Context())
	if err != nil {
		return nil, "", err
	}
	if len(list) != 1 {
		return nil, "", fmt.Errorf("--app: must be given, since this server has %d apps", len(list))
	}
	return c, list[0].AppID, nil
}
