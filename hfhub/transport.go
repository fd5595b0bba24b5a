package hfhub

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// newTransport makes the connections. Only HTTP/1.1 is spoken: over HTTP/2 all
// ranges would share one TCP connection, whose speed is what they are to get
// around. Compression is off, as it would hide sizes and offsets.
func newTransport(o Options) http.RoundTripper {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  o.Proxy,
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
