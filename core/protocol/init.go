package protocol

import (
	"encoding/binary"
	"slices"
	"strconv"
)

// Init is what the init section tells a worker, free of any version.
type Init struct {
	Partition     int32
	PythonVersion string // of the Python that pickled the functions, "3.11"
	Context       Context
	FilesDir      string // SparkFiles root directory
	Includes      []string
	Broadcasts    []Broadcast
	EvalType      int32
	RunnerConf    []Entry
	// EvalConf is sent as such from 4.2 on; earlier versions have fields for some of its entries.
	EvalConf []Entry
	// Profiler is "perf", "memory" or none; from 4.2 on the runner conf has it.
	Profiler string
	Chains   []Chain
}

// Context is Spark's TaskContext as the worker gets it.
type Context struct {
	Stage, Partition, Attempt int32
	TaskAttemptID             int64
	CPUs                      int32
	Resources                 []Resource
	Properties                []Entry
	Barrier                   bool
	BarrierPort               int32
	Secret                    string
}

// Resource is Spark's ResourceInformation.
type Resource struct {
	Name      string
	Addresses []string
}

// Entry is a key and its value; lists of entries keep their order on the wire.
type Entry struct{ Key, Value string }

// Broadcast adds the broadcast variable ID, whose pickled value is in the file Path, to a worker, or
// with Drop takes it away from a reused one.
type Broadcast struct {
	ID   int64
	Path string
	Drop bool
}

// Chain is a list of pickled commands, applied first to last, and the arguments of the first.
type Chain struct {
	Arguments []Argument
	Commands  [][]byte
	ResultID  int64
}

// Argument is an input column, passed by keyword where Name is set.
type Argument struct {
	Offset int32
	Name   string
}

func appendInt(b []byte, v int) []byte    { return binary.BigEndian.AppendUint32(b, uint32(int32(v))) }
func appendLong(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }
func putInt(b []byte, v int)              { binary.BigEndian.PutUint32(b, uint32(int32(v))) }
func appendUTF(b []byte, s string) []byte { return append(appendInt(b, len(s)), s...) }
func appendBytes(b, data []byte) []byte   { return append(appendInt(b, len(data)), data...) }
func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func partition(b []byte, in *Init) []byte      { return appendInt(b, int(in.Partition)) }
func pythonVersion(b []byte, in *Init) []byte  { return appendUTF(b, in.PythonVersion) }
func filesDirectory(b []byte, in *Init) []byte { return appendUTF(b, in.FilesDir) }
func evalType(b []byte, in *Init) []byte       { return appendInt(b, int(in.EvalType)) }
func runnerConf(b []byte, in *Init) []byte     { return appendEntries(b, in.RunnerConf) }
func evalConf(b []byte, in *Init) []byte       { return appendEntries(b, in.EvalConf) }

func includes(b []byte, in *Init) []byte {
	b = appendInt(b, len(in.Includes))
	for _, include := range in.Includes {
		b = appendUTF(b, include)
	}
	return b
}

func appendEntries(b []byte, entries []Entry) []byte {
	b = appendInt(b, len(entries))
	for _, e := range entries {
		b = appendUTF(appendUTF(b, e.Key), e.Value)
	}
	return b
}

// broadcasts by path; a dropped one is its id's negative minus one (PythonWorkerUtils.writeBroadcasts).
func broadcasts(b []byte, in *Init) []byte {
	b = appendBool(b, false)
	b = appendInt(b, len(in.Broadcasts))
	for _, v := range in.Broadcasts {
		if v.Drop {
			b = appendLong(b, -v.ID-1)
		} else {
			b = appendUTF(appendLong(b, v.ID), v.Path)
		}
	}
	return b
}

// only is a field of some eval types.
func only(set evalTypeSet, field Field) Field {
	return func(b []byte, in *Init) []byte {
		if set(in.EvalType) {
			return field(b, in)
		}
		return b
	}
}

// inline is an entry of the eval conf as a field of its own.
func inline(key string) Field {
	return func(b []byte, in *Init) []byte {
		value := ""
		for _, e := range in.EvalConf {
			if e.Key == key {
				value = e.Value
			}
		}
		return appendUTF(b, value)
	}
}

// profiler of 4.0 and 4.1 (PythonUDFRunner.writeUDFs).
func profiler(b []byte, in *Init) []byte {
	b = appendBool(b, in.Profiler != "")
	if in.Profiler != "" {
		b = appendUTF(b, in.Profiler)
	}
	return b
}

func profiled(in *Init) bool { return in.Profiler != "" }

func always(*Init) bool { return true }

func never(*Init) bool { return false }

// functions: where keywords may be, each argument has a flag; resultID says whether each chain has one
// (PythonUDFRunner.writeUDFs).
func functions(keywords evalTypeSet, hasID func(*Init) bool) Field {
	return func(b []byte, in *Init) []byte {
		flagged, withID := keywords(in.EvalType), hasID(in)
		b = appendInt(b, len(in.Chains))
		for i := range in.Chains {
			c := &in.Chains[i]
			b = appendInt(b, len(c.Arguments))
			for _, a := range c.Arguments {
				b = appendInt(b, int(a.Offset))
				if !flagged {
					continue
				}
				b = appendBool(b, a.Name != "")
				if a.Name != "" {
					b = appendUTF(b, a.Name)
				}
			}
			b = appendInt(b, len(c.Commands))
			for _, command := range c.Commands {
				b = appendBytes(b, command)
			}
			if withID {
				b = appendLong(b, c.ResultID)
			}
		}
		return b
	}
}

// barrierAlways sends port and secret also where there are none, up to 4.0; barrierOnly does not.
func barrierAlways(b []byte, in *Init) []byte {
	b = appendBool(b, in.Context.Barrier)
	return appendUTF(appendInt(b, int(in.Context.BarrierPort)), in.Context.Secret)
}

func barrierOnly(b []byte, in *Init) []byte {
	if in.Context.Barrier {
		return barrierAlways(b, in)
	}
	return appendBool(b, false)
}

// context of versions before 4.2 (BasePythonRunner.WriterThread).
func context(b []byte, in *Init) []byte {
	c := &in.Context
	b = appendInt(b, int(c.Stage))
	b = appendInt(b, int(c.Partition))
	b = appendInt(b, int(c.Attempt))
	b = appendLong(b, c.TaskAttemptID)
	b = appendInt(b, int(c.CPUs))
	b = appendInt(b, len(c.Resources))
	for _, r := range c.Resources {
		b = appendUTF(appendUTF(b, r.Name), r.Name)
		b = appendInt(b, len(r.Addresses))
		for _, address := range r.Addresses {
			b = appendUTF(b, address)
		}
	}
	return appendEntries(b, c.Properties)
}

// contextKey appends one member of the task context's JSON object.
type contextKey struct {
	name   string
	append func(b []byte, c *Context) []byte
}

// Members of the task context, and their orders: those of a Scala hash map of the names (PythonWorkerUtils.writeTaskContext), as
// recorded. cpuAmount, new in 4.3, is a text, and moves taskAttemptId in the map.
var (
	secretKey = contextKey{"secret", func(b []byte, c *Context) []byte { return appendSparkJSON(b, c.Secret) }}
	taskKey   = contextKey{"taskAttemptId", func(b []byte, c *Context) []byte { return strconv.AppendInt(b, c.TaskAttemptID, 10) }}
	middle    = []contextKey{
		{"stageId", func(b []byte, c *Context) []byte { return strconv.AppendInt(b, int64(c.Stage), 10) }},
		{"isBarrier", func(b []byte, c *Context) []byte { return strconv.AppendBool(b, c.Barrier) }},
		{"partitionId", func(b []byte, c *Context) []byte { return strconv.AppendInt(b, int64(c.Partition), 10) }},
		{"connInfo", func(b []byte, c *Context) []byte {
			if c.Barrier {
				return strconv.AppendInt(b, int64(c.BarrierPort), 10)
			}
			return append(b, "-1"...)
		}},
		{"attemptNumber", func(b []byte, c *Context) []byte { return strconv.AppendInt(b, int64(c.Attempt), 10) }},
		{"localProperties", appendProperties},
	}
	amountKey = contextKey{"cpuAmount", func(b []byte, c *Context) []byte {
		return append(appendCPUs(append(b, '"'), c), '"')
	}}
	last = []contextKey{{"resources", appendResources}, {"cpus", appendCPUs}}

	contextKeys42 = slices.Concat([]contextKey{secretKey, taskKey}, middle, last)
	contextKeys43 = slices.Concat([]contextKey{secretKey}, middle, []contextKey{amountKey, taskKey}, last)
)

func contextJSON(keys []contextKey) Field {
	return func(b []byte, in *Init) []byte {
		start := len(b)
		b = appendInt(b, 0)
		for i, key := range keys {
			b = append(b, "{,"[min(i, 1)])
			b = append(appendSparkJSON(b, key.name), ':')
			b = key.append(b, &in.Context)
		}
		b = append(b, '}')
		putInt(b[start:], len(b)-start-4)
		return b
	}
}

func appendCPUs(b []byte, c *Context) []byte { return strconv.AppendInt(b, int64(c.CPUs), 10) }

func appendResources(b []byte, c *Context) []byte {
	b = append(b, '{')
	for i, r := range c.Resources {
		if i > 0 {
			b = append(b, ',')
		}
		name := string(appendSparkJSON(nil, r.Name))
		b = append(b, name+`:{"name":`+name+`,"addresses":[`...)
		for j, address := range r.Addresses {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendSparkJSON(b, address)
		}
		b = append(b, "]}"...)
	}
	return append(b, '}')
}

func appendProperties(b []byte, c *Context) []byte {
	b = append(b, '{')
	for i, p := range c.Properties {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendSparkJSON(b, p.Key), ':')
		b = appendSparkJSON(b, p.Value)
	}
	return append(b, '}')
}
