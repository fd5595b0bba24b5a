package hfhub

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultEndpoint is the Hub itself.
const DefaultEndpoint = "https://huggingface.co"

// MaxJobs is how many connections a client opens at a time at most.
const MaxJobs = 64

// Options says how a client works. The zero value is an anonymous client of
// the Hub.
type Options struct {
	Endpoint  string // base URL; default DefaultEndpoint
	Token     string // "" for none
	UserAgent string // "name/version"; default "bitnet-tool"

	Proxy     func(*http.Request) (*url.URL, error) // nil: none
	RootCAs   *x509.CertPool                        // nil: the system's
	Transport http.RoundTripper                     // nil: our own, with Proxy and RootCAs

	Jobs      int   // connections at a time, up to MaxJobs; default 8
	LimitRate int64 // bytes a second over all connections; 0: no limit

	MetadataTimeout time.Duration // until an API answer goes on; default 30 s
	DownloadTimeout time.Duration // until a stream that stands still is given up; default 30 s
	Retries         int           // tries in a row without a new byte; default 8
	Backoff         time.Duration // base of the wait between them; default 500 ms

	Offline bool // use the cache only

	// Fetcher serves the bytes of files; nil is plain HTTP.
	Fetcher Fetcher

	// Notify takes what a user should know at once: warnings, and what is
	// being waited for. It may be called from several goroutines.
	Notify func(text string)

	// Observe takes every answer, for logs.
	Observe func(Exchange)
}

// Exchange is a request and how it was answered, fit for a log.
type Exchange struct {
	Method  string
	URL     string // scheme, host and path
	Range   string
	Status  int // 0: none came
	Seconds float64
}

// Client talks to one endpoint. It is safe for concurrent use; what it learns
// of rate limits holds for all that use it.
type Client struct {
	o        Options
	endpoint *url.URL
	token    string
	rt       http.RoundTripper
	gate     *gate
	limit    *limiter
	fetcher  Fetcher
	conns    chan []byte // one buffer for each connection that may be open

	block int64 // bytes of a range

	answered atomic.Bool // something came from the network

	mu    sync.Mutex
	heard map[string]bool // topics of the Hub's warnings
}

// Of connections and what goes over them.
const (
	defaultJobs = 8
	bufferBytes = 1 << 20   // what is written at once, if it came
	stepBytes   = 256 << 10 // and what is waited for
	blockBytes  = 8 << 20
)

// New makes a client. The error is about the options.
func New(o Options) (*Client, error) {
	o.Endpoint = strings.TrimRight(cmp.Or(o.Endpoint, DefaultEndpoint), "/")
	o.UserAgent = cmp.Or(o.UserAgent, "bitnet-tool")
	o.Jobs = min(max(cmp.Or(o.Jobs, defaultJobs), 1), MaxJobs)
	o.MetadataTimeout = cmp.Or(o.MetadataTimeout, 30*time.Second)
	o.DownloadTimeout = cmp.Or(o.DownloadTimeout, 30*time.Second)
	o.Retries = cmp.Or(o.Retries, 8)
	o.Backoff = cmp.Or(o.Backoff, 500*time.Millisecond)
	if o.Notify == nil {
		o.Notify = func(string) {}
	}
	if o.Observe == nil {
		o.Observe = func(Exchange) {}
	}
	u, err := parseEndpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, fmt.Errorf("%w: the token has a character that no token has", ErrName)
	}
	c := &Client{
		o: o, endpoint: u, token: o.Token, rt: o.Transport,
		gate: newGate(o.Jobs), limit: newLimiter(o.LimitRate), fetcher: o.Fetcher,
		conns: make(chan []byte, o.Jobs), block: blockBytes, heard: map[string]bool{},
	}
	for range o.Jobs {
		c.conns <- make([]byte, bufferBytes)
	}
	if c.token != "" && u.Scheme == "http" && !loopback(u) {
		c.token = ""
		o.Notify("the token is not sent: " + o.Endpoint + " is not encrypted")
	}
	if c.rt == nil {
		c.rt = newTransport(o)
	}
	if c.fetcher == nil {
		c.fetcher = newBridge(c)
	}
	return c, nil
}
