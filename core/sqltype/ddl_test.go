package sqltype

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/status"
)

// ddlCase is a text and what real Spark makes of it; testdata/ddl/README.md says how it was recorded.
type ddlCase struct {
	Text string          `json:"text"`
	Type json.RawMessage `json:"type"`
}

func ddlCases(t testing.TB) []ddlCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "ddl", "cases.json"))
	require.NoError(t, err)
	var table struct{ Cases []ddlCase }
	require.NoError(t, json.Unmarshal(data, &table))
	require.Greater(t, len(table.Cases), 300)
	return table.Cases
}

func TestDDLIsReadAsSparkReadsIt(t *testing.T) {
	accepted := 0
	for _, c := range ddlCases(t) {
		got, err := Parse(c.Text)
		if string(c.Type) == "null" {
			if assert.Error(t, err, "Spark refuses %q, found %s", c.Text, got.JSON()) {
				assert.Equal(t, status.InvalidArgument, status.CodeOf(err), c.Text)
				assert.NotContains(t, err.Error(), "\n", c.Text)
			}
			continue
		}
		accepted++
		if assert.NoError(t, err, c.Text) {
			assert.JSONEq(t, string(c.Type), got.JSON(), c.Text)
		}
	}
	assert.Greater(t, accepted, 300)
}
