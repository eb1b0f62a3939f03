package datasection

import (
	"fmt"

	"udfrunner/core/arrowio"
	"udfrunner/core/config"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostdata"
	"udfrunner/core/protocol"
)

// rules say what workers of a dialect get for a host's columns.
func (f *Functions) rules(d *protocol.Dialect) *hostdata.Rules {
	return &hostdata.Rules{
		Function:  fmt.Sprintf("eval type %d (%s)", f.EvalType.ID, f.EvalType.Name),
		SeesArrow: f.EvalType.Sight == protocol.SeesArrow, SeesObjects: f.EvalType.Sight == protocol.SeesObjects,
		Minor: d.Minor, PyArrow: f.PyArrow(),
		TimeZone: f.Conf.Text(config.SessionTimeZone), LargeVarTypes: f.Conf.Bool(config.ArrowLargeVarTypes),
	}
}

// newBatches are those of an input.
func (f *Functions) newBatches(in *hostcall.Input) (batches, error) {
	switch in.Kind {
	case hostcall.Streams:
		return &streamBatches{mem: f.Memory}, nil
	case hostcall.Records:
		return newMessageBatches(f.Memory), nil
	}
	return nil, f.wrongKind(in, "STREAM (1) and RECORDS (2)")
}

// spark is a host's batches as Spark would have sent them, and their schema: the source itself where no byte has to
// move.
func (f *Functions) spark(d *protocol.Dialect, source batches) (batches, *arrowio.Schema, error) {
	host, err := source.schema()
	if err != nil {
		return nil, nil, err
	}
	schema, converter, err := f.converter(d, host)
	if err == nil && converter != nil {
		source = &convertedBatches{source, converted(source.arrays(), converter)}
	}
	return source, schema, err
}

// converter is what makes Spark's columns of a host's, nil where no byte has to move.
func (f *Functions) converter(d *protocol.Dialect, host *arrowio.Schema) (*arrowio.Schema, *hostdata.Converter, error) {
	schema, err := f.rules(d).Schema(host)
	if err != nil || schema == host {
		return schema, nil, err
	}
	converter, err := hostdata.NewConverter(host.Fields, schema.Fields)
	return schema, converter, err
}
