// Package arrowio converts between Arrow C Data (structs and buffers in the
// host's memory, core/cdata) and the Arrow IPC stream format, for every Arrow
// type, in place: an Encoder hands out segments of the host's own
// buffers, a Decoder has bodies read straight into the block that is then exported.
// Where it is asked to, a Decoder converts columns to other Arrow types of the same Spark type, and copies
// what has to move only.
//
// Grouped data is cut where its first columns change (Cutter), and each group's rows are encoded as a slice of the
// batch (Encoder.Slice), in one stream or in a stream per group; or, where a group has to be one batch and lies in
// several, joined of copies (Encoder.Append, Encoder.Joined).
//
// Whatever comes from a worker or a host is checked before it is used or passed on: counts,
// lengths, buffer bounds, offsets, views, union type ids, dictionary indices and run ends.
// What stays unchecked: that text is UTF-8, and whether a host's buffers are as long as its
// lengths say.
//
// Nothing here blocks, starts a goroutine or is safe for concurrent use, but Schema, Field and
// Type, which are not changed once they are made.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package arrowio
