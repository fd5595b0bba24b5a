package hfhub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFromEnv(t *testing.T) {
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".cache/huggingface"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".cache/huggingface/token"), []byte(" hf_file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		env   map[string]string
		cache string
		token string
		warn  string
	}{
		{"nothing", nil, home + "/.cache/huggingface/hub", "hf_file", ""},
		{"XDG", map[string]string{"XDG_CACHE_HOME": "/xdg"}, "/xdg/huggingface/hub", "", ""},
		{"HF_HOME", map[string]string{"HF_HOME": "~/hf"}, home + "/hf/hub", "", ""},
		{"variable in HF_HOME", map[string]string{"HF_HOME": "$HOME/${X}", "X": "x"}, home + "/x/hub", "", ""},
		{"no variable in HF_HOME", map[string]string{"HF_HOME": "/a$5/b$$/${Y}/$"}, "/a$5/b$$/${Y}/$/hub", "", ""},
		{"HF_HUB_CACHE", map[string]string{"HF_HUB_CACHE": "/c", "HF_HOME": "/h", "HUGGINGFACE_HUB_CACHE": "/old"}, "/c", "", ""},
		{"legacy cache", map[string]string{"HUGGINGFACE_HUB_CACHE": "/old"}, "/old", "hf_file", ""},
		{"HF_TOKEN", map[string]string{"HF_TOKEN": "hf_env\n"}, home + "/.cache/huggingface/hub", "hf_env", ""},
		{"legacy token", map[string]string{"HUGGING_FACE_HUB_TOKEN": "hf_old"}, home + "/.cache/huggingface/hub", "hf_old", ""},
		{"no implicit token", map[string]string{"HF_TOKEN": "hf_env", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "yes"}, home + "/.cache/huggingface/hub", "", ""},
		{"mirror and a file's token", map[string]string{"HF_ENDPOINT": "https://mirror.test/"}, home + "/.cache/huggingface/hub", "", "mirror.test"},
		{"mirror and HF_TOKEN", map[string]string{"HF_ENDPOINT": "https://mirror.test", "HF_TOKEN": "hf_env"}, home + "/.cache/huggingface/hub", "hf_env", ""},
		{"the Hub spelled out", map[string]string{"HF_ENDPOINT": DefaultEndpoint + "/"}, home + "/.cache/huggingface/hub", "hf_file", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := FromEnv(func(k string) string {
				if v, ok := tt.env[k]; ok || k != "HOME" {
					return v
				}
				return home
			}, "test/1")
			if err != nil {
				t.Fatal(err)
			}
			if s.CacheDir != tt.cache || s.Options.Token != tt.token || !strings.Contains(strings.Join(s.Warnings, ""), tt.warn) || tt.warn == "" && len(s.Warnings) > 0 {
				t.Errorf("%+v", s)
			}
		})
	}
	s, err := FromEnv(func(k string) string {
		return map[string]string{"HF_HUB_OFFLINE": "On", "HF_HUB_ETAG_TIMEOUT": "2.5", "HF_HUB_DISABLE_SYMLINKS": "1", "HF_HUB_USER_AGENT_ORIGIN": "ci"}[k]
	}, "test/1")
	if err != nil || !s.Options.Offline || s.Options.MetadataTimeout != 2500*time.Millisecond || !s.NoLinks || s.Options.UserAgent != "test/1; origin/ci" {
		t.Errorf("%+v, %v", s, err)
	}
	for name, value := range map[string]string{
		"HF_HUB_ETAG_TIMEOUT": "s3cret", "HF_ENDPOINT": "https://me:s3cret@mirror.test",
	} {
		s, err := FromEnv(func(k string) string {
			return map[string]string{name: value, "HF_HOME": home + "/.cache/huggingface"}[k]
		}, "")
		if !errors.Is(err, ErrName) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
		if name == "HF_ENDPOINT" && strings.Contains(fmt.Sprint(err, s.Warnings), "s3cret") {
			t.Errorf("the password was shown: %v, %q", err, s.Warnings)
		}
	}
}
