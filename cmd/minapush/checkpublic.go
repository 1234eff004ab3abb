package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
)

// publicURL reads the address of the public listener; nil for none.
func publicURL(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > 2048 || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, minapush.FieldError("public_url", "must be an https URL such as https://push.example.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, minapush.FieldError("public_url", "must have no user, query or fragment")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// checkPublic asks the public address for its health, as a phone would, and tells as little as it can of any other server there.
func (in *inspection) checkPublic(ctx context.Context) api.Check {
	u, err := publicURL(in.want.PublicURL)
	if err != nil || u == nil {
		return finding(stepSkipped, "not_asked")
	}
	ip := net.ParseIP(u.Hostname())
	here := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	// Phones reach names over HTTPS only. [O] GUIDE network, read 2026-06: TLS 1.2 or later, no IP address, no localhost.
	switch {
	case u.Scheme == "http" && !here:
		return finding(stepFailed, "public_not_https", "address", u.String())
	case ip != nil && !here:
		return finding(stepFailed, "public_ip", "address", u.String())
	}
	c := in.http
	if c == nil {
		c = plainHTTP()
		defer c.CloseIdleConnections()
	}
	got := askHealth(ctx, c, u.String())
	switch {
	case got.code != "":
		return finding(stepFailed, "public_"+got.code, "address", u.String(), "why", got.why)
	case got.health.Version != version:
		return finding(stepWarning, "public_version", "address", u.String(), "there", got.health.Version, "here", version)
	case exposed(ctx, c, u.String()):
		return finding(stepWarning, "public_exposed", "address", u.String())
	case here:
		return finding(stepOK, "public_loopback", "address", u.String())
	}
	return finding(stepOK, "public_ok", "address", u.String(), "answer_ms", strconv.FormatInt(got.took.Milliseconds(), 10))
}

// plainHTTP is a client that follows no redirect and keeps nothing.
func plainHTTP() *http.Client {
	return &http.Client{
		Timeout:       10 * time.Second,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 5 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// healthAnswer is what an address said to GET /healthz.
type healthAnswer struct {
	health api.Health
	date   string
	took   time.Duration
	// code names what is wrong, without the step's own word before it; why adds to it. Empty: it is a minapush.
	code, why string
}

// maxHealth is far more than the answer has, in bytes.
const maxHealth = 16 << 10

func askHealth(ctx context.Context, c *http.Client, base string) healthAnswer {
	start := time.Now()
	r, err := get(ctx, c, base+"/healthz")
	if err != nil {
		code, why := inTheWay(err)
		return healthAnswer{code: code, why: why}
	}
	defer r.Body.Close()
	got := healthAnswer{took: time.Since(start), date: r.Header.Get("Date")}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxHealth))
	switch {
	case r.StatusCode >= 300 && r.StatusCode < 400:
		got.code, got.why = "redirect", redirectTo(r)
	case r.StatusCode != http.StatusOK:
		got.code, got.why = "status", strconv.Itoa(r.StatusCode)
	case err != nil || json.Unmarshal(body, &got.health) != nil || got.health.Status != "ok":
		got.code = "other"
	}
	return got
}

// redirectTo is where a redirect goes, without its query.
func redirectTo(r *http.Response) string {
	u, err := r.Location()
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func get(ctx context.Context, c *http.Client, address string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "minapush-doctor")
	return c.Do(r)
}

// exposed tells that the private calls answer there too: without a key they ask for one, while the public listener knows of none.
func exposed(ctx context.Context, c *http.Client, base string) bool {
	r, err := get(ctx, c, base+"/v1/apps")
	if err != nil {
		return false
	}
	r.Body.Close()
	return r.StatusCode == http.StatusUnauthorized && strings.HasPrefix(r.Header.Get("Content-Type"), api.ProblemType)
}

// inTheWay names what keeps a request from being answered.
func inTheWay(err error) (code, why string) {
	var (
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		timeout net.Error
		u       *url.Error
	)
	if errors.As(err, &u) {
		err = u.Err // the address is told anyway
	}
	switch {
	case errors.As(err, &dns) && !dns.IsTimeout:
		return "dns", dns.Name
	case errors.As(err, &cert):
		return "tls", cert.Err.Error()
	case errors.As(err, &unknown), errors.As(err, &record), errors.As(err, &alert), strings.HasPrefix(err.Error(), "http: server gave HTTP response"):
		return "tls", err.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout", ""
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused", ""
	}
	return "lost", err.Error()
}
