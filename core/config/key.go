// Package config holds the configuration of envs and runners: every key that is known, with its type, default
// and meaning, in one table (Keys), which also makes docs/configuration.md; and what of it a worker
// gets as environment variables and as runner conf.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:generate env UPDATE_DOCS=1 go test -run TestDocumentationPage .

// Scope is who takes a key: an env (at its creation), a runner, or both, where the runner's value
// overrides the env's.
type Scope uint8

// The scopes.
const (
	Both Scope = iota
	EnvOnly
	RunnerOnly
)

// String is the scope as the docs page shows it.
func (s Scope) String() string { return [...]string{"env, runner", "env", "runner"}[s] }

// Kind is the type of a key's values.
type Kind uint8

// The kinds. Prefix keys are families: "spark.executorEnv." stands for every key that begins so.
const (
	Text Kind = iota
	Bool
	Int
	Size     // bytes, written as Spark's bytesConf: 64k, 16m, 1g; see Key.Unit
	Duration // written as Spark's timeConf: 100ms, 60s, 15min; see Key.Unit
	List     // texts separated by commas
	Command  // words separated by blanks, in quotes where they hold some
	Prefix
)

// String is the kind as the docs page shows it.
func (k Kind) String() string {
	return [...]string{"text", "boolean", "integer", "size", "time", "list", "command", "text"}[k]
}

// Key is one known key, or one family of keys.
type Key struct {
	Name    string
	Kind    Kind
	Scope   Scope
	Default string // as a value is written; "" is: not set
	// Unit is what a Size (in bytes) or a Duration (in nanoseconds) without suffix counts; values are
	// rounded down to whole units, as Spark does.
	Unit int64
	// Min is the least allowed number, in units.
	Min int64
	// OneOf lists the allowed texts, where not all are.
	OneOf []string
	// Fallback is the key whose value counts where this one is not set.
	Fallback string
	// Environment is the variable of the host's process that counts where neither is set.
	Environment string
	// Absent says in words what holds where Default is "".
	Absent string
	Doc    string
}

// Allowed says in words which values the key takes.
func (k *Key) Allowed() string {
	switch k.Kind {
	case Bool:
		return "true or false"
	case Int:
		return "a whole number" + k.least()
	case Size:
		return "a size such as 64k, 16m or 1g, " + k.bare() + k.least()
	case Duration:
		return "a time such as 100ms, 60s or 15min, " + k.bare() + k.least()
	case List:
		return "names separated by commas"
	case Command:
		return "words separated by blanks, with every quote closed"
	}
	if len(k.OneOf) > 0 {
		return "one of " + strings.Join(k.OneOf, ", ")
	}
	return "a text without NUL"
}

func (k *Key) least() string {
	if k.Min == math.MinInt64 {
		return ""
	}
	return fmt.Sprintf(", at least %d", k.Min)
}

var unitNames = map[int64]string{
	1: "bytes", kib: "KiB", mib: "MiB",
	int64(time.Second): "seconds", int64(time.Millisecond): "milliseconds",
}

func (k *Key) bare() string { return "a bare number being " + unitNames[k.Unit] }

const (
	kib = 1 << 10
	mib = 1 << 20
)

// check says whether the key takes the value.
func (k *Key) check(value string) bool {
	if strings.ContainsRune(value, 0) {
		return false
	}
	switch k.Kind {
	case Bool:
		_, ok := parseBool(value)
		return ok
	case Command:
		_, ok := parseWords(value)
		return ok
	case Int:
		n, ok := parseInt(value)
		return ok && n >= k.Min
	case Size:
		n, ok := parseScaled(value, k.Unit, sizeSuffixes)
		return ok && n/k.Unit >= k.Min
	case Duration:
		n, ok := parseScaled(value, k.Unit, timeSuffixes)
		return ok && n/k.Unit >= k.Min
	}
	return len(k.OneOf) == 0 || slices.Contains(k.OneOf, value)
}

// parseBool reads true and false in any case, as Scala's toBoolean does.
func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// parseWords takes a command apart as a shell does, without anything that a shell puts in place of something else:
// single quotes keep all as it is, double quotes all but a backslash, and a backslash keeps the character behind it.
func parseWords(s string) (words []string, ok bool) {
	var word []byte
	inWord, quote := false, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quote != '\'':
			if i++; i == len(s) {
				return nil, false
			}
			word, inWord = append(word, s[i]), true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, inWord = c, true
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
			if inWord {
				words, word, inWord = append(words, string(word)), nil, false
			}
		default:
			word, inWord = append(word, c), true
		}
	}
	if inWord {
		words = append(words, string(word))
	}
	return words, quote == 0
}

func parseInt(s string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
	return n, err == nil
}

// The suffixes of Spark's JavaUtils.byteStringAs and timeStringAs.
var (
	sizeSuffixes = map[string]int64{
		"b": 1, "k": kib, "kb": kib, "m": mib, "mb": mib, "g": 1 << 30, "gb": 1 << 30,
		"t": 1 << 40, "tb": 1 << 40, "p": 1 << 50, "pb": 1 << 50,
	}
	timeSuffixes = map[string]int64{
		"us": int64(time.Microsecond), "ms": int64(time.Millisecond), "s": int64(time.Second),
		"m": int64(time.Minute), "min": int64(time.Minute), "h": int64(time.Hour), "d": 24 * int64(time.Hour),
	}
)

// parseScaled reads a whole number with an optional suffix and rounds it down to whole units.
func parseScaled(s string, unit int64, suffixes map[string]int64) (int64, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz")
	scale := unit
	if suffix := s[len(digits):]; suffix != "" {
		var ok bool
		if scale, ok = suffixes[suffix]; !ok {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > math.MaxInt64/scale || n < math.MinInt64/scale {
		return 0, false
	}
	n *= scale
	return n - n%unit, true
}
