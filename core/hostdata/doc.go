// Package hostdata turns the Arrow data of a host into what Spark would have sent for it: the columns' types, and the
// arrays, in place where only a label changes and by conversion where values lie in another form.
//
// A Converter reads what a host made, and checks it before as core/arrowio does; a value that Spark's type cannot
// hold is an error that names its column and row, never another value. Its results lie in Go's memory as far as they
// are not borrowed.
//
// Nothing here blocks or starts a goroutine. Converters are not changed by their use.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package hostdata
