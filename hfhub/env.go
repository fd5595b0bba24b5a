package hfhub

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Settings are what the environment of huggingface_hub asks for.
type Settings struct {
	Options  Options // Endpoint, Token, Offline, UserAgent's origin, timeouts
	CacheDir string  // root of the cache
	NoLinks  bool    // HF_HUB_DISABLE_SYMLINKS
	Warnings []string

	NoProgress bool // HF_HUB_DISABLE_PROGRESS_BARS
}

// FromEnv reads the variables that huggingface_hub documents, through getenv,
// and the token's file. userAgent is "name/version".
func FromEnv(getenv func(string) string, userAgent string) (Settings, error) {
	s := Settings{Options: Options{
		Endpoint:  getenv("HF_ENDPOINT"),
		Offline:   isTrue(getenv("HF_HUB_OFFLINE")) || isTrue(getenv("TRANSFORMERS_OFFLINE")),
		UserAgent: userAgent,
	}}
	if s.Options.Endpoint != "" {
		if _, err := parseEndpoint(s.Options.Endpoint); err != nil {
			return s, fmt.Errorf("HF_ENDPOINT: %w", err)
		}
	}
	if origin := getenv("HF_HUB_USER_AGENT_ORIGIN"); origin != "" {
		s.Options.UserAgent += "; origin/" + line(origin)
	}
	home := expand(getenv("HF_HOME"), getenv)
	if home == "" {
		base := cmp.Or(getenv("XDG_CACHE_HOME"), "~/.cache")
		home = filepath.Join(expand(base, getenv), "huggingface")
	}
	s.CacheDir = expand(cmp.Or(getenv("HF_HUB_CACHE"), getenv("HUGGINGFACE_HUB_CACHE")), getenv)
	if s.CacheDir == "" {
		s.CacheDir = filepath.Join(home, "hub")
	}
	s.NoLinks = isTrue(getenv("HF_HUB_DISABLE_SYMLINKS"))
	s.NoProgress = isTrue(getenv("HF_HUB_DISABLE_PROGRESS_BARS"))
	var err error
	if s.Options.MetadataTimeout, err = seconds("HF_HUB_ETAG_TIMEOUT", getenv); err != nil {
		return s, err
	}
	if s.Options.DownloadTimeout, err = seconds("HF_HUB_DOWNLOAD_TIMEOUT", getenv); err != nil {
		return s, err
	}
	s.findToken(getenv, home)
	return s, nil
}

// findToken looks where huggingface_hub does. A token from a file belongs to
// the public Hub: no other endpoint gets it.
func (s *Settings) findToken(getenv func(string) string, home string) {
	if getenv("HF_OIDC_RESOURCE") != "" {
		s.Warnings = append(s.Warnings, "HF_OIDC_RESOURCE is set, but tokens are not exchanged")
	}
	if isTrue(getenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		return
	}
	s.Options.Token = cleanToken(cmp.Or(getenv("HF_TOKEN"), getenv("HUGGING_FACE_HUB_TOKEN")))
	if s.Options.Token != "" {
		return
	}
	name := cmp.Or(expand(getenv("HF_TOKEN_PATH"), getenv), filepath.Join(home, "token"))
	token, err := ReadToken(name)
	if os.IsNotExist(err) || token == "" && err == nil {
		return
	}
	if err != nil {
		s.Warnings = append(s.Warnings, err.Error())
		return
	}
	if e := strings.TrimRight(s.Options.Endpoint, "/"); e != "" && e != DefaultEndpoint {
		s.Warnings = append(s.Warnings, "the token in "+name+" is not sent to "+e+"; set HF_TOKEN to send one")
		return
	}
	s.Options.Token = token
}

// maxToken bounds the file of a token, in bytes.
const maxToken = 64 << 10

// ReadToken reads a token from a file.
func ReadToken(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := readLimited(f, name, maxToken)
	return cleanToken(string(b)), err
}

func cleanToken(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(s))
}

// isTrue reads a flag as huggingface_hub does.
func isTrue(s string) bool {
	switch strings.ToUpper(s) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

// variable is what Python's os.path.expandvars replaces.
var variable = regexp.MustCompile(`\$(\w+|\{[^}]*\})`)

// expand replaces "~" and variables in a path. Variables that are not set stay as
// they are, as in Python: both must find the same folder.
func expand(p string, getenv func(string) string) string {
	p = variable.ReplaceAllStringFunc(p, func(s string) string {
		return cmp.Or(getenv(strings.Trim(s, "${}")), s)
	})
	if p == "~" || strings.HasPrefix(p, "~/") {
		p = filepath.Join(getenv("HOME"), strings.TrimPrefix(p[1:], "/"))
	}
	return p
}

// seconds reads a time; 0 if it is not set.
func seconds(name string, getenv func(string) string) (time.Duration, error) {
	text := getenv(name)
	if text == "" {
		return 0, nil
	}
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || !(s > 0) || s > 1e6 {
		return 0, fmt.Errorf("%w: %s=%q is not a number of seconds", ErrName, name, text)
	}
	return time.Duration(s * float64(time.Second)), nil
}
