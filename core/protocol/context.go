package protocol

// The task context and the barrier server before 4.2, field by field (BasePythonRunner.WriterThread).

var context = field{
	append: func(b []byte, in *Init) []byte {
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
	},
	parse: func(r *sectionReader, in *Init) {
		c := &in.Context
		c.Stage, c.Partition, c.Attempt, c.TaskAttemptID, c.CPUs = r.int(), r.int(), r.int(), r.long(), r.int()
		c.Resources = make([]Resource, r.count(12))
		for i := range c.Resources {
			resource := &c.Resources[i]
			key := r.text()
			if resource.Name = r.text(); key != resource.Name {
				r.fail("the resource %q under the key %q", resource.Name, key)
			}
			resource.Addresses = make([]string, r.count(4))
			for j := range resource.Addresses {
				resource.Addresses[j] = r.text()
			}
		}
		c.Properties = r.entries()
	},
}

// barrierAlways sends port and secret also where there are none, up to 4.0; barrierOnly does not.
var barrierAlways = field{
	append: func(b []byte, in *Init) []byte {
		b = appendBool(b, in.Context.Barrier)
		return appendUTF(appendInt(b, int(in.Context.BarrierPort)), in.Context.Secret)
	},
	parse: func(r *sectionReader, in *Init) {
		c := &in.Context
		c.Barrier, c.BarrierPort, c.Secret = r.bool(), r.int(), r.text()
	},
}

var barrierOnly = field{
	append: func(b []byte, in *Init) []byte {
		c := &in.Context
		b = appendBool(b, c.Barrier)
		if !c.Barrier {
			return b
		}
		return appendServer(b, &Server{Port: c.BarrierPort, Secret: c.Secret, Path: c.BarrierPath}, true)
	},
	parse: func(r *sectionReader, in *Init) {
		c := &in.Context
		if c.Barrier = r.bool(); c.Barrier {
			server := r.server(true)
			c.BarrierPort, c.Secret, c.BarrierPath = server.Port, server.Secret, server.Path
		}
	},
}
