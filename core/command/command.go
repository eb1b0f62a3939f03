// Package command makes and checks commands: the pickles of (function, return type) that a PySpark worker loads
// with pyspark.worker_util.read_command.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package command

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"udfrunner/core/status"
)

// resolver is the Python source that runs in the worker when a reference is unpickled.
//
//go:embed resolve.py
var resolver string

// compileResolver is evaluated by a worker that meets a reference for the first time: it keeps the resolver as an
// attribute of the package pyspark, where the next one finds it, since compiling takes as long as a small task.
const compileResolver = `(
    exec(compile(source, file, "exec"), module), setattr(pyspark, name, module["resolve"]), module["resolve"]
)[2](locals())`

// resolverName has a hash of the source: a worker may serve hosts with different versions of this library.
var resolverName = sync.OnceValue(func() string {
	return fmt.Sprintf("_udfrunner_resolve_%x", sha256.Sum256([]byte(resolver)))[:32]
})

// ResolverFile is the file name that tracebacks show for it.
const ResolverFile = "<udfrunner function reference>"

// Reference is the command of a function that the worker imports itself: ref is "module:qualname", where
// qualname may have dots ("Class.method"). It uses nothing but the standard library and PySpark, so it loads in any
// worker. evalType is the runner's PythonEvalType, returnTypeJSON a type in Spark's JSON; empty gives None, for
// the functions of a chain but the last, whose types are not looked at.
//
// What the name stands for is found out in the worker, when it unpickles: a callable is taken as it is; an object
// made by PySpark's udf, pandas_udf or arrow_udf gives the function in it, if its eval type is the runner's.
// Else the worker raises an exception that names the reference: ImportError, AttributeError, TypeError (not
// callable), ValueError (another eval type). PySpark resolves a return type given as DDL while it decorates,
// and needs a Spark session for that: modules with such decorations cannot be imported in a worker, those
// with DataType objects can.
//
// Errors are INVALID_ARGUMENT and name ref and the form that is expected.
func Reference(ref string, evalType int32, returnTypeJSON string) ([]byte, error) {
	if !utf8.ValidString(returnTypeJSON) {
		return nil, status.New(status.InvalidArgument, "return type %q: not valid UTF-8", returnTypeJSON)
	}
	var p pickle
	p.proto()
	if err := p.resolved(ref, evalType); err != nil {
		return nil, err
	}
	if returnTypeJSON == "" {
		p.none()
	} else {
		p.global("pyspark.sql.types", "_parse_datatype_json_string")
		p.text(returnTypeJSON)
		p.tuple(1)
		p.reduce()
	}
	p.tuple(2)
	p.stop()
	return p.b, nil
}

// TableFunctionReference is the command of a table function, eval types 300 to 302: ref names its handler class, or
// an object made by PySpark's udtf or arrow_udtf, and is found as Reference does it. Errors are
// INVALID_ARGUMENT, as Reference's.
func TableFunctionReference(ref string, evalType int32) ([]byte, error) {
	var p pickle
	p.proto()
	if err := p.resolved(ref, evalType); err != nil {
		return nil, err
	}
	p.stop()
	return p.b, nil
}

// resolved puts what a reference stands for on the stack.
func (p *pickle) resolved(ref string, evalType int32) error {
	module, qualname, err := split(ref)
	if err != nil {
		return err
	}
	// pyspark = sys.modules["pyspark"]
	p.global("operator", "getitem")
	p.global("sys", "modules")
	p.text("pyspark")
	p.tuple(2)
	p.reduce()
	pyspark := p.memoize()
	p.pop()
	// resolve = getattr(pyspark, name, partial(eval, compileResolver, {...}))
	p.global("builtins", "getattr")
	p.get(pyspark)
	p.text(resolverName())
	p.global("functools", "partial")
	p.global("builtins", "eval")
	p.text(compileResolver)
	p.dict(func() {
		p.entry("source", resolver)
		p.entry("file", ResolverFile)
		p.entry("name", resolverName())
		p.text("module")
		p.dict(func() {})
		p.text("pyspark")
		p.get(pyspark)
	})
	p.tuple(3)
	p.reduce()
	p.tuple(3)
	p.reduce()
	// function = resolve({...}), which for eval are its local variables
	p.dict(func() {
		p.entry("text", ref)
		p.entry("module_name", module)
		p.entry("qualname", qualname)
		p.text("eval_type")
		p.int32(evalType)
	})
	p.tuple(1)
	p.reduce()
	return nil
}

// split checks a reference and takes it apart.
func split(ref string) (module, qualname string, err error) {
	bad := func(why string) error {
		return status.New(status.InvalidArgument,
			"function reference %q: %s; expected module:qualname, as in package.module:function or module:Class.method",
			ref, why)
	}
	module, qualname, found := strings.Cut(ref, ":")
	switch {
	case !found:
		return "", "", bad("no colon")
	case strings.Contains(qualname, "<locals>"):
		return "", "", bad("a function inside a function cannot be imported")
	case strings.Contains(qualname, "<lambda>"):
		return "", "", bad("a lambda cannot be imported by that name")
	case module == "__main__":
		return "", "", bad("__main__ is another module in the worker")
	case !dotted(module):
		return "", "", bad("the module's name is not made of identifiers and dots")
	case !dotted(qualname):
		return "", "", bad("the qualified name is not made of identifiers and dots")
	}
	return module, qualname, nil
}

// dotted says whether s is identifiers joined by dots.
func dotted(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for i, r := range part {
			first := r == '_' || unicode.IsLetter(r) || unicode.Is(unicode.Nl, r)
			if !first && (i == 0 || !unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc, unicode.Pc)) {
				return false
			}
		}
	}
	return true
}

// Bounds of pickles: what begins and ends each since protocol 2, and the newest protocol of the Pythons that
// PySpark runs on.
const (
	opProto     = 0x80
	opStop      = '.'
	maxProtocol = 5
)

// CheckPickle says what is wrong with bytes that should be a command pickled by the host, as far as that shows
// from outside: INVALID_ARGUMENT unless they begin like a pickle of protocol 2 to 5 and end like one.
func CheckPickle(b []byte) error {
	bad := func(format string, args ...any) error {
		return status.New(status.InvalidArgument, "pickled function (%d bytes): "+format,
			append([]any{len(b)}, args...)...)
	}
	switch {
	case len(b) == 0:
		return bad("expected the pickle of (function, return type)")
	case b[0] != opProto || len(b) < 3:
		return bad("expected a pickle, which begins with byte 0x80, found 0x%02x", b[0])
	case b[1] < 2 || b[1] > maxProtocol:
		return bad("expected pickle protocol 2 to %d, found %d", maxProtocol, b[1])
	case b[len(b)-1] != opStop:
		return bad("expected '.' (0x2e) at the end of the pickle, found 0x%02x; are the bytes complete?", b[len(b)-1])
	}
	return nil
}

// pickle writes the few opcodes of protocol 4 that a command needs (CPython's pickletools describes them).
type pickle struct {
	b    []byte
	memo byte
}

func (p *pickle) proto()  { p.b = append(p.b, opProto, 4) }
func (p *pickle) stop()   { p.b = append(p.b, opStop) }
func (p *pickle) none()   { p.b = append(p.b, 'N') }
func (p *pickle) reduce() { p.b = append(p.b, 'R') }

// dict makes a dict of what f leaves on the stack, keys and values in turn.
func (p *pickle) dict(f func()) {
	p.b = append(p.b, '}', '(')
	f()
	p.b = append(p.b, 'u')
}

// entry is a key and a text of a dict.
func (p *pickle) entry(key, value string) {
	p.text(key)
	p.text(value)
}

// memoize keeps the top of the stack under the number that it returns.
func (p *pickle) memoize() byte {
	p.b = append(p.b, 0x94)
	p.memo++
	return p.memo - 1
}

func (p *pickle) get(memo byte) { p.b = append(p.b, 'h', memo) }

func (p *pickle) pop() { p.b = append(p.b, '0') }

// tuple makes a tuple of the topmost 1 to 3 items.
func (p *pickle) tuple(n byte) { p.b = append(p.b, 0x84+n) }

func (p *pickle) global(module, name string) {
	p.b = append(p.b, 'c')
	p.b = append(p.b, module+"\n"+name+"\n"...)
}

func (p *pickle) text(s string) {
	p.b = append(p.b, 'X')
	p.b = binary.LittleEndian.AppendUint32(p.b, uint32(len(s))) //nolint:gosec // checked by CheckReference
	p.b = append(p.b, s...)
}

func (p *pickle) int32(n int32) {
	p.b = append(p.b, 'J')
	p.b = binary.LittleEndian.AppendUint32(p.b, uint32(n)) //nolint:gosec // the same bits
}
