package main

// #include <string.h>
//
// #include "internal.h"
import "C"

import (
	"bytes"
	"math"
	"unicode/utf8"
	"unsafe"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/cstruct"
	"udfrunner/core/hostcall"
	"udfrunner/core/runner"
	"udfrunner/core/status"
)

const (
	nul = ^uint64(0) // UDFRUNNER_NUL
	// maxCount bounds the arrays of a call: beyond it a count is garbage, not a wish.
	maxCount = 1 << 20
)

// layouts of the structs that begin with their size. What version 1.0 has ends with the named member; members are only
// appended behind it.
var (
	functionLayout = cstruct.Layout{
		Name:  "udfrunner_function",
		First: unsafe.Offsetof(C.udfrunner_function{}.table) + unsafe.Sizeof(C.udfrunner_function{}.table),
		Size:  unsafe.Sizeof(C.udfrunner_function{}),
	}
	tableFunctionLayout = cstruct.Layout{
		Name: "udfrunner_table_function",
		First: unsafe.Offsetof(C.udfrunner_table_function{}.n_table_arguments) +
			unsafe.Sizeof(C.udfrunner_table_function{}.n_table_arguments),
		Size: unsafe.Sizeof(C.udfrunner_table_function{}),
	}
	inputLayout = cstruct.Layout{
		Name:  "udfrunner_input",
		First: unsafe.Offsetof(C.udfrunner_input{}.ctx) + unsafe.Sizeof(C.udfrunner_input{}.ctx),
		Size:  unsafe.Sizeof(C.udfrunner_input{}),
	}
	taskLayout = cstruct.Layout{
		Name: "udfrunner_task",
		First: unsafe.Offsetof(C.udfrunner_task{}.barrier_path_size) +
			unsafe.Sizeof(C.udfrunner_task{}.barrier_path_size),
		Size: unsafe.Sizeof(C.udfrunner_task{}),
	}
)

// rawBytes copies bytes of the host; ok is false for NULL with size 0, which stands for nothing given.
func rawBytes(what string, p unsafe.Pointer, size uint64) (data []byte, ok bool, err error) {
	switch {
	case p == nil && size == 0:
		return nil, false, nil
	case p == nil:
		return nil, false, status.New(status.InvalidArgument, "%s is NULL, its size is not 0", what)
	case size == nul:
		n := uint64(C.strlen((*C.char)(p)))
		return bytes.Clone(unsafe.Slice((*byte)(p), n)), true, nil
	case size > math.MaxInt32:
		return nil, false, status.New(status.InvalidArgument, "%s has %d bytes, at most %d are allowed", what, size,
			math.MaxInt32)
	}
	return bytes.Clone(unsafe.Slice((*byte)(p), size)), true, nil
}

// text copies UTF-8 of the host; NULL with size 0 is "".
func text(what string, p unsafe.Pointer, size uint64) (string, error) {
	data, _, err := rawBytes(what, p, size)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(data) {
		return "", status.New(status.InvalidArgument, "%s %q is not UTF-8", what, data)
	}
	return string(data), nil
}

// optionalText is text for a pointer that may be NULL whatever the size says.
func optionalText(what string, p unsafe.Pointer, size uint64) (string, error) {
	if p == nil {
		size = 0
	}
	return text(what, p, size)
}

// reason is the NUL-terminated text of a cancel.
func reason(p unsafe.Pointer) string {
	if p == nil {
		return ""
	}
	return C.GoString((*C.char)(p))
}

func count(what string, n uint64) (int, error) {
	if n > maxCount {
		return 0, status.New(status.InvalidArgument, "%d %s, at most %d are allowed", n, what, maxCount)
	}
	return int(n), nil
}

// environment copies libc's environ.
func environment(p unsafe.Pointer) []string {
	var all []string
	entry := (**C.char)(p)
	for entry != nil && *entry != nil {
		all = append(all, C.GoString(*entry))
		entry = (**C.char)(unsafe.Add(unsafe.Pointer(entry), unsafe.Sizeof(*entry)))
	}
	return all
}

func pairsOf(what string, p unsafe.Pointer, n uint64) ([]config.Pair, error) {
	length, err := count(what+"s", n)
	if err != nil || length == 0 {
		return nil, err
	}
	if p == nil {
		return nil, status.New(status.InvalidArgument, "%ss are NULL, their number is %d", what, n)
	}
	pairs := make([]config.Pair, length)
	for i := range pairs {
		c := (*C.udfrunner_pair)(unsafe.Add(p, uintptr(i)*unsafe.Sizeof(C.udfrunner_pair{})))
		if c.key == nil {
			return nil, status.New(status.InvalidArgument, "%s %d: key is NULL", what, i)
		}
		if pairs[i].Key, err = text(what+" key", unsafe.Pointer(c.key), uint64(c.key_size)); err != nil {
			return nil, err
		}
		pairs[i].Value, err = text("value of "+pairs[i].Key, unsafe.Pointer(c.value), uint64(c.value_size))
		if err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

func chainOf(p unsafe.Pointer, n uint64) ([]runner.Function, error) {
	length, err := count("functions of a chain", n)
	if err != nil || length == 0 {
		return nil, err
	}
	var stride uintptr
	chain := make([]runner.Function, length)
	for i := range chain {
		f, size, err := functionLayout.Read(unsafe.Add(p, uintptr(i)*stride))
		if err != nil {
			return nil, err
		}
		if i == 0 {
			stride = size
		} else if size != stride {
			return nil, status.New(status.InvalidArgument, "udfrunner_function %d: size is %d, the first one's is %d",
				i, size, stride)
		}
		if chain[i], err = functionOf((*C.udfrunner_function)(f)); err != nil {
			return nil, err
		}
	}
	return chain, nil
}

func functionOf(c *C.udfrunner_function) (f runner.Function, err error) {
	if f.Pickle, _, err = rawBytes("function pickle", c.pickle, uint64(c.pickle_size)); err != nil {
		return f, err
	}
	f.Reference, err = optionalText("function reference", unsafe.Pointer(c.reference), uint64(c.reference_size))
	if err != nil {
		return f, err
	}
	f.ReturnType, err = optionalText("return type", unsafe.Pointer(c.return_type), uint64(c.return_type_size))
	if err != nil {
		return f, err
	}
	if c.return_schema != nil {
		if f.ReturnField, err = arrowio.ImportField((*cdata.Schema)(unsafe.Pointer(c.return_schema))); err != nil {
			return f, status.New(status.InvalidArgument, "return schema: %w", err)
		}
	}
	if c.table != nil {
		f.Table, err = tableFunctionOf(unsafe.Pointer(c.table))
	}
	return f, err
}

func tableFunctionOf(p unsafe.Pointer) (*runner.TableFunction, error) {
	known, _, err := tableFunctionLayout.Read(p)
	if err != nil {
		return nil, err
	}
	c := (*C.udfrunner_table_function)(known)
	var t runner.TableFunction
	if t.Name, err = optionalText("table function name", unsafe.Pointer(c.name), uint64(c.name_size)); err != nil {
		return nil, err
	}
	t.PartitionChildren, err = intsOf("partition children", c.partition_children, uint64(c.n_partition_children))
	if err != nil {
		return nil, err
	}
	t.AnalyzeResult, _, err = rawBytes("analyze result", c.analyze_result, uint64(c.analyze_result_size))
	if err != nil {
		return nil, err
	}
	t.TableArguments, err = intsOf("table arguments", c.table_arguments, uint64(c.n_table_arguments))
	return &t, err
}

// intsOf copies numbers that are 0 and up.
func intsOf(what string, p *C.int32_t, n uint64) ([]int32, error) {
	length, err := count(what, n)
	if err != nil || length == 0 {
		return nil, err
	}
	if p == nil {
		return nil, status.New(status.InvalidArgument, "%s are NULL, their number is %d", what, n)
	}
	list := make([]int32, length)
	for i, v := range unsafe.Slice(p, length) {
		if v < 0 {
			return nil, status.New(status.InvalidArgument, "%s: %d, must be 0 or more", what, v)
		}
		list[i] = int32(v)
	}
	return list, nil
}

func argumentsOf(p unsafe.Pointer, n uint64) ([]runner.Argument, error) {
	length, err := count("arguments", n)
	if err != nil {
		return nil, err
	}
	arguments := make([]runner.Argument, length)
	for i := range arguments {
		c := (*C.udfrunner_argument)(unsafe.Add(p, uintptr(i)*unsafe.Sizeof(C.udfrunner_argument{})))
		arguments[i].Offset = int32(c.offset)
		if c.name == nil {
			continue
		}
		if arguments[i].Name, err = text("argument name", unsafe.Pointer(c.name), uint64(c.name_size)); err != nil {
			return nil, err
		}
		if arguments[i].Name == "" {
			return nil, status.New(status.InvalidArgument, "argument %d: name is empty, NULL is by position", i)
		}
	}
	return arguments, nil
}

// inputOf reads an input. It moves nothing. The ctx of its callbacks may be any number: it is
// copied as one, since Go's collector takes small pointers for corruption.
func inputOf(p unsafe.Pointer) (in hostcall.Input, err error) {
	if p == nil {
		return in, nil
	}
	known, _, err := inputLayout.Read(p)
	if err != nil {
		return in, err
	}
	c := (*C.udfrunner_input)(known)
	in.Kind, in.Keys = int32(c.kind), int32(c.keys)
	in.Stream = (*cdata.Stream)(unsafe.Pointer(c.stream))
	in.Next = *(*uintptr)(unsafe.Pointer(&c.next))
	in.NextGroup = *(*uintptr)(unsafe.Pointer(&c.next_group))
	in.Release = *(*uintptr)(unsafe.Pointer(&c.release))
	*(*uintptr)(unsafe.Pointer(&in.Ctx)) = *(*uintptr)(unsafe.Pointer(&c.ctx))
	return in, nil
}

func taskOf(p unsafe.Pointer) (task runner.Task, err error) {
	if p == nil {
		return task, nil
	}
	known, _, err := taskLayout.Read(p)
	if err != nil {
		return task, err
	}
	c := (*C.udfrunner_task)(known)
	task = runner.Task{
		Partition: int32(c.partition), Attempt: int32(c.attempt), Stage: int32(c.stage), CPUs: int32(c.cpus),
		TaskAttemptID: int64(c.task_attempt_id), DeadlineMS: int64(c.deadline_ms),
		Barrier: c.barrier != 0, BarrierPort: int32(c.barrier_port),
	}
	task.BarrierSecret, err = optionalText("barrier secret", unsafe.Pointer(c.barrier_secret),
		uint64(c.barrier_secret_size))
	if err != nil {
		return task, err
	}
	task.BarrierPath, err = optionalText("barrier path", unsafe.Pointer(c.barrier_path), uint64(c.barrier_path_size))
	if err != nil {
		return task, err
	}
	task.Properties, err = pairsOf("task property", unsafe.Pointer(c.properties), uint64(c.n_properties))
	if err != nil {
		return task, err
	}
	task.Resources, err = resourcesOf(unsafe.Pointer(c.resources), uint64(c.n_resources))
	return task, err
}

func resourcesOf(p unsafe.Pointer, n uint64) ([]runner.Resource, error) {
	length, err := count("resources", n)
	if err != nil || length == 0 {
		return nil, err
	}
	if p == nil {
		return nil, status.New(status.InvalidArgument, "resources are NULL, their number is %d", n)
	}
	resources := make([]runner.Resource, length)
	for i := range resources {
		c := (*C.udfrunner_resource)(unsafe.Add(p, uintptr(i)*unsafe.Sizeof(C.udfrunner_resource{})))
		if resources[i].Name, err = text("resource name", unsafe.Pointer(c.name), uint64(c.name_size)); err != nil {
			return nil, err
		}
		addresses, err := count("addresses of resource "+resources[i].Name, uint64(c.n_addresses))
		if err != nil {
			return nil, err
		}
		if c.addresses == nil && addresses != 0 {
			return nil, status.New(status.InvalidArgument, "addresses of resource %s are NULL, their number is %d",
				resources[i].Name, addresses)
		}
		for _, address := range unsafe.Slice(c.addresses, addresses) {
			s, err := text("address of resource "+resources[i].Name, unsafe.Pointer(address), nul)
			if err != nil {
				return nil, err
			}
			resources[i].Addresses = append(resources[i].Addresses, s)
		}
	}
	return resources, nil
}
