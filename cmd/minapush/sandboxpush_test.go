package main

import (
	"strings"
	"testing"
)

func TestTheSimulatorsPushFlagsAreCheckedByName(t *testing.T) {
	t.Parallel()
	const token, url = "--push-token=abc", "--push-url=http://127.0.0.1:1/x"
	for want, args := range map[string][]string{
		"--push-url: must be given":   {token},
		"--push-url: \"x\"":           {"--push-url=x", token},
		"--push-token: must be":       {url},
		"--push-aes-key: must be":     {url, token, "--push-aes-key=short"},
		"--push-aes-key: is missing":  {url, token, "--push-mode=security"},
		"--push-mode: \"aes\"":        {url, token, "--push-mode=aes"},
		"--push-format: \"protobuf\"": {url, token, "--push-format=protobuf"},
	} {
		status, _, stderr := command(t, nil, append([]string{"sandbox", "--listen=127.0.0.1:0"}, args...)...)
		if status == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, %s, want %s", args, status, stderr, want)
		}
	}
}

func TestAKeyMeansSecurityMode(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]pushFlags{
		"":         {url: "http://x"},
		"security": {url: "http://x", aesKey: "k"},
		"plain":    {url: "http://x", aesKey: "k", mode: "plain"},
	} {
		if set, err := p.setting(); err != nil || string(set.Mode) != want {
			t.Errorf("%+v: %+v, %v", p, set, err)
		}
	}
	if set, err := (&pushFlags{}).setting(); set != nil || err != nil {
		t.Errorf("without flags: %+v, %v", set, err)
	}
}
