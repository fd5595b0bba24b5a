package hfhub

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
)

// What can go wrong, as callers tell it apart.
var (
	ErrName        = errors.New("not a valid name")                  // repository, revision, type or endpoint as given
	ErrAuth        = errors.New("not authorized")                    // bad token, lacking permission; repository that is private or missing, asked for without a token
	ErrGated       = errors.New("gated repository")                  // its terms must be accepted
	ErrNotFound    = errors.New("not found on the Hub")              // repository asked for with a token, revision or file
	ErrOffline     = errors.New("not in the cache")                  // and the network may not be used
	ErrDisabled    = errors.New("repository is disabled")            // taken down, or blocked for legal reasons
	ErrRemote      = errors.New("remote failure")                    // network, server, stall, redirects
	ErrProxy       = errors.New("the proxy failed")                  // an ErrRemote that is not tried again, and no reason to be content with the cache
	ErrRateLimited = errors.New("rate limited")                      // still, after waiting
	ErrNotHub      = errors.New("answer is not from a Hub")          // captive portal, broken mirror
	ErrHostilePath = errors.New("repository has a hostile path")     // nothing of it is written
	ErrDigest      = errors.New("content is not what the Hub lists") // wrong size or digest, also when fetched again
	ErrDamaged     = errors.New("cached snapshot is damaged")        // a file is missing, dangling or wrong
	ErrShared      = errors.New("blob is in the shared store")       // of newer Python libraries; not for us to remove
)

// StatusError is an answer that is not a success.
type StatusError struct {
	Status    int
	Code      string // X-Error-Code
	Message   string // of the server, at most a line
	RequestID string // to quote to the Hub's support
	URL       string // scheme, host and path

	kind error
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s: %d %s", e.URL, e.Status, cmp.Or(http.StatusText(e.Status), "unknown status"))
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.RequestID != "" {
		s += " [request " + e.RequestID + "]"
	}
	return s
}

func (e *StatusError) Unwrap() error { return e.kind }

// statusKind sorts an answer of the Hub by the table of error codes in the
// exceptions of huggingface_hub (src/huggingface_hub/utils/_http.py,
// hf_raise_for_status).
func statusKind(status int, code, message string, token bool) error {
	switch {
	case status == http.StatusTooManyRequests:
		return ErrRateLimited
	case code == "GatedRepo":
		return ErrGated
	case code == "RepoNotFound" && !token:
		return ErrAuth // private or missing: the Hub does not tell
	case code == "RepoNotFound", code == "RevisionNotFound", code == "EntryNotFound":
		return ErrNotFound
	case status == http.StatusForbidden && message == "Access to this resource is disabled.",
		status == http.StatusUnavailableForLegalReasons:
		return ErrDisabled
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return ErrAuth
	case status == http.StatusNotFound:
		return ErrNotFound
	}
	return ErrRemote
}

// transientStatus reports whether the same request may succeed later.
func transientStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return status >= 520 && status <= 529 // of CDNs in front of the Hub
}

// transient marks an error after which the same request may succeed.
type transient struct{ error }

func (t transient) Unwrap() error { return t.error }

// again wraps a failure of the network so that it is tried again.
func again(format string, args ...any) error {
	return transient{fmt.Errorf("%w: %w", ErrRemote, fmt.Errorf(format, args...))}
}

func isTransient(err error) bool {
	_, ok := errors.AsType[transient](err)
	return ok
}
