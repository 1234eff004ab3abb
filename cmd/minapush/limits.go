package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/server"
	"github.com/spf13/pflag"
)

// limits are what keeps the server from being flooded. The zero value has the defaults of package server.
type limits struct {
	// requests and logins are how many a minute are taken of one address on the public listener; negative: any number.
	requests, logins int
	// concurrent is how many requests each listener works on at a time; negative: any number.
	concurrent int
	// proxies are believed when they say where a request came from.
	proxies []netip.Prefix
}

// apply puts the limits into a configuration.
func (l limits) apply(c server.Config) server.Config {
	c.RequestsPerAddress, c.LoginsPerAddress, c.MaxConcurrent, c.TrustedProxies = l.requests, l.logins, l.concurrent, l.proxies
	return c
}

// limitFlags are the settings of the limits.
type limitFlags struct {
	limits
	// trusted are the networks of --trusted-proxies, as they were written.
	// Defaults to none.
	trusted []string
}

func (f *limitFlags) add(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.trusted, "trusted-proxies", nil,
		"networks, such as 10.0.0.0/8, of proxies whose X-Forwarded-For is believed; nobody else's is")
	flags.IntVar(&f.requests, "max-requests-per-address", server.DefaultRequestsPerAddress,
		"requests a minute that one address may make of the public listener; -1 for any number")
	flags.IntVar(&f.logins, "logins-per-address", server.DefaultLoginsPerAddress,
		"wx.login codes a minute that one address may trade on the public listener; -1 for any number")
	flags.IntVar(&f.concurrent, "max-concurrent", server.DefaultMaxConcurrent,
		"requests that each listener works on at a time; -1 for any number")
}

// check refuses what makes no sense, and reads the proxies.
func (f *limitFlags) check() error {
	var problems []error
	for _, n := range []struct {
		flag  string
		value int
	}{{"--max-requests-per-address", f.requests}, {"--logins-per-address", f.logins}, {"--max-concurrent", f.concurrent}} {
		if n.value == 0 || n.value < -1 {
			problems = append(problems, errors.New(n.flag+": must be at least 1, or -1 for any number, not "+strconv.Itoa(n.value)))
		}
	}
	list, err := server.ParseProxies(f.trusted)
	if f.proxies = list; err != nil {
		var e *minapush.Error
		if errors.As(err, &e) {
			err = e.Err
		}
		problems = append(problems, fmt.Errorf("--trusted-proxies: %w", err))
	}
	return errors.Join(problems...)
}
