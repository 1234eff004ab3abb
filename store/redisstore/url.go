package redisstore

import (
	"crypto/tls"
	"net"
	"net/url"
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
// rediss:// is the same over TLS. Several hosts are nodes of one cluster. Errors: Invalid, which never repeats the password.
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
	at := strings.LastIndexByte(authority, '@')
	u, err := url.Parse("redis://" + authority[:at+1] + "hosts" + tail)
	if err != nil {
		return Config{}, minapush.FieldError("store", "must be %s://[USER:PASSWORD@]HOST:PORT[,HOST:PORT][/DB]; write special characters of a password as %%XX", scheme)
	}
	cfg := Config{Username: u.User.Username()}
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

// addresses reads "a:1,b:2,c".
func addresses(list string) ([]string, error) {
	var found []string
	for host := range strings.SplitSeq(list, ",") {
		name, port, err := net.SplitHostPort(host)
		if err != nil {
			name, port = strings.Trim(host, "[]"), defaultPort
		}
		if n, err := strconv.ParseUint(port, 10, 16); name == "" || err != nil || n == 0 {
			return nil, minapush.FieldError("store", "must name hosts as HOST or HOST:PORT, with commas between them, not %q", host)
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
			return minapush.FieldError("store", "must have a number as its database, not %q", db)
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
			return minapush.FieldError("store", "must have each parameter once, not %s %d times", name, len(values))
		}
		switch name {
		case "prefix":
			c.Prefix = values[0]
		case "wait-replicas":
			if c.WaitReplicas, err = strconv.Atoi(values[0]); err != nil {
				return minapush.FieldError("store", "must have a number as wait-replicas, not %q", values[0])
			}
		default:
			return minapush.FieldError("store", "has no parameter %q: prefix and wait-replicas are known", name)
		}
	}
	return nil
}
