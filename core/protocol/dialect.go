package protocol

import (
	"slices"
	"strconv"
	"strings"

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

	release release
	// envelope says that the init section is one message: StartOfInit, its length, its bytes.
	envelope bool
	fields   []field
}

// release is the place of a minor in dialects.
type release uint8

const (
	v35 release = iota
	v40
	v41
	v42
	v43
)

func (v release) String() string { return dialects[v].Minor }

// Minors lists the supported PySpark minors, oldest first.
func Minors() []string {
	minors := make([]string, len(dialects))
	for i := range dialects {
		minors[i] = dialects[i].Minor
	}
	return minors
}

// ForVersion finds the dialect of a PySpark version such as "4.2.1" or "4.3.0.dev0". For a newer minor than
// the known ones it is a copy of the newest's, Tried. Others are NotSupported, naming the versions that are known.
func ForVersion(version string) (*Dialect, error) {
	known := strings.Join(Minors(), ", ")
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return nil, status.New(status.NotSupported,
			"PySpark version %q is not of the form major.minor.patch; supported are %s", version, known)
	}
	minor := parts[0] + "." + parts[1]
	for i := range dialects {
		if dialects[i].Minor == minor {
			return &dialects[i], nil
		}
	}
	number, ok := minorNumber(minor)
	if !ok {
		return nil, status.New(status.NotSupported,
			"PySpark version %q is not of the form major.minor.patch; supported are %s", version, known)
	}
	newest := dialects[len(dialects)-1]
	if last, _ := minorNumber(newest.Minor); slices.Compare(number, last) <= 0 {
		return nil, status.New(status.NotSupported, "PySpark %s is not supported; supported are %s", version, known)
	}
	newest.Minor, newest.Tried = minor, true
	return &newest, nil
}

// minorNumber reads "4.2".
func minorNumber(minor string) ([]uint64, bool) {
	var number []uint64
	for part := range strings.SplitSeq(minor, ".") {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return nil, false
		}
		number = append(number, n)
	}
	return number, true
}
