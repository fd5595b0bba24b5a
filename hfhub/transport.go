package hfhub

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// newTransport makes the connections. Only HTTP/1.1 is spoken: over HTTP/2 all
// ranges would share one TCP connection, whose speed is what they are to get
// around. Compression is off, as it would hide sizes and offsets.
func newTransport(o Options) http.RoundTripper {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  quietProxy(o.Proxy),
		OnProxyConnectResponse: admitted,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    o.Jobs,
		IdleConnTimeout:        60 * time.Second,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 256 << 10,
		ReadBufferSize:         64 << 10,
		Protocols:              protocols,
	}
}

// quietProxy hides why a proxy's address cannot be read: the reason repeats the
// address, which may hold a password.
func quietProxy(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	if proxy == nil {
		return nil
	}
	return func(r *http.Request) (*url.URL, error) {
		u, err := proxy(r)
		if err != nil {
			return nil, fmt.Errorf("%w: its address cannot be read", ErrProxy)
		}
		return u, nil
	}
}

// admitted tells whether a proxy opens the way to the Hub.
func admitted(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("%w: %s answers %s", ErrProxy, proxy.Host, line(resp.Status))
}
