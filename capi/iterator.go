package main

// #include "internal.h"
import "C"

import (
	"unsafe"

	"udfrunner/core/cdata"
	"udfrunner/core/datasection"
	"udfrunner/core/handle"
	"udfrunner/core/runner"
	"udfrunner/core/status"
)

// remove takes a handle out of its table.
func remove[T any](table *handle.Table[T], id C.uint64_t) (T, error) {
	return table.Remove(handle.ID(id))
}

func onIterator(function string, id C.uint64_t, errOut unsafe.Pointer,
	f func(*runner.Iterator) (status.Code, error)) C.int32_t {
	return on(iterators, function, id, errOut, func(o *iteratorObject) (status.Code, error) { return f(o.it) })
}

//export udfgo_iterator_schema
func udfgo_iterator_schema(id C.uint64_t, schema, errOut unsafe.Pointer) C.int32_t {
	return on(iterators, "iterator_schema", id, errOut, func(o *iteratorObject) (status.Code, error) {
		if err := o.open(); err != nil {
			return 0, err
		}
		return status.OK, o.it.Schema((*cdata.Schema)(schema))
	})
}

//export udfgo_iterator_next
func udfgo_iterator_next(id C.uint64_t, timeoutMS C.int64_t, out, errOut unsafe.Pointer) C.int32_t {
	return onIterator("iterator_next", id, errOut, func(it *runner.Iterator) (status.Code, error) {
		var chunk datasection.Chunk
		code, err := it.Next(int64(timeoutMS), &chunk)
		if code == status.OK && err == nil {
			c := (*C.udfrunner_chunk)(out)
			c.data = (*C.uint8_t)(chunk.Data)
			c.size = C.uint64_t(chunk.Size)
			c.n = C.uint64_t(chunk.N)
			c.offsets = (*C.uint64_t)(chunk.Offsets)
			c.private_data = chunk.Block
		}
		return code, err
	})
}

//export udfgo_iterator_next_arrow
func udfgo_iterator_next_arrow(id C.uint64_t, timeoutMS C.int64_t, array, schema, errOut unsafe.Pointer) C.int32_t {
	return onIterator("iterator_next_arrow", id, errOut, func(it *runner.Iterator) (status.Code, error) {
		return it.NextArrow(int64(timeoutMS), (*cdata.Array)(array), (*cdata.Schema)(schema))
	})
}

//export udfgo_iterator_export
func udfgo_iterator_export(id C.uint64_t, stream, errOut unsafe.Pointer) C.int32_t {
	return on(iterators, "iterator_export", id, errOut, func(o *iteratorObject) (status.Code, error) {
		if err := o.open(); err != nil {
			return 0, err
		}
		if err := o.it.Export(); err != nil {
			return 0, err
		}
		exported, err := streams.Add(o)
		if err == nil && C.udfc_stream_fill((*C.struct_ArrowArrayStream)(stream),
			C.uint64_t(exported)) != C.UDFRUNNER_OK {
			_, _ = streams.Remove(exported)
			err = status.New(status.NoMemory, "an exported stream")
		}
		if err != nil {
			o.it.Close()
		}
		return status.OK, err
	})
}

//export udfgo_iterator_error
func udfgo_iterator_error(id C.uint64_t, errOut unsafe.Pointer) C.int32_t {
	return onIterator("iterator_error", id, errOut, func(it *runner.Iterator) (status.Code, error) {
		if err := it.Err(); err != nil {
			return 0, err
		}
		return status.OK, nil
	})
}

//export udfgo_iterator_event_fd
func udfgo_iterator_event_fd(id C.uint64_t, out, errOut unsafe.Pointer) C.int32_t {
	return on(iterators, "iterator_event_fd", id, errOut, func(o *iteratorObject) (status.Code, error) {
		if err := o.open(); err != nil {
			return 0, err
		}
		fd, err := o.it.EventFD()
		if err == nil {
			*(*C.int32_t)(out) = C.int32_t(fd)
		}
		return status.OK, err
	})
}

//export udfgo_iterator_result
func udfgo_iterator_result(id C.uint64_t, key, out, errOut unsafe.Pointer) C.int32_t {
	return onIterator("iterator_result", id, errOut, func(it *runner.Iterator) (status.Code, error) {
		result, err := it.Result(C.GoString((*C.char)(key)))
		if err != nil {
			return 0, err
		}
		return status.OK, fillBytes(out, result)
	})
}

//export udfgo_iterator_stack
func udfgo_iterator_stack(id C.uint64_t, timeoutMS C.int64_t, out, errOut unsafe.Pointer) C.int32_t {
	return onIterator("iterator_stack", id, errOut, func(it *runner.Iterator) (status.Code, error) {
		stack, code, err := it.Stack(milliseconds(int64(timeoutMS)))
		if err != nil || code != status.OK {
			return code, err
		}
		return status.OK, fillBytes(out, []byte(stack))
	})
}

//export udfgo_iterator_cancel
func udfgo_iterator_cancel(id C.uint64_t, why unsafe.Pointer) C.int32_t {
	return onIterator("iterator_cancel", id, nil, func(it *runner.Iterator) (status.Code, error) {
		it.Cancel(reason(why))
		return status.OK, nil
	})
}

//export udfgo_iterator_close
func udfgo_iterator_close(id C.uint64_t) C.int32_t {
	return guard("iterator_close", nil, func() (status.Code, error) {
		o, err := remove(iterators, id)
		if err == nil {
			o.it.Close()
		}
		return status.OK, err
	})
}

//export udfgo_stream_schema
func udfgo_stream_schema(id C.uint64_t, schema, errOut unsafe.Pointer) C.int32_t {
	return on(streams, "stream get_schema", id, errOut, func(o *iteratorObject) (status.Code, error) {
		return status.OK, o.it.Schema((*cdata.Schema)(schema))
	})
}

//export udfgo_stream_next
func udfgo_stream_next(id C.uint64_t, array, errOut unsafe.Pointer) C.int32_t {
	return on(streams, "stream get_next", id, errOut, func(o *iteratorObject) (status.Code, error) {
		return o.it.ExportNext((*cdata.Array)(array))
	})
}

// A stream that is released ends the task, also while the iterator's handle is still open.
//
//export udfgo_stream_release
func udfgo_stream_release(id C.uint64_t) C.int32_t {
	return guard("stream release", nil, func() (status.Code, error) {
		o, err := remove(streams, id)
		if err == nil {
			o.it.Cancel("the exported stream was released")
			o.it.Close()
		}
		return status.OK, err
	})
}
