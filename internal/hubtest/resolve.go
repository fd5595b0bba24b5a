package hubtest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// serveResolve answers HEAD and GET for a file: regular files by a relative
// redirect to this origin, LFS files by a signed URL of the CDN.
func (h *Hub) serveResolve(w *recorder, r *http.Request, repo *Repo, commit string, t target, f Fault) {
	h.mu.Lock()
	b := repo.commits[commit][t.path]
	h.mu.Unlock()
	head := w.Header()
	if !f.NoCommit {
		head.Set("X-Repo-Commit", commit)
	}
	if b == nil {
		fail(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
		return
	}
	head.Set("Accept-Ranges", "bytes")
	etag := strconv.Quote(b.etag())
	if f.WeakETag {
		etag = "W/" + etag
	}
	switch {
	case t.cached:
		head.Set("ETag", etag)
		h.serveBody(w, r, b, f)
	case !b.LFS:
		to := "/api/resolve-cache/" + repo.Type + "/" + escape(repo.ID) + "/" + commit + "/" + escape(t.path)
		redirect(w, http.StatusTemporaryRedirect, to+"?"+url.QueryEscape(r.URL.EscapedPath())+"=&etag="+url.QueryEscape(etag))
	default:
		head.Set("X-Linked-Size", strconv.FormatInt(b.Content.Size(), 10))
		head.Set("X-Linked-ETag", etag)
		if b.Xet {
			auth := fmt.Sprintf("%s/api/%s/%s/xet-read-token/%s", h.URL, repo.Type, repo.ID, commit)
			head.Set("X-Xet-Hash", b.xet)
			head.Set("Link", "<"+auth+`>; rel="xet-auth"`)
		}
		redirect(w, http.StatusFound, h.sign(repo, commit, t.path))
	}
}

func redirect(w http.ResponseWriter, status int, to string) {
	w.Header().Set("Location", to)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(http.StatusText(status) + ". Redirecting to " + to))
}

// escape escapes the segments of a path.
func escape(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

func signature(n int) string { return fmt.Sprintf("%08d", n) }

// sign makes a URL of the CDN that counts until [Hub.ExpireURLs].
func (h *Hub) sign(repo *Repo, commit, path string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.serial++
	return fmt.Sprintf("%s/%s/%s/%s/%s?X-Amz-Expires=3600&X-Amz-Signature=%s-%s",
		h.CDN, repo.Type, escape(repo.ID), commit, escape(path), h.secret, signature(h.serial))
}

// serveCDN answers the CDN's origin. Like a bucket it refuses a request that
// carries both a signature and a token.
func (h *Hub) serveCDN(rw http.ResponseWriter, r *http.Request) {
	w := newRecorder(rw, r, "cdn")
	defer h.record(w)
	f := h.faultFor(w.rec)
	if h.early(w, r, f) {
		return
	}
	if r.Header.Get("Authorization") != "" {
		http.Error(w, "Only one auth mechanism allowed", http.StatusBadRequest)
		return
	}
	sig, serial, _ := strings.Cut(r.URL.Query().Get("X-Amz-Signature"), "-")
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 5)
	h.mu.Lock()
	valid := sig == h.secret && !h.expired[serial]
	var b *blob
	if repo := h.repos[strings.Join(parts[:min(3, len(parts))], "/")]; repo != nil && len(parts) == 5 {
		b = repo.commits[parts[3]][parts[4]]
	}
	h.mu.Unlock()
	if !valid || b == nil {
		http.Error(w, "Request has expired", http.StatusForbidden)
		return
	}
	w.Header().Set("ETag", `"cdn-`+b.sha256[:16]+`"`)
	h.serveBody(w, r, b, f)
}
