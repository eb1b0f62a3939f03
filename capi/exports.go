// Package main is the C ABI of include/udfrunner.h, built with -buildmode=c-shared. It translates
// and nothing more: shim.c checks and zeroes, an export here looks the handle up and
// guards against panics, core does the work.
package main

// #include "internal.h"
import "C"

import (
	"math"
	"time"
	"unsafe"

	"udfrunner/core/runner"
	"udfrunner/core/status"
)

func main() {}

//export udfgo_shutdown
func udfgo_shutdown(timeoutMS C.int64_t) C.int32_t {
	return guard("udfrunner_shutdown", nil, func() (status.Code, error) {
		if !shutdown(milliseconds(int64(timeoutMS))) {
			return status.TimedOut, nil
		}
		return status.OK, nil
	})
}

// milliseconds is a timeout of the ABI as a duration; negative stays negative.
func milliseconds(ms int64) time.Duration {
	if ms > math.MaxInt64/int64(time.Millisecond) {
		return -1
	}
	return time.Duration(max(ms, -1)) * time.Millisecond
}

//export udfgo_env_create
func udfgo_env_create(pairs unsafe.Pointer, n C.uint64_t, environ, out, errOut unsafe.Pointer) C.int32_t {
	return guard("udfrunner_env_create", errOut, func() (status.Code, error) {
		p, err := pairsOf("configuration pair", pairs, uint64(n))
		if err != nil {
			return 0, err
		}
		e, err := addEnv(p, environment(environ))
		if err != nil {
			return 0, err
		}
		id, err := envs.Add(e)
		if err != nil {
			e.close()
			return 0, err
		}
		setHandle(out, id)
		return status.OK, nil
	})
}

//export udfgo_env_destroy
func udfgo_env_destroy(id C.uint64_t) C.int32_t {
	return guard("udfrunner_env_destroy", nil, func() (status.Code, error) {
		e, err := remove(envs, id)
		if err == nil {
			e.close()
		}
		return status.OK, err
	})
}

// onEnv is on for an env handle, NULL being the default env; the env must be open.
func onEnv(function string, id C.uint64_t, environ, errOut unsafe.Pointer,
	f func(*envObject) (status.Code, error)) C.int32_t {
	checked := func(e *envObject) (status.Code, error) {
		if err := e.open(); err != nil {
			return 0, err
		}
		return f(e)
	}
	if id != 0 {
		return on(envs, function, id, errOut, checked)
	}
	var e *envObject
	code := guard("default env", errOut, func() (_ status.Code, err error) {
		e, err = defaultEnv(environ)
		return status.OK, err
	})
	if code != C.int32_t(status.OK) {
		return code
	}
	return within(e, function, errOut, checked)
}

//export udfgo_env_stats
func udfgo_env_stats(id C.uint64_t, environ, out, errOut unsafe.Pointer) C.int32_t {
	return onEnv("udfrunner_env_stats", id, environ, errOut, func(e *envObject) (status.Code, error) {
		return status.OK, fillBytes(out, e.env.Stats())
	})
}

// logChunk is how many bytes of log lines are handed out at a time.
const logChunk = 64 << 10

//export udfgo_log_next
func udfgo_log_next(id C.uint64_t, timeoutMS C.int64_t, environ, out, errOut unsafe.Pointer) C.int32_t {
	return onEnv("udfrunner_log_next", id, environ, errOut, func(e *envObject) (status.Code, error) {
		text, code, err := e.env.Log().Next(milliseconds(int64(timeoutMS)), logChunk)
		if err != nil || code != status.OK {
			return code, err
		}
		return status.OK, fillBytes(out, text)
	})
}

//export udfgo_env_lacks
func udfgo_env_lacks(id C.uint64_t, feature, errOut unsafe.Pointer) C.int32_t {
	if id == 0 {
		return fail(errOut, lacks(feature))
	}
	return on(envs, "udfgo_env_lacks", id, errOut, func(*envObject) (status.Code, error) { return 0, lacks(feature) })
}

func lacks(feature unsafe.Pointer) error {
	return status.New(status.NotSupported, "%s is not available in this version", C.GoString((*C.char)(feature)))
}

//export udfgo_runner_create
func udfgo_runner_create(id C.uint64_t, evalType C.int32_t, environ, out, errOut unsafe.Pointer) C.int32_t {
	return onEnv("runner_create", id, environ, errOut, func(e *envObject) (status.Code, error) {
		b, err := runner.NewBuilder(e.env, int32(evalType))
		if err != nil {
			return 0, err
		}
		r := &runnerObject{env: e, builder: b}
		r.parent = e.base()
		r.stop = func() { b.Cancel("the runner failed inside the library") }
		handle, err := runners.Add(r)
		if err != nil {
			b.Close()
			return 0, err
		}
		setHandle(out, handle)
		return status.OK, nil
	})
}

// onRunner is on for a runner whose env must be open.
func onRunner(function string, id C.uint64_t, errOut unsafe.Pointer, f func(*runnerObject) error) C.int32_t {
	return on(runners, function, id, errOut, func(r *runnerObject) (status.Code, error) {
		if err := r.open(); err != nil {
			return 0, err
		}
		return status.OK, f(r)
	})
}

//export udfgo_runner_add_function
func udfgo_runner_add_function(id C.uint64_t, chain unsafe.Pointer, n C.uint64_t, arguments unsafe.Pointer,
	m C.uint64_t, errOut unsafe.Pointer) C.int32_t {
	return onRunner("runner_add_function", id, errOut, func(r *runnerObject) error {
		functions, err := chainOf(chain, uint64(n))
		if err != nil {
			return err
		}
		offsets, err := argumentsOf(arguments, uint64(m))
		if err != nil {
			return err
		}
		return r.builder.AddFunction(functions, offsets)
	})
}

//export udfgo_runner_set
func udfgo_runner_set(id C.uint64_t, key unsafe.Pointer, keySize C.uint64_t, value unsafe.Pointer, valueSize C.uint64_t,
	errOut unsafe.Pointer) C.int32_t {
	return onRunner("runner_set", id, errOut, func(r *runnerObject) error {
		k, err := text("key", key, uint64(keySize))
		if err != nil {
			return err
		}
		v, err := text("value of "+k, value, uint64(valueSize))
		if err != nil {
			return err
		}
		return r.builder.Set(k, v)
	})
}

//export udfgo_runner_add_include
func udfgo_runner_add_include(id C.uint64_t, path unsafe.Pointer, size C.uint64_t, errOut unsafe.Pointer) C.int32_t {
	return onRunner("runner_add_include", id, errOut, func(r *runnerObject) error {
		p, _, err := rawBytes("include path", path, uint64(size))
		if err != nil {
			return err
		}
		return r.builder.AddInclude(string(p))
	})
}

//export udfgo_runner_add_broadcast
func udfgo_runner_add_broadcast(id C.uint64_t, broadcast C.int64_t, path unsafe.Pointer, size C.uint64_t,
	errOut unsafe.Pointer) C.int32_t {
	return onRunner("runner_add_broadcast", id, errOut, func(r *runnerObject) error {
		p, given, err := rawBytes("broadcast path", path, uint64(size))
		if err == nil && given && len(p) == 0 {
			err = status.New(status.InvalidArgument, "broadcast path is empty, NULL is for values from the server")
		}
		if err != nil {
			return err
		}
		return r.builder.AddBroadcast(int64(broadcast), string(p))
	})
}

//export udfgo_runner_compute
func udfgo_runner_compute(id C.uint64_t, input, task, out, errOut unsafe.Pointer) C.int32_t {
	return onRunner("runner_compute", id, errOut, func(r *runnerObject) error {
		in, err := inputOf(input)
		if err != nil {
			return err
		}
		t, err := taskOf(task)
		if err != nil {
			return err
		}
		// The handle comes first: once the input is moved nothing may fail.
		o := &iteratorObject{env: r.env}
		o.parent = r.base()
		handle, err := iterators.Add(o)
		if err != nil {
			return err
		}
		if o.it, err = r.builder.Compute(in, t); err != nil {
			_, _ = iterators.Remove(handle)
			return err
		}
		o.stop = func() { o.it.Cancel("the iterator failed inside the library") }
		setHandle(out, handle)
		return nil
	})
}

//export udfgo_runner_cancel
func udfgo_runner_cancel(id C.uint64_t, why unsafe.Pointer) C.int32_t {
	return on(runners, "runner_cancel", id, nil, func(r *runnerObject) (status.Code, error) {
		r.builder.Cancel(reason(why))
		return status.OK, nil
	})
}

//export udfgo_runner_destroy
func udfgo_runner_destroy(id C.uint64_t) C.int32_t {
	return guard("runner_destroy", nil, func() (status.Code, error) {
		r, err := remove(runners, id)
		if err == nil {
			r.builder.Close()
		}
		return status.OK, err
	})
}
