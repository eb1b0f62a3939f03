package env

import (
	"unsafe"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/command"
	"udfrunner/core/config"
	"udfrunner/core/protocol"
	"udfrunner/core/worker"
)

// warmTask is a task that a zygote runs once before it forks: it saves workers what pandas, PyArrow and PySpark
// do at first use.
type warmTask struct {
	evalType  int32
	reference string
	arguments int    // how often it gets the column
	result    string // Spark type, as JSON
	wrap      bool
	pandas    bool
}

var warmTasks = []warmTask{
	{evalType: protocol.SQLScalarArrowUDF, reference: "pyarrow.compute:negate", arguments: 1, result: `"long"`},
	{
		evalType: protocol.SQLMapArrowIterUDF, reference: "builtins:iter", arguments: 1, wrap: true,
		result: `{"type":"struct","fields":[]}`,
	},
	{evalType: protocol.SQLScalarPandasUDF, reference: "operator:add", arguments: 2, result: `"long"`, pandas: true},
	{
		evalType: protocol.SQLMapPandasIterUDF, reference: "builtins:iter", arguments: 1, wrap: true, pandas: true,
		result: `{"type":"struct","fields":[{"name":"_0","type":"long","nullable":true,"metadata":{}}]}`,
	},
}

// warmInputs are whole input streams of small tasks in a dialect, for an interpreter with these packages.
func warmInputs(dialect *protocol.Dialect, info worker.Info) [][]byte {
	if info.PyArrow == "" {
		return nil
	}
	conf, err := config.New(nil, "LANG=C")
	if err != nil { // no pairs, nothing to refuse
		return nil
	}
	var inputs [][]byte
	for _, t := range warmTasks {
		if dialect.Check(&protocol.Init{EvalType: t.evalType}) != nil || t.pandas && info.Pandas == "" {
			continue
		}
		if input, err := t.input(dialect, info.PythonMinor(), conf); err == nil {
			inputs = append(inputs, input)
		}
	}
	return inputs
}

func (t *warmTask) input(dialect *protocol.Dialect, pythonVersion string, conf *config.Config) ([]byte, error) {
	pickle, err := command.Reference(t.reference, t.evalType, t.result)
	if err != nil {
		return nil, err
	}
	init := &protocol.Init{
		PythonVersion: pythonVersion, Context: protocol.Context{CPUs: 1}, EvalType: t.evalType,
		Chains: []protocol.Chain{{Arguments: make([]protocol.Argument, t.arguments), Commands: [][]byte{pickle}}},
	}
	for _, p := range conf.RunnerConf(dialect.Minor, false) {
		init.RunnerConf = append(init.RunnerConf, protocol.Entry{Key: p.Key, Value: p.Value})
	}
	field := arrowio.Field{Name: "_0", Type: &arrowio.Type{ID: arrowio.Int64}, Nullable: true}
	schema := &arrowio.Schema{Fields: []arrowio.Field{field}}
	encoder, err := arrowio.NewEncoder(schema, arrowio.EncoderOptions{WrapStruct: t.wrap})
	if err != nil {
		return nil, err
	}
	input := append(dialect.AppendInit(nil, init), encoder.Start()...)
	messages, err := encoder.Array(warmBatch())
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		input = append(input, m.Header...)
		for _, segment := range m.Body {
			input = append(input, segment...)
		}
	}
	input = append(input, arrowio.EndOfStream...)
	return append(input, protocol.EndOfTask...), nil
}

// warmValues are the rows of the tasks.
var warmValues = [3]int64{1, 2, 3}

// warmBatch is a batch of one column of these numbers. It is read by Go only.
func warmBatch() *cdata.Array {
	const live = 1 // any function pointer but NULL: nothing calls it
	values := warmValues
	buffers := [2]unsafe.Pointer{nil, unsafe.Pointer(&values)}
	column := &cdata.Array{Length: 3, NBuffers: 2, Buffers: &buffers[0], Release: live}
	children, noNulls := [1]*cdata.Array{column}, [1]unsafe.Pointer{}
	return &cdata.Array{
		Length: 3, NBuffers: 1, Buffers: &noNulls[0], NChildren: 1, Children: &children[0], Release: live,
	}
}
