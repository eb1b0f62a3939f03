package runner

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/config"
)

// Function is a Python function: Pickle or Reference.
type Function struct {
	// Pickle is what Spark's PythonFunction.command holds: the pickled (function, return type), of RDD functions the
	// pickled (function, profiler, deserializer, serializer), of table functions the pickled class.
	Pickle []byte
	// Reference is "module:qualname", imported in the worker.
	Reference string
	// ReturnType is Spark DDL or JSON. It or ReturnField is needed of the last function of a chain. Results of any
	// Arrow type that stands for the Spark type are taken, and converted to the one that Spark makes of it.
	ReturnType string
	// ReturnField is the return type as Arrow's, which results must have exactly.
	ReturnField *arrowio.Field
	// Table is what a table function has beside its class, nil for other functions.
	Table *TableFunction
}

// TableFunction is what a UDTF has beside its handler class (Spark's PythonUDTF).
type TableFunction struct {
	// Name is for messages of the worker, from PySpark 4.0 on.
	Name string
	// PartitionChildren are the partitioning columns of its table argument, as indexes of that table's columns.
	PartitionChildren []int32
	// AnalyzeResult is the pickled AnalyzeResult of a class with an analyze method, else nil.
	AnalyzeResult []byte
	// TableArguments are the offsets of arguments that are tables, for eval type 302.
	TableArguments []int32
}

// Argument is the input column at Offset, passed by keyword where Name is set.
type Argument struct {
	Offset int32
	Name   string
}

// Options are what a runner may be given beside its functions.
type Options struct {
	// Config overrides the env's; nil means the env's.
	Config     *config.Config
	Includes   []string
	Broadcasts []Broadcast
}
