package runner

import (
	"fmt"

	"udfrunner/core/arrowio"
	"udfrunner/core/config"
	"udfrunner/core/hostdata"
	"udfrunner/core/protocol"
)

// rules say what workers of a dialect get for a host's columns.
func (b *base) rules(d *protocol.Dialect) *hostdata.Rules {
	return &hostdata.Rules{
		Function:  fmt.Sprintf("eval type %d (%s)", b.evalType.ID, b.evalType.Name),
		SeesArrow: b.evalType.Sight == protocol.SeesArrow, SeesObjects: b.evalType.Sight == protocol.SeesObjects,
		Minor: d.Minor, PyArrow: b.pyArrow(),
		TimeZone: b.conf.Text(config.SessionTimeZone), LargeVarTypes: b.conf.Bool(config.ArrowLargeVarTypes),
	}
}

// pyArrow is the version that the runner's workers have, "" where that is not known.
func (b *base) pyArrow() string {
	if f := b.cache.factory.Load(); f != nil {
		if _, info, _ := (*f).State(); info != nil {
			return info.PyArrow
		}
	}
	return ""
}

// spark is a host's batches as Spark would have sent them, and their schema: the source itself where no byte has to move.
func (b *inputBase) spark(d *protocol.Dialect, source batches) (batches, *arrowio.Schema, error) {
	host, err := source.schema()
	if err != nil {
		return nil, nil, err
	}
	schema, converter, err := b.converter(d, host)
	if err == nil && converter != nil {
		source = &convertedBatches{source, converted(source.arrays(), converter)}
	}
	return source, schema, err
}

// converter is what makes Spark's columns of a host's, nil where no byte has to move.
func (b *inputBase) converter(d *protocol.Dialect, host *arrowio.Schema) (*arrowio.Schema, *hostdata.Converter, error) {
	schema, err := b.runner.rules(d).Schema(host)
	if err != nil || schema == host {
		return schema, nil, err
	}
	converter, err := hostdata.NewConverter(host.Fields, schema.Fields)
	return schema, converter, err
}
