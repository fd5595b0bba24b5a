package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
)

// maxConfig bounds the configuration file, in bytes.
const maxConfig = 1 << 20

// fill adds the flags that were not given from the environment, then from the
// configuration file. getenv is [os.Getenv].
func (p *parsed) fill(cmds []command, getenv func(string) string) error {
	flags := globalFlags()
	for _, c := range cmds {
		if c.name == p.command {
			flags = append(flags, c.flags...)
		}
	}
	for _, f := range flags {
		name := f.Names()[0]
		if _, given := p.flags[name]; given {
			continue
		}
		if text := getenv(envName(name)); text != "" {
			p.flags[name] = flagValue{text, envName(name)}
		}
	}
	path, ok := p.flags["config"]
	if !ok {
		return nil
	}
	known := everyFlag(cmds)
	maps.Copy(known, tableOf(flags))
	config, err := readConfig(path.text, known)
	if err != nil {
		return err
	}
	for _, f := range flags {
		name := f.Names()[0]
		if _, given := p.flags[name]; given {
			continue
		}
		if text, ok := config[name]; ok {
			p.flags[name] = flagValue{text, fmt.Sprintf("%q in %s", name, path.text)}
		}
	}
	return nil
}

// envName gives the environment variable of a flag: BITNET_TOOL_TOP_K for
// top-k.
func envName(flag string) string {
	return "BITNET_TOOL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// readConfig reads a JSON object from the names of flags, without dashes, to
// values. It may hold flags of other commands, but none that does not exist.
func readConfig(path string, all flagTable) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(data) > maxConfig {
		err = fmt.Errorf("larger than %d bytes", maxConfig)
	}
	if err != nil {
		return nil, usagef("configuration file %s: %w", path, err)
	}
	config, err := parseConfig(data, all)
	if err != nil {
		return nil, usagef("configuration file %s: %w", path, err).
			suggest(`it must be a JSON object from flags to values, such as {"progress": "plain"}`)
	}
	return config, nil
}

func parseConfig(data []byte, all flagTable) (map[string]string, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	config := map[string]string{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		f, ok := all[name]
		if !ok || name == "config" {
			return nil, fmt.Errorf("there is no flag %q", name)
		}
		name = f.Names()[0]
		if _, twice := config[name]; twice {
			return nil, fmt.Errorf("%q is there twice", name)
		}
		value, err := d.Token()
		if err != nil {
			return nil, err
		}
		if config[name], err = configText(f, value); err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return config, nil
}

// configText gives a JSON value as it would be typed after the flag.
func configText(f cli.Flag, value json.Token) (string, error) {
	switch v := value.(type) {
	case bool:
		if !takesValue(f) {
			return fmt.Sprint(v), nil
		}
		return "", errors.New("is true or false, but the flag takes a value")
	case string:
		if takesValue(f) {
			return v, nil
		}
	case json.Number:
		if takesValue(f) {
			return v.String(), nil
		}
	default:
		return "", errors.New("is neither text, number, true nor false")
	}
	return "", errors.New("must be true or false")
}
