package hfhub

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxPages bounds the pages of a listing; the Hub puts 1000 entries on one.
const maxPages = 1000

// treeEntry is a file or directory in the listing of a commit. Unknown fields
// are ignored.
type treeEntry struct {
	Type string `json:"type"`
	OID  string `json:"oid"`
	Size int64  `json:"size"`
	Path string `json:"path"`
	LFS  *struct {
		OID         string `json:"oid"`
		Size        int64  `json:"size"`
		PointerSize int64  `json:"pointerSize"`
	} `json:"lfs"`
	Xet string `json:"xetHash"`
}

// Tree lists all files of a commit, sorted by path. A path that could do harm
// is [ErrHostilePath], and then no file is returned.
func (c *Client) Tree(ctx context.Context, r Repo, commit string) ([]File, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	if !IsCommit(commit) {
		return nil, fmt.Errorf("%w: %q is not a commit", ErrName, commit)
	}
	if c.o.Offline {
		return nil, fmt.Errorf("%w: %s@%.12s: offline", ErrOffline, r, commit)
	}
	var files []File
	budget := int64(maxJSON)
	page := c.apiURL(r, "tree", commit, "recursive=true&expand=false")
	for range maxPages {
		var entries []treeEntry
		header, err := c.getJSON(ctx, page, &entries, &budget)
		if err != nil {
			return nil, c.about(r, commit, err)
		}
		for _, e := range entries {
			if e.Type == "file" {
				files = append(files, e.file())
			}
		}
		if page, err = c.nextPage(page, header); err != nil {
			return nil, c.about(r, commit, err)
		}
		if page == "" {
			return checkTree(files)
		}
		if len(files) > maxFiles {
			break
		}
	}
	return nil, fmt.Errorf("%w: %s: more than %d files or %d pages", ErrHostilePath, r, maxFiles, maxPages)
}

func (e treeEntry) file() File {
	f := File{Path: e.Path, Size: e.Size, OID: e.OID}
	if e.LFS != nil {
		f.Size, f.SHA256, f.pointerSize = e.LFS.Size, e.LFS.OID, e.LFS.PointerSize
	}
	if x := strings.ToLower(e.Xet); sha256Hex.MatchString(x) { // redacted for some
		f.Xet = x
	}
	return f
}

// checkTree sorts a listing and refuses it if any entry is hostile or cannot
// be verified.
func checkTree(files []File) ([]File, error) {
	for _, f := range files {
		if err := f.check(); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, checkPaths(files, false)
}

// nextPage finds the address of the next page, "" after the last.
func (c *Client) nextPage(page string, h http.Header) (string, error) {
	link := nextLink(h)
	if link == "" {
		return "", nil
	}
	at, err := url.Parse(page)
	if err != nil {
		return "", err
	}
	next, err := at.Parse(link)
	if err == nil {
		next, err = c.rebase(next)
	}
	if err != nil || !sameOrigin(next, c.endpoint) || next.User != nil {
		return "", fmt.Errorf("%w: the listing goes on at another origin", ErrNotHub)
	}
	return next.String(), nil
}

// nextLink finds the target of rel="next" in Link headers (RFC 8288).
func nextLink(h http.Header) string {
	for _, value := range h.Values("Link") {
		for part := range strings.SplitSeq(value, ",") {
			target, params, ok := strings.Cut(strings.TrimSpace(part), ">")
			rel := strings.ReplaceAll(strings.ReplaceAll(params, " ", ""), `"`, "")
			if ok && strings.HasPrefix(target, "<") && strings.Contains(rel+";", ";rel=next;") {
				return target[1:]
			}
		}
	}
	return ""
}

// withoutQuery is an address of ours as it may be shown.
func withoutQuery(s string) string {
	s, _, _ = strings.Cut(s, "?")
	return s
}
