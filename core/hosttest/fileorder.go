package hosttest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// CheckFileOrder fails the test if a file of the room uses what a file above it declares, in
// the order in which a section of docs/architecture.md lists its files, or if one is missing there. It runs in a room's
// directory.
func CheckFileOrder(t *testing.T, section string) {
	t.Helper()
	order := listedFiles(t, section)
	files := token.NewFileSet()
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var parsed []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		assert.Contains(t, order, path, "section %q of docs/architecture.md", section)
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		parsed = append(parsed, file)
	}
	assert.Len(t, parsed, len(order), "section %q of docs/architecture.md lists other files", section)
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	// Other packages are left out: what they declare does not count, and the errors for that lack say nothing.
	config := types.Config{Importer: noPackages{}, Error: func(error) {}}
	pkg, _ := config.Check("it", files, parsed, info)
	uses := 0
	for user, used := range info.Uses {
		if used.Pkg() != pkg || !used.Pos().IsValid() {
			continue
		}
		from, to := files.Position(user.Pos()).Filename, files.Position(used.Pos()).Filename
		if from != to {
			uses++
		}
		assert.LessOrEqual(t, slices.Index(order, from), slices.Index(order, to),
			"%s uses %s of %s, which is above it", files.Position(user.Pos()), used.Name(), to)
	}
	assert.Greater(t, uses, len(order), "uses were found")
}

// listedFiles are the files that a section's table names in the first cells of its rows.
func listedFiles(t *testing.T, section string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/architecture.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), section+"\n")
	require.True(t, found, section)
	rest, _, _ = strings.Cut(rest, "\n#")
	var list []string
	for line := range strings.Lines(rest) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			list = append(list, regexp.MustCompile(`[a-z]+\.go`).FindAllString(cells[1], -1)...)
		}
	}
	return list
}

// noPackages imports empty packages.
type noPackages struct{}

func (noPackages) Import(path string) (*types.Package, error) {
	pkg := types.NewPackage(path, path[strings.LastIndexByte(path, '/')+1:])
	pkg.MarkComplete()
	return pkg, nil
}
