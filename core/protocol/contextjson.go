package protocol

import (
	"encoding/json"
	"strconv"
)

// contextMember is a member of the JSON object that the task context is from 4.2 on: how its value is written and read.
type contextMember struct {
	name   string
	append func(b []byte, c *Context) []byte
	parse  func(value json.RawMessage, c *Context) error
}

// The members stand in the order of a Scala hash map of their names (PythonWorkerUtils.writeTaskContext), as
// recorded; cpuAmount, new in 4.3, moves taskAttemptId in that map.
var (
	contextMembers42 = []contextMember{
		secretMember, taskAttemptID, stageID, isBarrier, partitionID, connInfo, attemptNumber, localProperties,
		resources, cpus,
	}
	contextMembers43 = []contextMember{
		secretMember, stageID, isBarrier, partitionID, connInfo, attemptNumber, localProperties, cpuAmount,
		taskAttemptID, resources, cpus,
	}
)

// number is a member that is an integer.
func number[T int32 | int64](name string, of func(*Context) *T) contextMember {
	return contextMember{
		name:   name,
		append: func(b []byte, c *Context) []byte { return strconv.AppendInt(b, int64(*of(c)), 10) },
		parse:  func(value json.RawMessage, c *Context) error { return json.Unmarshal(value, of(c)) },
	}
}

var (
	stageID       = number("stageId", func(c *Context) *int32 { return &c.Stage })
	partitionID   = number("partitionId", func(c *Context) *int32 { return &c.Partition })
	attemptNumber = number("attemptNumber", func(c *Context) *int32 { return &c.Attempt })
	taskAttemptID = number("taskAttemptId", func(c *Context) *int64 { return &c.TaskAttemptID })
	cpus          = number("cpus", func(c *Context) *int32 { return &c.CPUs })

	isBarrier = contextMember{
		"isBarrier",
		func(b []byte, c *Context) []byte { return strconv.AppendBool(b, c.Barrier) },
		func(value json.RawMessage, c *Context) error { return json.Unmarshal(value, &c.Barrier) },
	}
	// secret is null where the barrier server has a path.
	secretMember = contextMember{
		"secret",
		func(b []byte, c *Context) []byte {
			if c.BarrierPath != "" {
				return append(b, "null"...)
			}
			return appendSparkJSON(b, c.Secret)
		},
		func(value json.RawMessage, c *Context) error { return json.Unmarshal(value, &c.Secret) },
	}
	// connInfo is a path, else the port in a barrier stage and -1 in others. isBarrier stands in front of it.
	connInfo = contextMember{
		"connInfo",
		func(b []byte, c *Context) []byte {
			switch {
			case c.BarrierPath != "":
				return appendSparkJSON(b, c.BarrierPath)
			case c.Barrier:
				return strconv.AppendInt(b, int64(c.BarrierPort), 10)
			}
			return strconv.AppendInt(b, noPort, 10)
		},
		func(value json.RawMessage, c *Context) error {
			switch {
			case len(value) > 0 && value[0] == '"':
				return json.Unmarshal(value, &c.BarrierPath)
			case c.Barrier:
				return json.Unmarshal(value, &c.BarrierPort)
			}
			return nil
		},
	}
	// cpuAmount is a text.
	cpuAmount = contextMember{
		"cpuAmount",
		func(b []byte, c *Context) []byte {
			if c.CPUAmount != "" {
				return appendSparkJSON(b, c.CPUAmount)
			}
			return append(strconv.AppendInt(append(b, '"'), int64(c.CPUs), 10), '"')
		},
		func(value json.RawMessage, c *Context) error { return json.Unmarshal(value, &c.CPUAmount) },
	}
	localProperties = contextMember{"localProperties", appendProperties, parseProperties}
	resources       = contextMember{"resources", appendResources, parseResources}
)

// contextJSON is the task context as a JSON object.
func contextJSON(members []contextMember) field {
	return field{
		append: func(b []byte, in *Init) []byte {
			start := len(b)
			b = appendInt(b, 0)
			for i := range members {
				b = append(b, "{,"[min(i, 1)])
				b = append(appendSparkJSON(b, members[i].name), ':')
				b = members[i].append(b, &in.Context)
			}
			b = append(b, '}')
			putInt(b[start:], len(b)-start-4)
			return b
		},
		parse: func(r *sectionReader, in *Init) {
			text := r.take(r.count(1))
			if r.err != nil {
				return
			}
			object, err := membersOf(text)
			if err != nil {
				r.fail("the task context %q: %s", text, err)
				return
			}
			for i := range members {
				for _, m := range object {
					if m.name != members[i].name {
						continue
					}
					if err := members[i].parse(m.value, &in.Context); err != nil {
						r.fail("%s of the task context: %s", m.name, err)
					}
				}
			}
		},
	}
}

func appendResources(b []byte, c *Context) []byte {
	b = append(b, '{')
	for i, r := range c.Resources {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendSparkJSON(b, r.Name), `:{"name":`...)
		b = append(appendSparkJSON(b, r.Name), `,"addresses":[`...)
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

func parseResources(value json.RawMessage, c *Context) error {
	list, err := membersOf(value)
	if err != nil {
		return err
	}
	c.Resources = make([]Resource, len(list))
	for i, m := range list {
		c.Resources[i].Name = m.name
		inside, err := membersOf(m.value)
		if err != nil {
			return err
		}
		for _, v := range inside {
			if v.name == "addresses" {
				if err := json.Unmarshal(v.value, &c.Resources[i].Addresses); err != nil {
					return err
				}
			}
		}
	}
	return nil
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

func parseProperties(value json.RawMessage, c *Context) error {
	list, err := membersOf(value)
	if err != nil {
		return err
	}
	c.Properties = make([]Entry, len(list))
	for i, m := range list {
		c.Properties[i].Key = m.name
		if err := json.Unmarshal(m.value, &c.Properties[i].Value); err != nil {
			return err
		}
	}
	return nil
}
