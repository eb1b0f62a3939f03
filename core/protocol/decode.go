package protocol

import (
	"bytes"
	"encoding/binary"

	"udfrunner/core/status"
)

// InitSection is an init section as it was read: Init, and what AppendInit does not write because the
// library does not run it.
type InitSection struct {
	Init
	// Command is the pickled function of an RDD task (eval type 0), which has no chains.
	Command []byte
	// TableFunction of the UDTF eval types, which have no chains.
	TableFunction *TableFunction
	// BroadcastServer hands out decrypted broadcast values; the paths of Broadcasts are then empty.
	BroadcastServer *Server
	// CPUAmount of 4.3 is a decimal number, "1" or "0.5".
	CPUAmount string
	// BarrierServer of 4.1 and later where Unix sockets are on: it stands for the port and the secret of Init, and
	// from 4.2 on tasks outside of barrier stages have it too.
	BarrierServer *Server
	// StateSchema is the JSON type of the state of eval type 208, before 4.2.
	StateSchema string
	// StateServer and KeySchema, a JSON type, are those of transformWithState (211 to 214), before 4.2.
	StateServer *Server
	KeySchema   string
	// TableOffsets are the table arguments of eval type 302 in 4.1.
	TableOffsets []int32
}

// TableFunction is a UDTF (PythonUDTFRunner.writeUDTF).
type TableFunction struct {
	Arguments []Argument
	// PartitionChildren, Analyzed and Name are there from 4.0 on.
	PartitionChildren []int32
	// Analyzed is the pickled AnalyzeResult, nil where the function has no analyze method.
	Analyzed   []byte
	Handler    []byte
	ReturnType string // JSON
	Name       string
}

// Server is an address: a port, with a secret where the protocol has one, or a Unix socket's path.
type Server struct {
	Port   int32
	Secret string
	Path   string
}

// part is the decoder of the field that stands at its index in Dialect.Fields.
type part struct {
	parse func(r *sectionReader, s *InitSection)
	// append takes the place of the field's encoder where the section has what that does not write;
	// otherwise it answers false.
	append func(b []byte, s *InitSection) ([]byte, bool)
}

var tableFunctions = oneOf(300, 301, 302)

// Parts of each minor, beside the fields of its dialect.
var parts = map[string][]part{
	"3.5": {
		partPartition, partPython, partBarrierAlways, partContext, partFiles, partIncludes,
		partBroadcasts, partEvalType, confPart(stateSchemaPart), functionsPart(none, never, tablePart(false)),
	},
	"4.0": {
		partPartition, partPython, partBarrierAlways, partContext, partFiles, partIncludes,
		partBroadcasts, partEvalType, confPart(stateSchemaPart, statePart(false)), partProfiler,
		functionsPart(keywords40, profiled, tablePart(true)),
	},
	"4.1": {
		partPartition, partPython, partBarrierOnly, partContext, partFiles, partIncludes,
		partBroadcasts, partEvalType, confPart(stateSchemaPart, statePart(true), tableOffsetsPart), partInputType, partProfiler,
		functionsPart(keywords41, profiled, tablePart(true)),
	},
	"4.2": {
		partPartition, partPython, contextJSONPart(sparkKeys42), partFiles, partIncludes,
		partBroadcasts, partEvalType, partRunnerConf, partEvalConf, functionsPart(every, always, tablePart(true)),
	},
	"4.3": {
		partPartition, partPython, contextJSONPart(sparkKeys43), partFiles, partIncludes,
		partBroadcasts, partEvalType, partRunnerConf, partEvalConf, functionsPart(every, always, tablePart(true)),
	},
}

// ParseInit reads the init section at the start of b and answers it with the bytes after it. Whatever it
// accepts AppendInitSection writes again as the same bytes. Bytes of no section of this dialect, or that Spark would have
// written otherwise, are a Protocol error naming the offset.
func (d *Dialect) ParseInit(b []byte) (*InitSection, []byte, error) {
	r, s := &sectionReader{all: b, b: b, minor: d.Minor}, &InitSection{}
	end := -1
	if d.Envelope {
		if code := r.int(); code != StartOfInit {
			r.fail("%d, wanted %d, the start of an init section", code, StartOfInit)
		}
		length := r.count(1)
		end = len(b) - len(r.b) + length
	}
	for _, p := range parts[d.Minor] {
		if r.err == nil {
			p.parse(r, s)
		}
	}
	at := len(b) - len(r.b)
	if end >= 0 && at != end {
		r.fail("an init section of %d bytes, its length says %d", at-8, end-8)
	}
	if r.err != nil {
		return nil, nil, r.err
	}
	again := d.AppendInitSection(nil, s)
	for i := range min(at, len(again)) {
		if again[i] != b[i] {
			return nil, nil, status.New(status.Protocol, "init section for PySpark %s: byte %#02x at %d, Spark writes %#02x",
				d.Minor, b[i], i, again[i])
		}
	}
	if len(again) != at {
		return nil, nil, status.New(status.Protocol, "init section for PySpark %s: %d bytes, Spark writes %d", d.Minor, at, len(again))
	}
	return s, r.b, nil
}

// AppendInitSection appends a section as AppendInit does, with what only InitSection has.
func (d *Dialect) AppendInitSection(b []byte, s *InitSection) []byte {
	start := len(b)
	if d.Envelope {
		b = appendInt(appendInt(b, StartOfInit), 0)
	}
	body := len(b)
	for i, p := range parts[d.Minor] {
		if p.append != nil {
			longer, done := p.append(b, s)
			if done {
				b = longer
				continue
			}
		}
		b = d.Fields[i](b, &s.Init)
	}
	if d.Envelope {
		putInt(b[start+4:], len(b)-body)
	}
	return b
}

// sectionReader takes values off the front of b; after the first error it answers zero values.
type sectionReader struct {
	all, b []byte
	minor  string
	err    error
}

func (r *sectionReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = status.New(status.Protocol, "init section for PySpark %s at byte %d: "+format,
			append([]any{r.minor, len(r.all) - len(r.b)}, args...)...)
	}
}

func (r *sectionReader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.b) {
		r.fail("%d bytes wanted, %d are left", n, len(r.b))
		return nil
	}
	taken := r.b[:n:n]
	r.b = r.b[n:]
	return taken
}

func (r *sectionReader) int() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *sectionReader) long() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *sectionReader) bool() bool {
	b := r.take(1)
	if b != nil && b[0] > 1 {
		r.fail("the flag %d, allowed are 0 and 1", b[0])
	}
	return b != nil && b[0] == 1
}

// count of things of at least size bytes each.
func (r *sectionReader) count(size int) int {
	n := int(r.int())
	if n < 0 || n > len(r.b)/size {
		r.fail("the count %d, allowed are 0 to %d", n, len(r.b)/size)
		return 0
	}
	return n
}

func (r *sectionReader) bytes() []byte { return bytes.Clone(r.take(r.count(1))) }
func (r *sectionReader) text() string  { return string(r.take(r.count(1))) }

func (r *sectionReader) ints() []int32 {
	list := make([]int32, r.count(4))
	for i := range list {
		list[i] = r.int()
	}
	return list
}

func (r *sectionReader) entries() []Entry {
	list := make([]Entry, r.count(8))
	for i := range list {
		list[i] = Entry{Key: r.text(), Value: r.text()}
	}
	return list
}

// server is a port, or -1 and a path; a port has a secret behind it where the protocol says so.
func (r *sectionReader) server(secret, paths bool) *Server {
	s := &Server{Port: r.int()}
	switch {
	case paths && s.Port == -1:
		s.Path = r.text()
	case secret:
		s.Secret = r.text()
	}
	return s
}

func (s *Server) appendTo(b []byte, secret, paths bool) []byte {
	b = appendInt(b, int(s.Port))
	switch {
	case paths && s.Port == -1:
		b = appendUTF(b, s.Path)
	case secret:
		b = appendUTF(b, s.Secret)
	}
	return b
}

func (r *sectionReader) arguments(flagged bool) []Argument {
	list := make([]Argument, r.count(4))
	for i := range list {
		list[i].Offset = r.int()
		if flagged && r.bool() {
			list[i].Name = r.text()
			if list[i].Name == "" {
				r.fail("a keyword without a name")
			}
		}
	}
	return list
}
