package hubtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// serveHub answers the Hub's origin.
func (h *Hub) serveHub(rw http.ResponseWriter, r *http.Request) {
	w := newRecorder(rw, r, "hub")
	defer h.record(w)
	f := h.faultFor(w.rec)
	if h.early(w, r, f) {
		return
	}
	t, ok := parseTarget(r.URL.EscapedPath())
	if !ok {
		fail(w, http.StatusNotFound, "", "no such page")
		return
	}
	repo := h.admit(w, r, t)
	if repo == nil {
		return
	}
	h.mu.Lock()
	commit, known := repo.commitOf(t.rev)
	tree := repo.commits[commit]
	h.mu.Unlock()
	if !known {
		fail(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id: "+t.rev)
		return
	}
	switch t.call {
	case "revision":
		answer(w, map[string]any{"id": repo.ID, "sha": commit, "private": repo.Private, "gated": cmp.Or[any](repo.Gated, false)})
	case "tree":
		h.serveTree(w, r, tree)
	case "resolve":
		h.serveResolve(w, r, repo, commit, t, f)
	}
}

// target is what a path of the Hub is about.
type target struct {
	typ, id, call, rev, path string
	cached                   bool // second hop of a regular file
}

// parseTarget takes an escaped path apart.
func parseTarget(escaped string) (t target, ok bool) {
	parts := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	for i, p := range parts {
		s, err := url.PathUnescape(p)
		if err != nil {
			return t, false
		}
		parts[i] = s
	}
	t.typ = "models"
	switch {
	case len(parts) >= 6 && parts[0] == "api" && parts[1] == "resolve-cache":
		return target{parts[2], parts[3] + "/" + parts[4], "resolve", parts[5], strings.Join(parts[6:], "/"), true}, true
	case len(parts) >= 6 && parts[0] == "api":
		t.typ, t.id, t.call, t.rev = parts[1], parts[2]+"/"+parts[3], parts[4], parts[5]
		return t, true
	case parts[0] == "datasets" || parts[0] == "spaces":
		t.typ, parts = parts[0], parts[1:]
	}
	if len(parts) < 5 || parts[2] != "resolve" {
		return t, false
	}
	return target{t.typ, parts[0] + "/" + parts[1], "resolve", parts[3], strings.Join(parts[4:], "/"), false}, true
}

// admit finds the repository and checks who asks. It answers and returns nil
// if the request ends here.
func (h *Hub) admit(w http.ResponseWriter, r *http.Request, t target) *Repo {
	who, known := h.account(r)
	h.mu.Lock()
	repo := h.repos[t.typ+"/"+t.id]
	h.mu.Unlock()
	member := repo != nil && slices.Contains(repo.Members, who)
	switch {
	case !known:
		fail(w, http.StatusUnauthorized, "", "Invalid credentials in Authorization header")
	case repo == nil || repo.Private && who == "":
		code := http.StatusNotFound
		if who == "" {
			code = http.StatusUnauthorized
		}
		fail(w, code, "RepoNotFound", "Repository not found")
	case repo.RenamedTo != "":
		to := strings.Replace(r.URL.RequestURI(), repo.ID, repo.RenamedTo, 1)
		w.Header().Set("Location", h.URL+to)
		w.WriteHeader(http.StatusTemporaryRedirect)
	case repo.Disabled:
		fail(w, http.StatusForbidden, "", "Access to this resource is disabled.")
	case t.call == "resolve" && repo.Gated != "" && !member && who == "":
		fail(w, http.StatusUnauthorized, "GatedRepo", "Access to model "+repo.ID+" is restricted.")
	case t.call == "resolve" && repo.Gated != "" && !member:
		fail(w, http.StatusForbidden, "GatedRepo", "Access to model "+repo.ID+" is restricted and you are not in the authorized list.")
	case repo.Forbidden:
		fail(w, http.StatusForbidden, "", "Forbidden: the token lacks a permission")
	default:
		return repo
	}
	return nil
}

// serveTree lists a commit, page by page.
func (h *Hub) serveTree(w http.ResponseWriter, r *http.Request, tree map[string]*blob) {
	h.mu.Lock()
	size := h.pageSize
	h.mu.Unlock()
	paths := slices.Sorted(maps.Keys(tree))
	first, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	first = min(first, len(paths))
	page := paths[first:min(first+size, len(paths))]
	if end := first + len(page); end < len(paths) {
		q := r.URL.Query()
		q.Set("cursor", strconv.Itoa(end))
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, h.URL, r.URL.EscapedPath(), q.Encode()))
	}
	entries := []map[string]any{}
	dirs := map[string]bool{}
	for _, p := range page {
		if i := strings.LastIndex(p, "/"); i > 0 && !dirs[p[:i]] {
			dirs[p[:i]] = true
			entries = append(entries, map[string]any{"type": "directory", "oid": strings.Repeat("0", 40), "size": 0, "path": p[:i]})
		}
		b := tree[p]
		e := map[string]any{"type": "file", "oid": b.oid, "size": b.Content.Size(), "path": p}
		if b.LFS {
			e["lfs"] = map[string]any{"oid": b.sha256, "size": b.Content.Size(), "pointerSize": len(b.pointer())}
		}
		if b.Xet {
			e["xetHash"] = b.xet
		}
		entries = append(entries, e)
	}
	answer(w, entries)
}

// answer sends JSON.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("RateLimit", `"api";r=489;t=213`)
	_ = json.NewEncoder(w).Encode(v)
}

// fail sends an error as the Hub does.
func fail(w http.ResponseWriter, status int, code, message string) {
	if code != "" {
		w.Header().Set("X-Error-Code", code)
	}
	w.Header().Set("X-Error-Message", message)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message})
}
