package config

import (
	"strconv"

	"udfrunner/core/pyspark"
)

// entry is a key of the runner conf, the key/value list that goes to a worker with each task (Spark's
// ArrowPythonRunner.getPythonRunnerConfMap).
type entry struct {
	key   string
	since pyspark.Minor
	// assumed is what a worker takes where the key is absent. A value equal to it is not sent.
	assumed string
	// pickled says whether eval types with pickled data read the key too.
	pickled bool
	// value, where not nil, is what holds if the host has not set the key, by version.
	value func(pyspark.Minor) string
}

var entries = []entry{
	// A worker assumes no time zone at all, and has none to show timestamps in.
	{key: SessionTimeZone, since: pyspark.V35},
	{key: AssignColumnsByName, since: pyspark.V35, assumed: "true"},
	{key: ConvertSafely, since: pyspark.V35, value: convertSafely},
	{key: ArrowMaxRecords, since: pyspark.V35, assumed: "10000"},
	{key: ArrowMaxBytes, since: pyspark.V40},
	{key: ArrowConcurrency, since: pyspark.V40},
	{key: ArrowLargeVarTypes, since: pyspark.V40, assumed: "false"},
	{key: LegacyUDTFConversion, since: pyspark.V41, assumed: "false"},
	{key: LegacyUDFConversion, since: pyspark.V41, assumed: "false"},
	{key: IntToDecimal, since: pyspark.V41, assumed: "false"},
	{key: BinaryAsBytes, since: pyspark.V41, assumed: "true"},
	{key: IntExtensionDtype, since: pyspark.V42, assumed: "false"},
	{key: MapAcceptsAnyIterable, since: pyspark.V43, assumed: "true"},
	// Before 4.2 profilers are a part of the command, not of the runner conf.
	{key: UDFProfiler, since: pyspark.V42, pickled: true},
	{key: DataSourceProfiler, since: pyspark.V42, pickled: true},
}

// convertSafely is Spark's default of ConvertSafely. It is always sent: a worker that is
// told nothing assumes false.
func convertSafely(version pyspark.Minor) string { return strconv.FormatBool(version >= pyspark.V41) }

// RunnerConf is the runner conf for workers of a PySpark minor version ("4.2") and an eval type whose data are
// pickled or not, in an order that is always the same: what differs from the worker's own
// default, and the time zone and ConvertSafely always. Values are written as the worker reads them: sizes as
// bytes, booleans in lower case. It is empty for pickled data unless functions are profiled.
func (c *Config) RunnerConf(minor string, pickled bool) []Pair {
	version, _ := pyspark.Parse(minor)
	var pairs []Pair
	for _, e := range entries {
		if version < e.since || pickled && !e.pickled {
			continue
		}
		value := c.canonical(e.key)
		if value == "" && e.value != nil {
			value = e.value(version)
		}
		// Spark sends all of them; what a worker assumes anyway is left out, unless the host said it.
		if _, said := c.values[e.key]; value != "" && (said || value != e.assumed) {
			pairs = append(pairs, Pair{e.key, value})
		}
	}
	return pairs
}

// canonical is the effective value of a known key as a worker parses it, "" where there is none.
func (c *Config) canonical(name string) string {
	value := c.effective(name)
	if value == "" {
		return ""
	}
	switch index[name].Kind {
	case Bool:
		return strconv.FormatBool(c.Bool(name))
	case Int:
		return strconv.Itoa(c.Int(name))
	case Size:
		return decimal(c.Size(name))
	}
	return value
}
