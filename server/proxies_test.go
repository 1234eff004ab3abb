package server_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/server"
)

func TestProxiesAreReadOrNamed(t *testing.T) {
	t.Parallel()
	got, err := server.ParseProxies([]string{"10.0.0.0/8", " 192.168.1.7/24", "127.0.0.1", "::1", "2001:db8::/32", "::ffff:10.1.2.3"})
	must(t, err)
	var text []string
	for _, p := range got {
		text = append(text, p.String())
	}
	if want := "10.0.0.0/8 192.168.1.0/24 127.0.0.1/32 ::1/128 2001:db8::/32 10.1.2.3/32"; strings.Join(text, " ") != want {
		t.Errorf("got %v, want %s", text, want)
	}
	for _, bad := range []string{"", "10.0.0/8", "10.0.0.0/33", "proxy.example.com", "0.0.0.0/0", "::/0", "::ffff:10.0.0.0/104", "fe80::1%eth0", "10.0.0.0/8;", strings.Repeat("x", 500)} {
		_, err := server.ParseProxies([]string{"127.0.0.1", bad})
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != "TrustedProxies" || len(err.Error()) > 250 {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestTheClientIsTheRightmostAddressThatIsNoProxy(t *testing.T) {
	t.Parallel()
	trusted, err := server.ParseProxies([]string{"10.0.0.0/8", "127.0.0.1", "fd00::/8"})
	must(t, err)
	for _, c := range []struct {
		sender, said, want string // "": not known
	}{
		{"203.0.113.9:1000", "", "203.0.113.9"},
		{"203.0.113.9:1000", "198.51.100.1", "203.0.113.9"}, // who is no proxy is not believed
		{"10.0.0.1:1000", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1000", "1.2.3.4, 198.51.100.1", "198.51.100.1"}, // what the client itself wrote stands further left
		{"10.0.0.1:1000", "1.2.3.4,198.51.100.1 , 10.9.9.9", "198.51.100.1"},
		{"127.0.0.1:1000", "198.51.100.1:4711", "198.51.100.1"},
		{"127.0.0.1:1000", "[2001:db8::1]:4711", "2001:db8::1"},
		{"127.0.0.1:1000", "[2001:db8::1]", "2001:db8::1"},
		{"127.0.0.1:1000", "2001:db8::1", "2001:db8::1"},
		{"[fd00::5]:1000", "2001:db8::1%eth0", "2001:db8::1"},
		{"[::ffff:10.0.0.1]:1000", "::ffff:198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1000", "1.2.3.4\n5.6.7.8, 10.0.0.2", "5.6.7.8"}, // two headers
		{"10.0.0.1:1000", "", ""},
		{"10.0.0.1:1000", "10.0.0.2, 10.0.0.3", ""},
		{"10.0.0.1:1000", "1.2.3.4, unknown", ""},
		{"10.0.0.1:1000", "1.2.3.4, ", ""},
		{"[::1]:1000", "1.2.3.4", ""}, // this machine, and no trusted proxy
		{"@", "1.2.3.4", ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.sender
		for said := range strings.SplitSeq(c.said, "\n") {
			if said != "" {
				r.Header.Add("X-Forwarded-For", said)
			}
		}
		got := server.ClientOf(trusted, r)
		if text := map[bool]string{true: got.String(), false: ""}[got.IsValid()]; text != c.want {
			t.Errorf("%s said %q: got %q, want %q", c.sender, c.said, text, c.want)
		}
	}
}

func FuzzNobodyButProxiesSaysWhoTheClientIs(f *testing.F) {
	for _, said := range []string{"1.2.3.4", "1.2.3.4, 10.0.0.1", "[::1]:7, unknown", ",,,", "10.0.0.1", "::ffff:1.2.3.4%x", strings.Repeat("1.1.1.1,", 300), "\x00"} {
		f.Add(said)
	}
	trusted, err := server.ParseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, said string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Forwarded-For"] = []string{said}
		r.RemoteAddr = "203.0.113.9:1000"
		if got := server.ClientOf(trusted, r); got.String() != "203.0.113.9" {
			t.Fatalf("%q from an untrusted sender made it %s", said, got)
		}
		r.RemoteAddr = "10.0.0.1:1000"
		got := server.ClientOf(trusted, r)
		if got.IsValid() && trusted[0].Contains(got) || got.Is4In6() || got.Zone() != "" {
			t.Fatalf("%q: got %s", said, got)
		}
		r.Header["X-Forwarded-For"] = []string{said + ", 198.51.100.7"} // what a proxy adds has the last word
		if got := server.ClientOf(trusted, r); got.String() != "198.51.100.7" {
			t.Fatalf("%q: got %s", said, got)
		}
	})
}
