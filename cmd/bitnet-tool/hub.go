package main

import (
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/akadata/bitnet-tool/internal/progress"
)

// hubSettings reads what the environment and the flags say about the Hub.
func hubSettings(c *call) (hfhub.Settings, error) {
	s, err := hfhub.FromEnv(os.Getenv, program+"/"+version)
	if err != nil {
		return s, usagef("%w", err)
	}
	if name := c.flags.String("token-file"); name != "" {
		if s.Options.Token, err = hfhub.ReadToken(name); err != nil {
			return s, err
		}
	}
	if dir := c.flags.String("cache-dir"); dir != "" {
		s.CacheDir = dir
	}
	s.Options.Offline = s.Options.Offline || c.flags.Bool("offline")
	s.Options.Proxy = http.ProxyFromEnvironment
	if os.Getenv("ALL_PROXY")+os.Getenv("all_proxy") != "" {
		s.Warnings = append(s.Warnings, "ALL_PROXY is not used; set HTTPS_PROXY")
	}
	if s.Options.RootCAs, err = extraCAs(os.Getenv); err != nil {
		return s, err
	}
	if s.NoProgress && c.parsed.flags["progress"].text == "" {
		c.progress = progress.Discard
	}
	var mu sync.Mutex // downloads warn from several goroutines
	s.Options.Notify = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		c.warn("%s", printable(text))
	}
	s.Options.Observe = func(x hfhub.Exchange) {
		c.log.Debug("request", "method", x.Method, "url", x.URL, "range", x.Range, "status", x.Status,
			"took", time.Duration(x.Seconds*float64(time.Second)).Round(time.Millisecond))
	}
	for _, w := range s.Warnings {
		c.warn("%s", printable(w))
	}
	return s, nil
}

// extraCAs adds the certificates that programs in Python are given by these
// variables. Go itself honours SSL_CERT_FILE and SSL_CERT_DIR.
func extraCAs(getenv func(string) string) (*x509.CertPool, error) {
	for _, name := range []string{"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"} {
		path := getenv(name)
		if path == "" {
			continue
		}
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, usagef("%s: %s holds no certificate", name, path)
		}
		return pool, nil
	}
	return nil, nil
}

// repoArg reads the argument REPO[@REV].
func repoArg(c *call, arg string) (hfhub.Repo, string, error) {
	typ := hfhub.Model
	if t := c.flags.String("repo-type"); t != "" {
		typ = hfhub.RepoType(t)
	}
	r, rev, err := hfhub.ParseRepo(typ, arg)
	if err != nil {
		return r, rev, usagef("%w", err).suggest("%s %s namespace/name@revision", program, c.parsed.command)
	}
	return r, rev, nil
}

// byteRate reads the value of --limit-rate.
func byteRate(text string) (int64, error) {
	return byteCount("--limit-rate", text, "give bytes a second: 500k, 20M, 1G")
}

// byteCount reads a number of bytes with an optional k, M or G, powers of 1024
// as curl takes them; 0 if there is none.
func byteCount(flag, text, hint string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	digits := strings.TrimRight(text, "kKmMgG")
	unit := map[string]int64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[strings.ToUpper(text[len(digits):])]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || unit == 0 || n < 1 || n > 1<<40/unit {
		return 0, usagef("%s cannot be %q", flag, text).suggest("%s", hint)
	}
	return n * unit, nil
}

// hubHint says what to do about an error of the Hub.
func hubHint(err error) string {
	op, ok := errors.AsType[*net.OpError](err)
	switch {
	case ok && op.Op == "dial":
		return "check the network and HF_ENDPOINT; with --offline the cache alone is asked"
	case errors.Is(err, hfhub.ErrProxy):
		return "check HTTPS_PROXY and NO_PROXY"
	case errors.Is(err, hfhub.ErrGated), errors.Is(err, hfhub.ErrAuth):
		return "set HF_TOKEN, or run: hf auth login"
	case errors.Is(err, hfhub.ErrOffline):
		return "pull it without --offline and HF_HUB_OFFLINE"
	case errors.Is(err, hfhub.ErrRemote), errors.Is(err, hfhub.ErrRateLimited):
		return "run the same command again: it goes on where it stopped"
	case errors.Is(err, hfhub.ErrNotHub):
		return "check HF_ENDPOINT and the proxy"
	}
	return ""
}

// openTarget opens the place that is pulled to. The first value is nil if a
// cache is only to be looked at and there is none.
func openTarget(c *call, s hfhub.Settings) (hfhub.Target, func() error, error) {
	if dir := c.flags.String("local-dir"); dir != "" {
		if c.flags.String("cache-dir") != "" {
			return nil, nil, usagef("--local-dir and --cache-dir exclude each other")
		}
		if _, err := os.Stat(dir); err != nil && c.flags.Bool("dry-run") {
			return nil, func() error { return nil }, nil
		}
		l, err := hfhub.OpenLocalDir(dir)
		if err != nil {
			return nil, nil, err
		}
		cache, err := hfhub.OpenCache(s.CacheDir, false)
		if err != nil { // no cache to copy from
			return l, l.Close, nil
		}
		l.CopyFrom(cache)
		return l, func() error { return errors.Join(l.Close(), cache.Close()) }, nil
	}
	look := c.flags.Bool("dry-run") || s.Options.Offline
	cache, err := hfhub.OpenCache(filepath.Clean(s.CacheDir), !look)
	if look && errors.Is(err, os.ErrNotExist) {
		return nil, func() error { return nil }, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if s.NoLinks {
		cache.DisableLinks()
	}
	return cache, cache.Close, nil
}
