package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/minapush/minapush/sandbox"
	"github.com/spf13/pflag"
)

// pushFlags say where the simulator sends its events.
type pushFlags struct{ url, token, aesKey, mode, format string }

func (p *pushFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&p.url, "push-url", "", "where events go, such as http://127.0.0.1:8080/v1/apps/APPID/wechat; empty: nowhere")
	flags.StringVar(&p.token, "push-token", "", "token that signs events: 3 to 32 letters and digits; required with --push-url")
	flags.StringVar(&p.aesKey, "push-aes-key", "", "EncodingAESKey of events: 43 letters and digits; required but in plain mode")
	flags.StringVar(&p.mode, "push-mode", "", "plain, compatible or security (default security with --push-aes-key, plain without)")
	flags.StringVar(&p.format, "push-format", "", "json or xml (default json)")
}

// setting is nil without any of the flags.
func (p *pushFlags) setting() (*sandbox.Push, error) {
	if *p == (pushFlags{}) {
		return nil, nil
	}
	if p.url == "" {
		return nil, errors.New("--push-url: must be given with the other --push flags")
	}
	mode := sandbox.PushMode(p.mode)
	if mode == "" && p.aesKey != "" {
		mode = sandbox.PushSecurity
	}
	return &sandbox.Push{URL: p.url, Token: p.token, AESKey: p.aesKey, Mode: mode, Format: sandbox.PushFormat(p.format)}, nil
}

// named tells an error of the simulator by the flag that it is of.
func (p *pushFlags) named(err error) error {
	var arg *sandbox.ArgError
	if !errors.As(err, &arg) {
		return err
	}
	if field, ok := strings.CutPrefix(arg.Field, "push."); ok {
		return fmt.Errorf("--push-%s: %s", strings.ReplaceAll(field, "_", "-"), arg.Problem)
	}
	return err
}
