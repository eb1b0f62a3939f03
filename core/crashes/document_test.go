package crashes

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/status"
)

var update = flag.Bool("update", false, "write docs/crashes.md")

const page = "../../docs/crashes.md"

// The page is what the table says, and the table has every cause but those named here.
func TestDocument(t *testing.T) {
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(document()), 0o600))
		return
	}
	committed, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, document(), string(committed), "run `go test ./core/crashes -run TestDocument -update`")
}

func TestEveryCauseHasARow(t *testing.T) {
	elsewhere := map[status.Cause]string{
		status.CauseSystem:   "descriptors that run out are the host's own, as for the tests themselves",
		status.CauseInternal: "core/runner and capi/tests/panic_test.c",
	}
	rows := map[status.Cause]bool{}
	n := 0
	for _, group := range groups {
		for _, c := range group.crashes {
			rows[c.cause] = true
			n++
			if c.code == status.OK {
				assert.Empty(t, c.cause, c.what)
				assert.Empty(t, c.details, c.what)
			}
		}
	}
	assert.GreaterOrEqual(t, n, 25)
	for _, c := range status.Causes {
		assert.Equal(t, elsewhere[c.Cause] == "", rows[c.Cause], c.Cause)
	}
}

func document() string {
	var b strings.Builder
	b.WriteString(`# Crashes

Every error that ends a task has the detail ` + "`cause`" + `, one of the words below, besides its status code and the
task's identity (` + "`task.partition`, `task.attempt`, `task.stage`, `task.id`" + `). What is known of a worker is in
other details: its process id, exit status or signal, peak memory, the tail of its stderr, its Python stack or
traceback.

The tables come from a test (` + "`core/crashes`" + `): each row really happens to a task of a worker of PySpark 4.2,
the error is compared, and after each the next task of the same env must work. A row without a code is a task that
succeeds.

This page is made by ` + "`go test ./core/crashes -run TestDocument -update`" + `.

| Cause | Meaning |
|---|---|
`)
	for _, c := range status.Causes {
		fmt.Fprintf(&b, "| `%s` | %s |\n", c.Cause, c.Text)
	}
	for _, group := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n| What happens | Code | Cause | Details |\n|---|---|---|---|\n", group.title)
		for _, c := range group.crashes {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.what, code(c.code), quoted(string(c.cause)),
				detailText(c.details))
		}
	}
	return b.String()
}

func code(c status.Code) string {
	if c == status.OK {
		return ""
	}
	return quoted(c.String())
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

// detailText names the details that a row asserts, with the values that are whole.
func detailText(details map[string]string) string {
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(details)) {
		text := quoted(key)
		if key == "worker.signal" || key == "worker.exit_status" {
			text += " " + details[key]
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}
