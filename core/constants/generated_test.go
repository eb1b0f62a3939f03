package constants

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

var update = flag.Bool("update", false, "write the generated sections")

const (
	repository = "../.."
	header     = "include/udfrunner.h"
	python     = "bindings/python/src/udfrunner/"
	java       = "bindings/java/src/main/java/org/udfrunner/"
)

// sections are the generated ones; they stand between lines that name them.
var sections = []struct {
	file, name string
	make       func() string
}{
	{header, "error codes", codesForC},
	{header, "eval types", evalTypesForC},
	{header, "details", detailsForC},
	{"core/protocol/evaltypeids.go", "eval types", evalTypesForGo},
	{python + "_abi.py", "error codes", codesForPython},
	{python + "_abi.py", "eval types", evalTypesForPythonABI},
	{python + "errors.py", "causes", causesForPython},
	{python + "_evaltype.py", "eval types", evalTypesForPython},
	{java + "EvalType.java", "eval types", evalTypesForJava},
}

func TestGenerated(t *testing.T) {
	for _, section := range sections {
		t.Run(section.file+" "+section.name, func(t *testing.T) {
			path := filepath.Join(repository, section.file)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			before, rest, found := strings.Cut(string(data), "generated: "+section.name)
			require.True(t, found, "no section %q", section.name)
			first, rest, _ := strings.Cut(rest, "\n")
			end := regexp.MustCompile(`(?m)^.*generated: end`).FindStringIndex(rest)
			require.NotNil(t, end, "section %q has no end", section.name)
			made := section.make()
			if !*update {
				assert.Equal(t, made, rest[:end[0]], "run go generate ./core/constants")
				return
			}
			text := before + "generated: " + section.name + first + "\n" + made + rest[end[0]:]
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		})
	}
}

func TestEvalTypesAreDescribed(t *testing.T) {
	assert.Len(t, evalTypes, len(protocol.EvalTypes()))
	short := map[string]bool{}
	for _, e := range protocol.EvalTypes() {
		doc := evalTypes[e.ID]
		assert.True(t, strings.HasSuffix(doc.text, "."), "%d: %q", e.ID, doc.text)
		assert.False(t, short[doc.short], "%d: %s is another's", e.ID, doc.short)
		short[doc.short] = true
	}
}

// Details that code gives to errors are in the table, and no others.
func TestDetailsAreGiven(t *testing.T) {
	given := map[string]bool{status.DetailCause: true}
	with := regexp.MustCompile(`With\("([a-z_.]+)"`)
	require.NoError(t, filepath.WalkDir(repository+"/core", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range with.FindAllStringSubmatch(string(text), -1) {
			given[m[1]] = true
		}
		return err
	}))
	var table []string
	for _, d := range status.Details {
		table = append(table, d.Key)
	}
	var found []string
	for key := range given {
		found = append(found, key)
	}
	assert.ElementsMatch(t, table, found)
}

// Each code has a class of its own in the bindings, but UNKNOWN, which is the base class's.
func TestCodesHaveTheirClasses(t *testing.T) {
	numbers, names := map[string]bool{}, map[string]bool{}
	for _, e := range status.Errors {
		names[e.Name] = true
		numbers[strconv.Itoa(int(e.Code))] = true
	}
	delete(numbers, strconv.Itoa(int(status.Unknown)))
	inJava, inPython := map[string]bool{}, map[string]bool{}
	classes, err := filepath.Glob(filepath.Join(repository, java, "*Exception.java"))
	require.NoError(t, err)
	for _, class := range classes {
		find(t, class, `int CODE = (-\d+);`, inJava)
	}
	find(t, filepath.Join(repository, python, "errors.py"), `(?m)^    code(?:: int)? = _abi\.UDFRUNNER_([A-Z_]+)$`,
		inPython)
	assert.Equal(t, numbers, inJava)
	assert.Equal(t, names, inPython)
}

// find adds what a pattern finds in a file.
func find(t *testing.T, path, pattern string, found map[string]bool) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		found[m[1]] = true
	}
}
