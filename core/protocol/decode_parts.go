package protocol

import "slices"

var (
	partPartition  = part{parse: func(r *sectionReader, s *InitSection) { s.Partition = r.int() }}
	partPython     = part{parse: func(r *sectionReader, s *InitSection) { s.PythonVersion = r.text() }}
	partFiles      = part{parse: func(r *sectionReader, s *InitSection) { s.FilesDir = r.text() }}
	partEvalType   = part{parse: func(r *sectionReader, s *InitSection) { s.EvalType = r.int() }}
	partRunnerConf = part{parse: func(r *sectionReader, s *InitSection) { s.RunnerConf = r.entries() }}
	partEvalConf   = part{parse: func(r *sectionReader, s *InitSection) { s.EvalConf = r.entries() }}
	partIncludes   = part{parse: func(r *sectionReader, s *InitSection) {
		s.Includes = make([]string, r.count(4))
		for i := range s.Includes {
			s.Includes[i] = r.text()
		}
	}}
	partBarrierAlways = part{parse: func(r *sectionReader, s *InitSection) {
		c := &s.Context
		c.Barrier, c.BarrierPort, c.Secret = r.bool(), r.int(), r.text()
	}}
	partContext = part{parse: func(r *sectionReader, s *InitSection) {
		c := &s.Context
		c.Stage, c.Partition, c.Attempt, c.TaskAttemptID, c.CPUs = r.int(), r.int(), r.int(), r.long(), r.int()
		c.Resources = make([]Resource, r.count(12))
		for i := range c.Resources {
			key := r.text()
			c.Resources[i].Name = r.text()
			if key != c.Resources[i].Name {
				r.fail("the resource %q under the key %q", c.Resources[i].Name, key)
			}
			c.Resources[i].Addresses = make([]string, r.count(4))
			for j := range c.Resources[i].Addresses {
				c.Resources[i].Addresses[j] = r.text()
			}
		}
		c.Properties = r.entries()
	}}
)

// partBarrierOnly: the address of a barrier may be a path from 4.1 on.
var partBarrierOnly = part{
	parse: func(r *sectionReader, s *InitSection) {
		c := &s.Context
		if c.Barrier = r.bool(); !c.Barrier {
			return
		}
		server := r.server(true, true)
		if server.Path != "" {
			s.BarrierServer = server
		}
		c.BarrierPort, c.Secret = server.Port, server.Secret
	},
	append: func(b []byte, s *InitSection) ([]byte, bool) {
		if s.BarrierServer == nil {
			return b, false
		}
		return s.BarrierServer.appendTo(appendBool(b, true), true, true), true
	},
}

var partBroadcasts = part{
	parse: func(r *sectionReader, s *InitSection) {
		served := r.bool()
		s.Broadcasts = make([]Broadcast, r.count(8))
		if served {
			s.BroadcastServer = r.server(true, hasSocketPaths(r.minor))
		}
		for i := range s.Broadcasts {
			v := &s.Broadcasts[i]
			v.ID = r.long()
			if v.ID < 0 {
				v.ID, v.Drop = -(v.ID + 1), true
			} else if !served {
				v.Path = r.text()
			}
		}
	},
	append: func(b []byte, s *InitSection) ([]byte, bool) {
		if s.BroadcastServer == nil {
			return b, false
		}
		b = appendInt(appendBool(b, true), len(s.Broadcasts))
		b = s.BroadcastServer.appendTo(b, true, s.BroadcastServer.Path != "")
		for _, v := range s.Broadcasts {
			if v.Drop {
				b = appendLong(b, -v.ID-1)
			} else {
				b = appendLong(b, v.ID)
			}
		}
		return b, true
	},
}

// hasSocketPaths: 4.1 brought Unix sockets (SPARK-52848).
func hasSocketPaths(minor string) bool {
	return slices.Index(Minors(), minor) >= slices.Index(Minors(), "4.1")
}

var partProfiler = part{parse: func(r *sectionReader, s *InitSection) {
	if hasProfiler(s.EvalType) && r.bool() {
		if s.Profiler = r.text(); s.Profiler == "" {
			r.fail("a profiler without a name")
		}
	}
}}

// partInputType: the Arrow UDTF has it too.
var partInputType = part{
	parse: func(r *sectionReader, s *InitSection) {
		if s.EvalType == 101 || s.EvalType == 301 {
			s.EvalConf = []Entry{{Key: "input_type", Value: r.text()}}
		}
	},
	append: func(b []byte, s *InitSection) ([]byte, bool) {
		if s.EvalType != 301 {
			return b, false
		}
		return inline("input_type")(b, &s.Init), true
	},
}

// confPart reads the runner conf before 4.2 and what follows it for some eval types.
func confPart(behind ...part) part {
	return part{
		parse: func(r *sectionReader, s *InitSection) {
			if !hasConf(s.EvalType) {
				return
			}
			s.RunnerConf = r.entries()
			for _, p := range behind {
				p.parse(r, s)
			}
		},
		append: func(b []byte, s *InitSection) ([]byte, bool) {
			if !hasConf(s.EvalType) {
				return b, false
			}
			b = runnerConf(b, &s.Init)
			for _, p := range behind {
				b, _ = p.append(b, s)
			}
			return b, true
		},
	}
}

var stateSchemaPart = part{
	parse: func(r *sectionReader, s *InitSection) {
		if s.EvalType == 208 {
			s.StateSchema = r.text()
		}
	},
	append: func(b []byte, s *InitSection) ([]byte, bool) {
		if s.EvalType != 208 {
			return b, false
		}
		return appendUTF(b, s.StateSchema), true
	},
}

var withStateServer = oneOf(211, 212, 213, 214)

func statePart(paths bool) part {
	return part{
		parse: func(r *sectionReader, s *InitSection) {
			if withStateServer(s.EvalType) {
				s.StateServer, s.KeySchema = r.server(false, paths), r.text()
			}
		},
		append: func(b []byte, s *InitSection) ([]byte, bool) {
			if s.StateServer == nil {
				return b, false
			}
			return appendUTF(s.StateServer.appendTo(b, false, paths), s.KeySchema), true
		},
	}
}

var tableOffsetsPart = part{
	parse: func(r *sectionReader, s *InitSection) {
		if s.EvalType == 302 {
			s.TableOffsets = r.ints()
		}
	},
	append: func(b []byte, s *InitSection) ([]byte, bool) {
		if s.EvalType != 302 {
			return b, false
		}
		return appendInts(b, s.TableOffsets), true
	},
}

func appendInts(b []byte, list []int32) []byte {
	b = appendInt(b, len(list))
	for _, v := range list {
		b = appendInt(b, int(v))
	}
	return b
}

// functionsPart reads chains, the command of an RDD task, or a table function.
func functionsPart(keywords evalTypeSet, hasID func(*Init) bool, table part) part {
	return part{
		parse: func(r *sectionReader, s *InitSection) {
			switch {
			case s.EvalType == 0:
				s.Command = r.bytes()
				return
			case tableFunctions(s.EvalType):
				table.parse(r, s)
				return
			}
			s.Chains = make([]Chain, r.count(8))
			for i := range s.Chains {
				c := &s.Chains[i]
				c.Arguments = r.arguments(keywords(s.EvalType))
				c.Commands = make([][]byte, r.count(4))
				for j := range c.Commands {
					c.Commands[j] = r.bytes()
				}
				if hasID(&s.Init) {
					c.ResultID = r.long()
				}
			}
		},
		append: func(b []byte, s *InitSection) ([]byte, bool) {
			if s.EvalType == 0 {
				return appendBytes(b, s.Command), true
			}
			return table.append(b, s)
		},
	}
}

// tablePart is the table function; full is its form from 4.0 on.
func tablePart(full bool) part {
	return part{
		parse: func(r *sectionReader, s *InitSection) {
			f := &TableFunction{Arguments: r.arguments(full)}
			if full {
				f.PartitionChildren = r.ints()
				if r.bool() {
					f.Analyzed = append([]byte{}, r.bytes()...)
				}
			}
			f.Handler, f.ReturnType = r.bytes(), r.text()
			if full {
				f.Name = r.text()
			}
			s.TableFunction = f
		},
		append: func(b []byte, s *InitSection) ([]byte, bool) {
			f := s.TableFunction
			if f == nil {
				return b, false
			}
			b = appendInt(b, len(f.Arguments))
			for _, a := range f.Arguments {
				b = appendInt(b, int(a.Offset))
				if full {
					b = appendBool(b, a.Name != "")
					if a.Name != "" {
						b = appendUTF(b, a.Name)
					}
				}
			}
			if full {
				b = appendBool(appendInts(b, f.PartitionChildren), f.Analyzed != nil)
				if f.Analyzed != nil {
					b = appendBytes(b, f.Analyzed)
				}
			}
			b = appendUTF(appendBytes(b, f.Handler), f.ReturnType)
			if full {
				b = appendUTF(b, f.Name)
			}
			return b, true
		},
	}
}
