// Command normalise replaces in a directory of recorded streams what only holds for the machine and the moment of the
// recording: secrets, ports, host names, temporary paths, identifiers and times. It decodes, replaces and encodes;
// pickled functions and data stay as they are.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"udfrunner/core/protocol"
)

// replacements are made in every text of an init section and of an exception, in this order.
var replacements = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`/tmp/pyspark-recording/[0-9.]+/raw/[^\s",]*/userFiles-[0-9a-f-]{36}`), "/spark/files"},
	{regexp.MustCompile(`(/[\w.-]+)+/site-packages`), "/spark/python"},
	{regexp.MustCompile(`/tmp/pyspark-recording/[0-9.]+`), "/spark"},
	{regexp.MustCompile(`/tmp[a-z0-9_]{8}$`), "/temporary"},
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "00000000-0000-0000-0000-000000000000"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), strings.Repeat("0", 64)},
	{regexp.MustCompile(`\blocalhost:\d+`), "localhost:4040"},
	{regexp.MustCompile(`\b(app|local)-\d{13,}(-\d{4})?`), "$1-1700000000000$2"},
	{regexp.MustCompile(`\b1[78]\d{11}\b`), "1700000000000"},
	{regexp.MustCompile(`^spark://.*`), "spark://localhost:7077"},
	{regexp.MustCompile(`(/[\w.-]+)+/\.?pyenv/[^\s"]*/lib/`), "/python/lib/"},
}

const (
	port   = 40000
	secret = "secret"
)

func clean(text string) string {
	for _, r := range replacements {
		text = r.pattern.ReplaceAllString(text, r.with)
	}
	return text
}

func cleanEntries(entries []protocol.Entry) {
	for i := range entries {
		entries[i].Value = clean(entries[i].Value)
		key, value := entries[i].Key, entries[i].Value
		named := strings.HasSuffix(key, ".port") || strings.HasSuffix(key, "_port")
		if _, err := strconv.Atoi(value); err == nil && named {
			entries[i].Value = fmt.Sprint(port)
		}
	}
}

func cleanServer(s *protocol.Server) {
	if s == nil {
		return
	}
	if s.Port > 0 {
		s.Port = port
	}
	if s.Secret != "" {
		s.Secret = secret
	}
	s.Path = clean(s.Path)
}

func cleanInit(in *protocol.Init) {
	c := &in.Context
	if c.Secret != "" {
		c.Secret = secret
	}
	if c.BarrierPort > 0 {
		c.BarrierPort = port
	}
	c.BarrierPath = clean(c.BarrierPath)
	cleanEntries(c.Properties)
	cleanEntries(in.RunnerConf)
	cleanEntries(in.EvalConf)
	in.FilesDir = clean(in.FilesDir)
	for i := range in.Includes {
		in.Includes[i] = clean(in.Includes[i])
	}
	for i := range in.Broadcasts {
		in.Broadcasts[i].Path = clean(in.Broadcasts[i].Path)
	}
	cleanServer(in.BroadcastServer)
}

// cleanException rewrites the text that ends a failed task's answer.
func cleanException(out []byte) []byte {
	const code = -2
	for at := range len(out) - 7 {
		if int32(binary.BigEndian.Uint32(out[at:])) == code && //nolint:gosec // the same bits
			int(binary.BigEndian.Uint32(out[at+4:])) == len(out)-at-8 {
			text := clean(string(out[at+8:]))
			again := binary.BigEndian.AppendUint32(bytes.Clone(out[:at+4]), uint32(len(text))) //nolint:gosec // short
			return append(again, text...)
		}
	}
	return out
}

func normalise(directory string) error {
	dialect, err := protocol.ForVersion(filepath.Base(directory) + ".0")
	if err != nil {
		return err
	}
	inputs, err := filepath.Glob(filepath.Join(directory, "*.in"))
	if err != nil {
		return err
	}
	for _, name := range inputs {
		in, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		init, rest, err := dialect.ParseInit(in)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		cleanInit(init)
		in = append(dialect.AppendInit(nil, init), rest...)
		if err := os.WriteFile(name, in, 0o644); err != nil {
			return err
		}
		if !strings.HasSuffix(name, ".partial.in") {
			continue
		}
		name = strings.TrimSuffix(name, ".in") + ".out"
		out, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, cleanException(out), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: normalise directory...")
		os.Exit(2) //nolint:forbidigo // a program
	}
	for _, directory := range os.Args[1:] {
		if err := normalise(directory); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // a program
		}
	}
}
