package pyspark_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"udfrunner/core/pyspark"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		version  string
		minor    pyspark.Minor
		relation pyspark.Relation
		name     string
	}{
		{"3.5", pyspark.V35, pyspark.Known, "3.5"},
		{"4.2.1", pyspark.V42, pyspark.Known, "4.2"},
		{"4.3.0.dev0", pyspark.V43, pyspark.Known, "4.3"},
		{"4.99.0", pyspark.V43, pyspark.Newer, "4.99"},
		{"10.0", pyspark.V43, pyspark.Newer, "10.0"},
		{"3.4.1", pyspark.V35, pyspark.Unknown, "3.4"},
		{"3.99", pyspark.V35, pyspark.Unknown, "3.99"},
		{"", pyspark.V35, pyspark.Malformed, ""},
		{"4", pyspark.V35, pyspark.Malformed, "4"},
		{"four.two", pyspark.V35, pyspark.Malformed, "four.two"},
		{"4.-1", pyspark.V35, pyspark.Malformed, "4.-1"},
		{"4.99999999999", pyspark.V35, pyspark.Malformed, "4.99999999999"},
	} {
		minor, relation := pyspark.Parse(c.version)
		assert.Equal(t, c.minor, minor, c.version)
		assert.Equal(t, c.relation, relation, c.version)
		assert.Equal(t, c.name, pyspark.Name(c.version))
	}
}

func TestMinorsAreInOrder(t *testing.T) {
	minors := pyspark.Minors()
	assert.Len(t, minors, int(pyspark.Newest)+1)
	for i, name := range minors {
		minor, relation := pyspark.Parse(name)
		assert.Equal(t, pyspark.Known, relation)
		assert.Equal(t, pyspark.Minor(i), minor)
		assert.Equal(t, name, minor.String())
	}
	minors[0] = "changed"
	assert.Equal(t, "3.5", pyspark.Minors()[0])
}
