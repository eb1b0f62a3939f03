package protocol

import (
	"strconv"
	"strings"

	"udfrunner/core/status"
)

// Dialect is the wire format of one PySpark minor, as data: the fields of its init section in order, and
// what its result section carries. It is chosen once per worker factory; encoding and decoding
// walk the table and never ask for the version.
type Dialect struct {
	// Minor is the PySpark minor, as "4.2".
	Minor string
	// Envelope says that the init section is one message: StartOfInit, its length, its bytes (SPARK 4.3).
	Envelope bool
	// Fields of the init section.
	Fields []Field
	// Timings is the count of int64 after TimingData: boot, init, finish and, from 4.2, processing.
	Timings int
}

// Field appends one field of the init section.
type Field func(b []byte, in *Init) []byte

var dialects = []*Dialect{
	{
		Minor: "4.2",
		Fields: []Field{
			partition, pythonVersion, contextJSON(contextKeys42), filesDirectory, includes,
			broadcasts, evalType, runnerConf, evalConf, functions,
		},
		Timings: 4,
	},
	{
		Minor:    "4.3",
		Envelope: true,
		Fields: []Field{
			partition, pythonVersion, contextJSON(contextKeys43), filesDirectory, includes,
			broadcasts, evalType, runnerConf, evalConf, functions,
		},
		Timings: 4,
	},
}

// Minors lists the supported PySpark minors, oldest first.
func Minors() []string {
	minors := make([]string, len(dialects))
	for i, d := range dialects {
		minors[i] = d.Minor
	}
	return minors
}

// ForVersion finds the dialect of a PySpark version such as "4.2.1" or "4.3.0.dev0", or
// answers NotSupported naming the versions that are.
func ForVersion(version string) (*Dialect, error) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) >= 2 {
		minor := parts[0] + "." + parts[1]
		for _, d := range dialects {
			if d.Minor == minor {
				return d, nil
			}
		}
		_, errMajor := strconv.Atoi(parts[0])
		_, errMinor := strconv.Atoi(parts[1])
		if errMajor == nil && errMinor == nil {
			return nil, status.New(status.NotSupported, "PySpark %s is not supported; supported are %s",
				version, strings.Join(Minors(), ", "))
		}
	}
	return nil, status.New(status.NotSupported, "PySpark version %q is not of the form major.minor.patch; supported are %s",
		version, strings.Join(Minors(), ", "))
}

// AppendInit appends the whole init section of a task.
func (d *Dialect) AppendInit(b []byte, in *Init) []byte {
	start := len(b)
	if d.Envelope {
		b = appendInt(b, StartOfInit)
		b = appendInt(b, 0)
	}
	body := len(b)
	for _, field := range d.Fields {
		b = field(b, in)
	}
	if d.Envelope {
		putInt(b[start+4:], len(b)-body)
	}
	return b
}
