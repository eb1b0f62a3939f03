package protocol

import "udfrunner/core/status"

// Init is what the init section tells a worker, free of any version. One of Command, TableFunction and Chains is
// sent, by eval type. Check says what a version cannot be told.
type Init struct {
	Partition     int32
	PythonVersion string // of the Python that pickled the functions, "3.11"
	Context       Context
	FilesDir      string // SparkFiles root directory
	Includes      []string
	Broadcasts    []Broadcast
	// BroadcastServer hands out the values of Broadcasts, whose paths are then not sent (Spark's
	// EncryptedPythonBroadcastServer); nil where workers read the files themselves.
	BroadcastServer *Server
	EvalType        int32
	RunnerConf      []Entry
	// EvalConf is sent as such from 4.2 on; earlier versions have fields for the entries that they know,
	// and are not sent others.
	EvalConf []Entry
	// Profiler is "perf", "memory" or none; from 4.2 on the runner conf has it.
	Profiler string
	// Command of eval type 0: the pickled (function, profiler, deserializer, serializer) of an RDD.
	Command []byte
	// TableFunction of eval types 300, 301 and 302.
	TableFunction *TableFunction
	// Chains of all other eval types.
	Chains []Chain
}

// Keys of EvalConf, as PySpark 4.2 names them.
const (
	// EvalConfInputType is the Spark type of the input, a struct as JSON: eval types 101 and 301, from 4.1 on.
	EvalConfInputType = "input_type"
	// EvalConfTableArguments are the arguments that are tables, "0,2" or "": eval type 302.
	EvalConfTableArguments = "table_arg_offsets"
	// EvalConfStateSchema is the Spark type of a group's state, a struct as JSON: eval type 208.
	EvalConfStateSchema = "state_value_schema"
	// EvalConfKeySchema is the Spark type of the grouping key, a struct as JSON: eval types 211 to 214.
	EvalConfKeySchema = "grouping_key_schema"
	// EvalConfStateServer is where the state server listens: a port of localhost or, from 4.1 on, the path of a Unix
	// socket, which has no capital letters because 4.2 and later make them small (EvalConf in worker.py). Eval types
	// 211 to 214.
	EvalConfStateServer = "state_server_socket_port"
)

// Context is Spark's TaskContext as the worker gets it.
type Context struct {
	Stage, Partition, Attempt int32
	TaskAttemptID             int64
	CPUs                      int32
	// CPUAmount is a decimal number, "1" or "0.5", for 4.3; "" stands for CPUs.
	CPUAmount  string
	Resources  []Resource
	Properties []Entry
	Barrier    bool
	// BarrierPort and Secret are those of the server for barrier() and allGather().
	BarrierPort int32
	Secret      string
	// BarrierPath is the Unix socket of that server, and takes their place, from 4.1 on. From 4.2 on Spark gives it to
	// tasks outside of barrier stages too.
	BarrierPath string
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

// Server is an address: a port of localhost and a secret or, from 4.1 on, the Unix socket Path instead.
type Server struct {
	Port   int32
	Secret string
	Path   string
}

// Chain is a list of pickled commands, applied first to last, and the arguments of the first.
type Chain struct {
	Arguments []Argument
	Commands  [][]byte
	// ResultID tells the profiles of chains apart.
	ResultID int64
}

// Argument is an input column, passed by keyword where Name is set.
type Argument struct {
	Offset int32
	Name   string
}

// TableFunction is a UDTF (PythonUDTFRunner.writeUDTF).
type TableFunction struct {
	Arguments []Argument
	// PartitionChildren are the fields of the table argument by which it is partitioned. It, Analyzed and
	// Name are there from 4.0 on.
	PartitionChildren []int32
	// Analyzed is the pickled AnalyzeResult, nil where the function has no analyze method.
	Analyzed []byte
	// Handler is the pickled class.
	Handler    []byte
	ReturnType string // a struct as JSON
	// Name is what error texts of the worker call the function.
	Name string
}

// AppendInit appends the whole init section of a task. What the version has no place for is left out: Check.
func (d *Dialect) AppendInit(b []byte, in *Init) []byte {
	start := len(b)
	if d.envelope {
		b = appendInt(appendInt(b, StartOfInit), 0)
	}
	body := len(b)
	for i := range d.fields {
		b = d.fields[i].append(b, in)
	}
	if d.envelope {
		putInt(b[start+4:], len(b)-body)
	}
	return b
}

// ParseInit reads the init section at the start of b and answers it with the bytes after it. Whatever it
// accepts AppendInit writes again as the same bytes. Bytes of no section of this dialect, or that Spark would have
// written otherwise, are a Protocol error naming the offset. The answer shares no memory with b.
func (d *Dialect) ParseInit(b []byte) (*Init, []byte, error) {
	r, in := &sectionReader{all: b, b: b, minor: d.Minor}, &Init{}
	start, length := 0, -1
	if d.envelope {
		if code := r.int(); code != StartOfInit {
			r.fail("%d, wanted %d, the start of an init section", code, StartOfInit)
		}
		length = r.count(1)
		start = r.at()
	}
	for i := range d.fields {
		if r.err == nil {
			d.fields[i].parse(r, in)
		}
	}
	end := r.at()
	if length >= 0 && end-start != length {
		r.fail("an init section of %d bytes, its length says %d", end-start, length)
	}
	if r.err != nil {
		return nil, nil, r.err
	}
	again := d.AppendInit(nil, in)
	for i := range min(end, len(again)) {
		if again[i] != b[i] {
			return nil, nil, status.New(status.Protocol, "init section for PySpark %s at byte %d: %#02x, Spark "+
				"writes %#02x",
				d.Minor, i, b[i], again[i])
		}
	}
	if len(again) != end {
		return nil, nil, status.New(status.Protocol, "init section for PySpark %s of %d bytes, Spark writes %d",
			d.Minor, end, len(again))
	}
	return in, r.b, nil
}
