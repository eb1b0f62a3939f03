package protocol

// field is one field of the init section: how it is written and how it is read.
type field struct {
	append func(b []byte, in *Init) []byte
	parse  func(r *sectionReader, in *Init)
}

// evalTypeSet says which eval types something holds for.
type evalTypeSet func(*EvalType) bool

// intField, textField and entriesField are fields that hold one value of Init.
func intField(of func(*Init) *int32) field {
	return field{
		append: func(b []byte, in *Init) []byte { return appendInt(b, int(*of(in))) },
		parse:  func(r *sectionReader, in *Init) { *of(in) = r.int() },
	}
}

func textField(of func(*Init) *string) field {
	return field{
		append: func(b []byte, in *Init) []byte { return appendUTF(b, *of(in)) },
		parse:  func(r *sectionReader, in *Init) { *of(in) = r.text() },
	}
}

func entriesField(of func(*Init) *[]Entry) field {
	return field{
		append: func(b []byte, in *Init) []byte { return appendEntries(b, *of(in)) },
		parse:  func(r *sectionReader, in *Init) { *of(in) = r.entries() },
	}
}

var (
	partition      = intField(func(in *Init) *int32 { return &in.Partition })
	pythonVersion  = textField(func(in *Init) *string { return &in.PythonVersion })
	filesDirectory = textField(func(in *Init) *string { return &in.FilesDir })
	evalType       = intField(func(in *Init) *int32 { return &in.EvalType })
	runnerConf     = entriesField(func(in *Init) *[]Entry { return &in.RunnerConf })
	evalConf       = entriesField(func(in *Init) *[]Entry { return &in.EvalConf })
)

var includes = field{
	append: func(b []byte, in *Init) []byte {
		b = appendInt(b, len(in.Includes))
		for _, include := range in.Includes {
			b = appendUTF(b, include)
		}
		return b
	},
	parse: func(r *sectionReader, in *Init) {
		in.Includes = make([]string, r.count(4))
		for i := range in.Includes {
			in.Includes[i] = r.text()
		}
	},
}

// only is a field of some eval types.
func only(set evalTypeSet, f field) field {
	return field{
		append: func(b []byte, in *Init) []byte {
			if set(row(in.EvalType)) {
				return f.append(b, in)
			}
			return b
		},
		parse: func(r *sectionReader, in *Init) {
			if set(row(in.EvalType)) {
				f.parse(r, in)
			}
		},
	}
}

// broadcasts; a dropped one is its id's negative minus one (PythonWorkerUtils.writeBroadcasts). paths says that
// the server's address may be one.
func broadcasts(paths bool) field {
	return field{
		append: func(b []byte, in *Init) []byte {
			server := in.BroadcastServer
			b = appendBool(b, server != nil)
			b = appendInt(b, len(in.Broadcasts))
			if server != nil {
				b = appendServer(b, server, paths)
			}
			for _, v := range in.Broadcasts {
				switch {
				case v.Drop:
					b = appendLong(b, -v.ID-1)
				case server != nil:
					b = appendLong(b, v.ID)
				default:
					b = appendUTF(appendLong(b, v.ID), v.Path)
				}
			}
			return b
		},
		parse: func(r *sectionReader, in *Init) {
			served := r.bool()
			in.Broadcasts = make([]Broadcast, r.count(8))
			if served {
				in.BroadcastServer = r.server(paths)
			}
			for i := range in.Broadcasts {
				v := &in.Broadcasts[i]
				v.ID = r.long()
				if v.ID < 0 {
					v.ID, v.Drop = -(v.ID + 1), true
				} else if !served {
					v.Path = r.text()
				}
			}
		},
	}
}

// noPort stands in front of a path.
const noPort = -1

func appendServer(b []byte, s *Server, paths bool) []byte {
	if paths && s.Path != "" {
		return appendUTF(appendInt(b, noPort), s.Path)
	}
	return appendUTF(appendInt(b, int(s.Port)), s.Secret)
}

func (r *sectionReader) server(paths bool) *Server {
	s := &Server{Port: r.int()}
	if paths && s.Port == noPort {
		return &Server{Path: r.text()}
	}
	s.Secret = r.text()
	return s
}

// profiler of 4.0 and 4.1 (PythonUDFRunner.writeUDFs).
var profiler = field{
	append: func(b []byte, in *Init) []byte {
		b = appendBool(b, in.Profiler != "")
		if in.Profiler != "" {
			b = appendUTF(b, in.Profiler)
		}
		return b
	},
	parse: func(r *sectionReader, in *Init) {
		if r.bool() {
			if in.Profiler = r.text(); in.Profiler == "" {
				r.fail("a profiler without a name")
			}
		}
	},
}
