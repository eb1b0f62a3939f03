package protocol

import (
	"strings"

	"udfrunner/core/pyspark"
	"udfrunner/core/status"
)

// Dialect is the wire format of one PySpark minor, as data: the fields of its init section in order, how its input is
// grouped, and what its result section carries. It is chosen once per worker factory; encoding and decoding
// walk the table and never ask for the version.
type Dialect struct {
	// Minor is the PySpark minor, as "4.2".
	Minor string
	// Tried says that the minor is newer than any known one, and this is what the newest known speaks: it must pass a
	// self-check against a worker before use.
	Tried bool
	// Timings is the count of int64 after TimingData: boot, init, finish and, from 4.2, processing.
	Timings int
	// WindowBounds is the key of the runner conf that says which window functions are bounded (WindowAggregate).
	WindowBounds string
	// SocketPaths says that servers for broadcasts, barriers and state may be Unix sockets (SPARK-52848).
	SocketPaths bool
	// ByteLimit says that Spark ends batches by their size, too (spark.sql.execution.arrow.maxBytesPerBatch),
	// SplitGroups that it sends groups in several batches.
	ByteLimit, SplitGroups bool

	release pyspark.Minor
	// envelope says that the init section is one message: StartOfInit, its length, its bytes.
	envelope bool
	fields   []field
}

// Minors lists the supported PySpark minors, oldest first.
func Minors() []string { return pyspark.Minors() }

// ForVersion finds the dialect of a PySpark version such as "4.2.1" or "4.3.0.dev0". For a newer minor than
// the known ones it is a copy of the newest's, Tried. Others are NotSupported, naming the versions that are known.
func ForVersion(version string) (*Dialect, error) {
	minor, relation := pyspark.Parse(version)
	switch relation {
	case pyspark.Known:
		return &dialects[minor], nil
	case pyspark.Newer:
		newer := dialects[minor]
		newer.Minor, newer.Tried = pyspark.Name(version), true
		return &newer, nil
	case pyspark.Unknown:
		return nil, status.New(status.NotSupported, "PySpark %s is not supported; supported are %s",
			version, strings.Join(Minors(), ", "))
	default:
		return nil, status.New(status.NotSupported,
			"PySpark version %q is not of the form major.minor.patch; supported are %s", version,
			strings.Join(Minors(), ", "))
	}
}
