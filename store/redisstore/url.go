package redisstore

import (
	"crypto/tls"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/minapush/minapush"
)

// defaultPort is where Redis listens unless told otherwise.
const defaultPort = "6379"

// ParseURL reads where a store is:
//
//	redis://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…][/DB][?prefix=NAME&wait-replicas=N]
//
// rediss:// is the same over TLS, with ?ca=FILE to trust these authorities and not the system's, cert=FILE&key=FILE as a client certificate,
// and server-name=NAME where the certificate has another name than the host. It reads these files. Several hosts are nodes of one cluster. Without wait-replicas it is FindOut. Errors: Invalid, which
// never repeat what may be a password.
func ParseURL(text string) (Config, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme != "redis" && scheme != "rediss" {
		return Config{}, minapush.FieldError("store", "must begin with redis:// or rediss://")
	}
	// net/url takes one host only: the hosts are read here, all else by it.
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	authority, tail := rest[:end], rest[end:]
	if strings.Contains(tail, "@") {
		return Config{}, minapush.FieldError("store", "must have / ? # and @ in a password written as %%2F %%3F %%23 %%40")
	}
	at := strings.LastIndexByte(authority, '@')
	u, err := url.Parse("redis://" + authority[:at+1] + "hosts" + tail)
	if err != nil {
		return Config{}, minapush.FieldError("store", "must be %s://[USER:PASSWORD@]HOST:PORT[,HOST:PORT][/DB]; write special characters of a password as %%XX", scheme)
	}
	cfg := Config{Username: u.User.Username(), WaitReplicas: FindOut}
	cfg.Password, _ = u.User.Password()
	if cfg.Addresses, err = addresses(authority[at+1:]); err != nil {
		return Config{}, err
	}
	if scheme == "rediss" {
		cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if err := cfg.readTail(u); err != nil {
		return Config{}, err
	}
	cfg.setDefaults()
	return cfg, cfg.validate()
}

// hostName is what a host may be called that is not an address.
var hostName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// addresses reads "a:1,b:2,c".
func addresses(list string) ([]string, error) {
	var found []string
	for host := range strings.SplitSeq(list, ",") {
		name, port, err := net.SplitHostPort(host)
		if err != nil {
			name, port = strings.Trim(host, "[]"), defaultPort
		}
		_, notIP := netip.ParseAddr(name)
		if n, err := strconv.ParseUint(port, 10, 16); notIP != nil && !hostName.MatchString(name) || err != nil || n == 0 {
			return nil, minapush.FieldError("store", "must name hosts as HOST or HOST:PORT, with commas between them")
		}
		found = append(found, net.JoinHostPort(name, port))
	}
	return found, nil
}

// readTail reads what stands behind the hosts: the database and the parameters.
func (c *Config) readTail(u *url.URL) error {
	if db := strings.Trim(u.Path, "/"); db != "" {
		n, err := strconv.Atoi(db)
		if err != nil || n < 0 {
			return minapush.FieldError("store", "must have a number as its database, behind the hosts")
		}
		c.DB = n
	}
	if u.Fragment != "" {
		return minapush.FieldError("store", "must not have a #; write it as %%23 in a password")
	}
	params, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return minapush.FieldError("store", "must have parameters of the form ?name=value&name=value")
	}
	for name, values := range params {
		if len(values) != 1 {
			return minapush.FieldError("store", "must have each parameter once, not %.32q %d times", name, len(values))
		}
		switch name {
		case "prefix":
			c.Prefix = values[0]
		case "wait-replicas":
			n, err := strconv.ParseUint(values[0], 10, 16)
			if err != nil {
				return minapush.FieldError("store", "must have a number from 0 as wait-replicas, not %.32q", values[0])
			}
			c.WaitReplicas = int(n)
		case "ca", "cert", "key", "server-name": // see readTLS
			if values[0] == "" {
				return minapush.FieldError("store", "must have a value for %s", name)
			}
		default:
			return minapush.FieldError("store", "has no parameter %.32q: prefix, wait-replicas, ca, cert, key and server-name are known", name)
		}
	}
	return c.readTLS(params)
}
