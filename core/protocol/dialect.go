package protocol

import (
	"slices"
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
	// Envelope says that the init section is one message: StartOfInit, its length, its bytes.
	Envelope bool
	// Fields of the init section.
	Fields []Field
	// Timings is the count of int64 after TimingData: boot, init, finish and, from 4.2, processing.
	Timings int
	// Keywords are the eval types whose arguments may be passed by keyword.
	Keywords evalTypeSet
}

// Field appends one field of the init section.
type Field func(b []byte, in *Init) []byte

// evalTypeSet says which eval types something holds for.
type evalTypeSet func(id int32) bool

func oneOf(ids ...int32) evalTypeSet {
	return func(id int32) bool { return slices.Contains(ids, id) }
}

func every(int32) bool { return true }

func none(int32) bool { return false }

// Eval types that have a runner conf before 4.2, where all have: those with Arrow data.
func hasConf(id int32) bool { return id != 0 && id != 100 && id != 300 }

// Eval types of functions that may be profiled.
func hasProfiler(id int32) bool { return id >= 100 && id < 300 }

// Eval types whose arguments have a flag for keywords (read_single_udf of each version's worker).
var (
	keywords40 = oneOf(100, 101, 200, 202, 203, 204)
	keywords41 = oneOf(100, 101, 200, 202, 203, 204, 250, 251, 252, 253)
)

var dialects = []*Dialect{
	{
		Minor: "3.5",
		Fields: []Field{
			partition, pythonVersion, barrierAlways, context, filesDirectory, includes,
			broadcasts, evalType, only(hasConf, runnerConf), functions(none, never),
		},
		Timings: 3, Keywords: none,
	},
	{
		Minor: "4.0",
		Fields: []Field{
			partition, pythonVersion, barrierAlways, context, filesDirectory, includes,
			broadcasts, evalType, only(hasConf, runnerConf), only(hasProfiler, profiler), functions(keywords40, profiled),
		},
		Timings: 3, Keywords: keywords40,
	},
	{
		Minor: "4.1",
		Fields: []Field{
			partition, pythonVersion, barrierOnly, context, filesDirectory, includes,
			broadcasts, evalType, only(hasConf, runnerConf), only(oneOf(101), inline("input_type")),
			only(hasProfiler, profiler), functions(keywords41, profiled),
		},
		Timings: 3, Keywords: keywords41,
	},
	{
		Minor: "4.2",
		Fields: []Field{
			partition, pythonVersion, contextJSON(contextKeys42), filesDirectory, includes,
			broadcasts, evalType, runnerConf, evalConf, functions(every, always),
		},
		Timings: 4, Keywords: every,
	},
	{
		Minor:    "4.3",
		Envelope: true,
		Fields: []Field{
			partition, pythonVersion, contextJSON(contextKeys43), filesDirectory, includes,
			broadcasts, evalType, runnerConf, evalConf, functions(every, always),
		},
		Timings: 4, Keywords: every,
	},
}

// Check says whether workers of this minor can run such a task: NotSupported where they lack the eval type or
// keyword arguments.
func (d *Dialect) Check(e *EvalType, chains []Chain) error {
	if slices.Index(Minors(), d.Minor) < slices.Index(Minors(), e.since()) {
		return status.New(status.NotSupported, "eval type %d (%s) needs PySpark %s, the worker has %s", e.ID, e.Name, e.since(), d.Minor)
	}
	if d.Keywords(e.ID) {
		return nil
	}
	for i := range chains {
		for _, a := range chains[i].Arguments {
			if a.Name != "" {
				return status.New(status.NotSupported, "keyword argument %q: eval type %d (%s) of PySpark %s takes none",
					a.Name, e.ID, e.Name, d.Minor)
			}
		}
	}
	return nil
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
