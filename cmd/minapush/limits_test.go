package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// parsedLimits reads flags as serve does.
func parsedLimits(t *testing.T, args ...string) (limits, error) {
	t.Helper()
	var f limitFlags
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	f.add(flags)
	must(t, flags.Parse(args))
	err := f.check()
	return f.limits, err
}

func TestLimitsAreReadFromFlags(t *testing.T) {
	t.Parallel()
	got, err := parsedLimits(t)
	must(t, err)
	if got.requests != 6000 || got.logins != 60 || got.concurrent != 1024 || len(got.proxies) != 0 {
		t.Errorf("by default: got %+v", got)
	}
	got, err = parsedLimits(t, "--max-requests-per-address=-1", "--logins-per-address", "5", "--max-concurrent", "16",
		"--trusted-proxies", "10.0.0.0/8,127.0.0.1", "--trusted-proxies", "fd00::/8")
	must(t, err)
	if got.requests != -1 || got.logins != 5 || got.concurrent != 16 || len(got.proxies) != 3 || got.proxies[1].String() != "127.0.0.1/32" {
		t.Errorf("got %+v", got)
	}
}

func TestLimitsThatMakeNoSenseAreNamed(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"--max-requests-per-address=0": "--max-requests-per-address: must be at least 1", "--logins-per-address=-2": "--logins-per-address: must be at least 1",
		"--max-concurrent=0": "--max-concurrent: must be at least 1", "--trusted-proxies=10.0.0/8": `--trusted-proxies: "10.0.0/8" must be a network`,
		"--trusted-proxies=10.0.0.1,0.0.0.0/0": `--trusted-proxies: "0.0.0.0/0" must be a network`, "--trusted-proxies=nginx": `--trusted-proxies: "nginx" must be`,
	} {
		if _, err := parsedLimits(t, flag); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", flag, err, want)
		}
	}
}

func TestServeRefusesLimitsBeforeItTouchesTheStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var f serveFlags
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	f.add(flags)
	must(t, flags.Parse([]string{"--store", "pebble:" + dir + "/db", "--trusted-proxies", "everybody", "--max-concurrent", "0"}))
	err := f.check()
	if err == nil || !strings.Contains(err.Error(), "--trusted-proxies") || !strings.Contains(err.Error(), "--max-concurrent") {
		t.Errorf("got %v, want both flags named", err)
	}
}
