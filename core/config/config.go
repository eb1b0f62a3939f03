package config

import (
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"udfrunner/core/status"
)

// Pair is a key and its value.
type Pair struct{ Key, Value string }

// Config is the configuration of an env, or of a runner over its env's. It is never changed after it was made and
// may be used by many goroutines.
type Config struct {
	values      map[string]string
	environment map[string]string
}

// index finds keys by name; families by their prefix.
var index = func() map[string]*Key {
	m := map[string]*Key{}
	for g := range Groups {
		for k := range Groups[g].Keys {
			key := &Groups[g].Keys[k]
			m[key.Name] = key
		}
	}
	return m
}()

// ours is the prefix of the keys that are not Spark's.
const ours = "udfrunner."

// New makes an env's configuration. Later pairs override earlier ones. Keys that are not known are kept unless
// they begin with "udfrunner.". environ holds the variables of the host's process, as NAME=value; without any
// it is this process's.
//
// Errors are INVALID_ARGUMENT and name key, value and what is allowed; values of spark.executorEnv.* are
// not shown.
func New(pairs []Pair, environ ...string) (*Config, error) {
	c := &Config{values: map[string]string{}, environment: map[string]string{}}
	if len(environ) == 0 {
		environ = os.Environ()
	}
	for _, variable := range environ {
		if name, value, ok := strings.Cut(variable, "="); ok && name != "" {
			c.environment[name] = value
		}
	}
	for _, p := range pairs {
		if err := check(p, RunnerOnly); err != nil {
			return nil, err
		}
		c.values[p.Key] = p.Value
	}
	return c, nil
}

// With returns a copy in which a runner has set one more key. Errors are those of New, and INVALID_ARGUMENT for
// a key that only an env takes.
func (c *Config) With(key, value string) (*Config, error) {
	if err := check(Pair{key, value}, EnvOnly); err != nil {
		return nil, err
	}
	values := maps.Clone(c.values)
	values[key] = value
	return &Config{values: values, environment: c.environment}, nil
}

// find is the key or the family that a name belongs to, or nil.
func find(name string) *Key {
	if k, ok := index[name]; ok {
		return k
	}
	for _, prefix := range [...]string{ExecutorEnv, EvalConf} {
		if strings.HasPrefix(name, prefix) {
			return index[prefix]
		}
	}
	return nil
}

func check(p Pair, refused Scope) error {
	k := find(p.Key)
	switch {
	case p.Key == "" || strings.ContainsRune(p.Key, 0):
		return status.New(status.InvalidArgument, "key %q: expected a text that is not empty and has no NUL", p.Key)
	case k == nil && strings.HasPrefix(p.Key, ours):
		return status.New(status.InvalidArgument, "key %s (value %q) is not known%s", p.Key, p.Value, nearest(p.Key))
	case k == nil:
		return nil
	case k.Scope == refused:
		return status.New(status.InvalidArgument, "key %s (value %q) is for %ss only", p.Key, p.Value, k.Scope)
	case k.Kind == Prefix:
		return checkFamily(k, p)
	case !k.check(p.Value):
		return status.New(status.InvalidArgument, "key %s: value %q is not allowed; expected %s", p.Key, p.Value,
			k.Allowed())
	}
	return nil
}

// checkFamily checks a key of a family. Its value may be a secret and is not shown.
func checkFamily(k *Key, p Pair) error {
	rest := strings.TrimPrefix(p.Key, k.Name)
	switch {
	case rest == "":
		return status.New(status.InvalidArgument, "key %s: expected a name after the prefix", p.Key)
	case k.Name == ExecutorEnv && strings.Contains(rest, "="):
		return status.New(status.InvalidArgument, "key %s: %q cannot name an environment variable; expected no =",
			p.Key, rest)
	case strings.ContainsRune(p.Value, 0):
		return status.New(status.InvalidArgument, "key %s: the value has a NUL; expected %s", p.Key, k.Allowed())
	}
	return nil
}

// nearest suggests the known key that a typo may mean.
func nearest(name string) string {
	best, distance := "", max(2, len(name)/5)+1
	for _, known := range slices.Sorted(maps.Keys(index)) {
		if d := editDistance(strings.ToLower(name), strings.ToLower(known)); strings.HasPrefix(known, ours) &&
			d < distance {
			best, distance = known, d
		}
	}
	if best == "" {
		return "; docs/configuration.md lists the keys"
	}
	return "; did you mean " + best + "?"
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// Lookup is the value of any key, known or not, and whether it was set: its own or, for a known key, that of the
// key it falls back to.
func (c *Config) Lookup(name string) (value string, set bool) {
	for {
		if value, set = c.values[name]; set {
			return value, true
		}
		k := index[name]
		if k == nil || k.Fallback == "" {
			return "", false
		}
		name = k.Fallback
	}
}

// effective is the value that holds for a known key, "" where there is none.
func (c *Config) effective(name string) string {
	if value, set := c.Lookup(name); set {
		return value
	}
	k := index[name]
	for k.Fallback != "" {
		k = index[k.Fallback]
	}
	if value := c.environment[k.Environment]; value != "" && k.check(value) {
		return value
	}
	return k.Default
}

// known is the key of a name that the program itself gives; another kind is a mistake in it.
func known(name string, kinds ...Kind) *Key {
	k := index[name]
	if k == nil || !slices.Contains(kinds, k.Kind) {
		panic("config: " + name + " is no key of this kind")
	}
	return k
}

// Text is the value of a text key, "" where neither set nor defaulted.
func (c *Config) Text(name string) string {
	known(name, Text)
	return c.effective(name)
}

// Bool is the value of a boolean key.
func (c *Config) Bool(name string) bool {
	known(name, Bool)
	value, _ := parseBool(c.effective(name))
	return value
}

// Int is the value of an integer key, 0 where neither set nor defaulted.
func (c *Config) Int(name string) int {
	known(name, Int)
	value, _ := parseInt(c.effective(name))
	return int(value)
}

// Size is the value of a size key in bytes, 0 where neither set nor defaulted.
func (c *Config) Size(name string) int64 {
	value, _ := parseScaled(c.effective(name), known(name, Size).Unit, sizeSuffixes)
	return value
}

// Duration is the value of a time key, 0 where neither set nor defaulted.
func (c *Config) Duration(name string) time.Duration {
	value, _ := parseScaled(c.effective(name), known(name, Duration).Unit, timeSuffixes)
	return time.Duration(value)
}

// List is the value of a list key, without empty entries.
func (c *Config) List(name string) []string {
	known(name, List)
	var list []string
	for entry := range strings.SplitSeq(c.effective(name), ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}
	return list
}

// Words are the words of a command key, none where neither set nor defaulted.
func (c *Config) Words(name string) []string {
	known(name, Command)
	words, _ := parseWords(c.effective(name))
	return words
}

// Family is what was set of a family of keys, without its prefix, sorted.
func (c *Config) Family(prefix string) []Pair {
	known(prefix, Prefix)
	var pairs []Pair
	for _, name := range slices.Sorted(maps.Keys(c.values)) {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			pairs = append(pairs, Pair{rest, c.values[name]})
		}
	}
	return pairs
}

// HostEnvironment is a copy of the environment of the host's process as New was given it, by name.
func (c *Config) HostEnvironment() map[string]string { return maps.Clone(c.environment) }
