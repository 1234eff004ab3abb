package server

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/minapush/minapush"
)

// forwardedFor is the header in which proxies say where a request came from, each at its end.
const forwardedFor = "X-Forwarded-For"

// ParseProxies reads the networks (10.0.0.0/8) and addresses (10.0.0.5) of proxies that are believed. Errors: Invalid, naming the one
// that is neither, and networks that are everybody.
func ParseProxies(texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			addr, aerr := netip.ParseAddr(strings.TrimSpace(text))
			if err = aerr; err == nil && addr.Zone() == "" {
				p = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
			}
		}
		if err == nil {
			err = checkProxies(p)
		}
		if err != nil {
			return nil, minapush.FieldError("TrustedProxies", "%.64q must be a network such as 10.0.0.0/8 or an address, and not everybody", text)
		}
		list = append(list, p.Masked())
	}
	return list, nil
}

// checkProxies refuses what would never match, as addresses are looked at as IPv4 where they are that, and what matches always.
func checkProxies(p netip.Prefix) error {
	if !p.IsValid() || p.Addr().Is4In6() || p.Bits() == 0 {
		return minapush.FieldError("TrustedProxies", "%s is no network that can be believed", p)
	}
	return nil
}

// proxies are the networks whose word is taken for where a request came from.
type proxies []netip.Prefix

func (p proxies) trusted(a netip.Addr) bool {
	for _, network := range p {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// client is the address that a request came from: that of its sender or, if this is a trusted proxy, the rightmost of X-Forwarded-For
// that is none. It is not valid if it is not known: the request is of this machine, or of a trusted proxy that names nobody. Such
// requests may be of many, and are not to be bounded as those of one.
func (p proxies) client(r *http.Request) netip.Addr {
	sender, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	at := plain(sender.Addr())
	if !p.trusted(at) {
		if at.IsLoopback() {
			return netip.Addr{}
		}
		return at
	}
	said := r.Header.Values(forwardedFor)
	for i := len(said) - 1; i >= 0; i-- {
		for rest, more := said[i], true; more; {
			var last string
			rest, last, more = cutLast(rest)
			named, ok := parseHop(last)
			switch {
			case !ok: // who passed this on knew no better
				return netip.Addr{}
			case !p.trusted(named):
				return named
			}
		}
	}
	return netip.Addr{}
}

// cutLast cuts the last element from a list; more tells that rest has others.
func cutLast(list string) (rest, last string, more bool) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		return list[:i], list[i+1:], true
	}
	return "", list, false
}

// parseHop reads one element of X-Forwarded-For; some proxies write a port behind the address, or brackets around it.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")); err == nil {
		return plain(a), true
	}
	a, err := netip.ParseAddrPort(text)
	return plain(a.Addr()), err == nil
}

// plain is an address in its shortest form: IPv4 if it is that, without a zone.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// network is what counts as one sender: an IPv4 address, or the 64 bits of IPv6 that one household or machine has for itself.
func network(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the bits fit
	return p
}
