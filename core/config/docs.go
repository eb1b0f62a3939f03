package config

import (
	"fmt"
	"strings"
)

const docsHead = `# Configuration

Keys and values are strings, given to an env when it is created or to a runner before its first task; a runner's value
overrides its env's. Spark's own keys mean what they mean in Spark. Keys that are not listed here are kept and ignored,
so that a whole Spark configuration can be passed on; unknown keys that begin with ` + "`udfrunner.`" + ` are errors.

Booleans are ` + "`true` and `false`" + `. Sizes are whole numbers with ` + "`b`, `k`, `m`, `g`, `t` or `p`" + `
(powers of 1024), durations whole numbers with ` + "`us`, `ms`, `s`, `m` or `min`, `h` or `d`" + `; both may omit the
suffix where a unit is named.

This page is made from ` + "`core/config/keys.go`" + ` by ` + "`go generate ./core/config`" + `.
`

// documentation is the docs page.
func documentation() string {
	var b strings.Builder
	b.WriteString(docsHead)
	for _, g := range Groups {
		fmt.Fprintf(&b, "\n## %s\n\n| Key | Type | Default | Set on | Meaning |\n|---|---|---|---|---|\n", g.Title)
		for _, k := range g.Keys {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", k.title(), k.kindText(), k.defaultText(), k.Scope, k.Doc)
		}
	}
	return b.String()
}

// names are the keys' names, one per line, for hosts that hand over a part of their configuration. That of a family
// ends with a dot.
func names() string {
	var b strings.Builder
	for _, g := range Groups {
		for _, k := range g.Keys {
			b.WriteString(k.Name + "\n")
		}
	}
	return b.String()
}

func (k *Key) title() string {
	if k.Kind == Prefix {
		return k.Name + "*"
	}
	return k.Name
}

func (k *Key) kindText() string {
	kind := k.Kind.String()
	switch {
	case len(k.OneOf) > 0:
		kind = "`" + strings.Join(k.OneOf, "` or `") + "`"
	case k.Unit != 0:
		kind += ", else " + unitNames[k.Unit]
	}
	if k.Kind == Int || k.Unit != 0 {
		kind += k.least()
	}
	return kind
}

func (k *Key) defaultText() string {
	var parts []string
	if k.Fallback != "" {
		parts = append(parts, "that of `"+k.Fallback+"`")
	}
	if k.Environment != "" {
		parts = append(parts, "the environment variable `"+k.Environment+"`")
	}
	switch {
	case k.Default != "":
		parts = append(parts, "`"+k.Default+"`")
	case k.Absent != "":
		parts = append(parts, k.Absent)
	}
	return strings.Join(parts, ", else ")
}
