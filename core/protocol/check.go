package protocol

import (
	"strings"

	"udfrunner/core/pyspark"
	"udfrunner/core/status"
)

// feature is a part of Init that older versions cannot be told.
type feature struct {
	name  string
	since pyspark.Minor
	used  func(*Init) bool
}

var features = []feature{
	{"a UDF profiler", pyspark.V40, func(in *Init) bool { return in.Profiler != "" }},
	{"partition columns of a table function", pyspark.V40, func(in *Init) bool {
		return in.TableFunction != nil && len(in.TableFunction.PartitionChildren) > 0
	}},
	{"the analyze result of a table function", pyspark.V40, func(in *Init) bool {
		return in.TableFunction != nil && in.TableFunction.Analyzed != nil
	}},
	{"a broadcast server with a Unix socket", pyspark.V41, func(in *Init) bool {
		return in.BroadcastServer != nil && in.BroadcastServer.Path != ""
	}},
	{"a barrier server with a Unix socket", pyspark.V41, func(in *Init) bool { return in.Context.BarrierPath != "" }},
	{"a state server with a Unix socket", pyspark.V41,
		func(in *Init) bool { return strings.HasPrefix(in.conf(EvalConfStateServer), "/") }},
}

// Check says whether workers of this minor can be told such a task: InvalidArgument for an eval type that PySpark has
// not or a bad entry of EvalConf, NotSupported, naming what is needed, where they lack the eval type, keyword arguments
// or another feature. Only what is set in Init is looked at, so that it may be called before all of it is known.
func (d *Dialect) Check(in *Init) error {
	e, err := EvalTypeByID(in.EvalType)
	if err != nil {
		return err
	}
	if d.release < e.since {
		return status.New(status.NotSupported, "eval type %d (%s) needs PySpark %s, the worker has %s", e.ID, e.Name,
			e.Since(), d.Minor)
	}
	for i := range features {
		if f := &features[i]; d.release < f.since && f.used(in) {
			return status.New(status.NotSupported, "%s needs PySpark %s, the worker of eval type %d (%s) has %s",
				f.name, f.since, e.ID, e.Name, d.Minor)
		}
	}
	for i := range in.Chains {
		if err := d.checkKeywords(e, in.Chains[i].Arguments); err != nil {
			return err
		}
	}
	if in.TableFunction != nil {
		if err := d.checkKeywords(e, in.TableFunction.Arguments); err != nil {
			return err
		}
	}
	return d.checkEvalConf(in.EvalConf)
}

func (d *Dialect) checkKeywords(e *EvalType, arguments []Argument) error {
	for _, a := range arguments {
		switch {
		case a.Name == "":
		case !e.Keywords:
			return status.New(status.NotSupported,
				"keyword argument %q: eval type %d (%s) takes none in any version of PySpark, the worker has %s",
				a.Name, e.ID, e.Name, d.Minor)
		case !e.flagged(d.release):
			return status.New(status.NotSupported,
				"keyword argument %q: eval type %d (%s) of PySpark %s takes none, PySpark %s is needed",
				a.Name, e.ID, e.Name, d.Minor, e.keywordFlag)
		}
	}
	return nil
}

// checkEvalConf looks at the entries that are no texts for the worker: it would end with a ValueError, or a version
// before 4.2 could not be sent them.
func (d *Dialect) checkEvalConf(entries []Entry) error {
	for _, entry := range entries {
		switch entry.Key {
		case EvalConfStateServer:
			if _, isPort := portOf(entry.Value); !isPort && !strings.HasPrefix(entry.Value, "/") {
				return status.New(status.InvalidArgument,
					"eval conf %s %q, must be a port from 0 to 65535 or an absolute path", entry.Key, entry.Value)
			}
			if d.release >= pyspark.V42 && strings.ToLower(entry.Value) != entry.Value {
				return status.New(status.NotSupported,
					"eval conf %s %q has capital letters, which workers of PySpark %s make small",
					entry.Key, entry.Value, d.Minor)
			}
		case EvalConfTableArguments:
			if _, ok := offsetsOf(entry.Value); !ok {
				return status.New(status.InvalidArgument, `eval conf %s %q, must be offsets from 0 on, as "0,2"`,
					entry.Key, entry.Value)
			}
		}
	}
	return nil
}
