package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"os"

	"github.com/minapush/minapush"
)

// readTLS reads the parameters that say how TLS is spoken, and the files that they name. None would trust whoever answers. Without ca the system's authorities are trusted; without server-name the certificate
// must be that of the host of the URL.
func (c *Config) readTLS(params url.Values) error {
	if c.TLS == nil {
		for _, name := range []string{"ca", "cert", "key", "server-name"} {
			if params.Has(name) {
				return minapush.FieldError("store", "must begin with rediss:// to have the parameter %s", name)
			}
		}
		return nil
	}
	c.TLS.ServerName = params.Get("server-name")
	if file := params.Get("ca"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return minapush.FieldError("store", "must name a file that can be read as ca: %v", err)
		}
		c.TLS.RootCAs = x509.NewCertPool()
		if !c.TLS.RootCAs.AppendCertsFromPEM(text) {
			return minapush.FieldError("store", "must name a file with certificates (PEM) as ca, which %s is not", file)
		}
	}
	cert, key := params.Get("cert"), params.Get("key")
	switch {
	case cert == "" && key == "":
		return nil
	case cert == "" || key == "":
		return minapush.FieldError("store", "must have cert and key together: a client certificate needs its key")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return minapush.FieldError("store", "must name a certificate and its key (PEM) as cert and key: %v", err)
	}
	c.TLS.Certificates = []tls.Certificate{pair}
	return nil
}
