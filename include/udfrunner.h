/*
 * Licensed under the Apache License, Version 2.0. See LICENSE.
 *
 * udfrunner.h - run PySpark functions in isolated worker processes.
 *
 * This file is the contract of libudfrunner and its manual. Where the library
 * and this text differ, the library is wrong.
 *
 * A host (a JVM, a Python process, a C program) makes an env (configuration,
 * worker processes), a runner (which functions, of which eval type, on which
 * arguments) and starts tasks with runner_compute. Each task runs its
 * functions in one PySpark worker process over the task's input and yields an
 * iterator of results. It does what Spark's BasePythonRunner does, without
 * Spark: the worker's side is PySpark's own pyspark.worker, unmodified.
 *
 * OWNERSHIP
 *   Parameters are tagged [in] (borrowed until the call returns), [in, moved]
 *   (the library owns it once the call returned OK, else untouched), [out,
 *   owned] (the caller releases it) and [out, borrowed].
 *   Every out-parameter is zeroed first, whatever happens. Destroy, close and
 *   release functions take the address of the handle or struct and null it on
 *   every return. Passing NULL, or the address of NULL, to them is a no-op. Any
 *   other pointer that must not be NULL and is gives INVALID_ARGUMENT.
 *   Memory that the library hands out (chunks, bytes, Arrow arrays and
 *   schemas, errors) outlives iterator, runner, env and udfrunner_shutdown. Its
 *   release is plain C: it never enters Go, never waits, and may be called from
 *   any thread, also in a forked child. Data buffers are aligned to 8 bytes, to
 *   16 for 128-bit types.
 *
 * THREADS
 *   Every function may be called from any thread. An iterator is used by one
 *   thread at a time, and may move between threads; concurrent use is detected
 *   and refused with UDFRUNNER_INVALID_STATE. Exempt, and safe at any time
 *   from any thread, are runner_cancel, iterator_cancel, iterator_close,
 *   iterator_event_fd, iterator_stack, iterator_result with "metrics", and
 *   udfrunner_env_stats. Data moves on the caller's thread: no library thread ever
 *   reads or writes memory of the host.
 *   Host code (input callbacks, releases of input) runs only inside
 *   iterator_next, iterator_next_arrow, iterator_export and iterator_close of that iterator, or
 *   inside get_next and release of its exported stream, on that thread and
 *   under no lock. Each input array is released once written, inside such a
 *   call; the input itself exactly once, when the iterator is closed. Cancel,
 *   destroy and shutdown run no host code: an iterator that is never closed
 *   leaks its input. A callback may use other iterators freely and may cancel
 *   its own. After a callback returned an error no other callback is called
 *   within that call. Callbacks return normally: no C++ exception, no longjmp.
 *
 * ERRORS
 *   Every fallible function returns an int32_t status: UDFRUNNER_OK, a positive
 *   value for outcomes that are not errors, or a negative error code. `err`, the
 *   last parameter, may be NULL; else it receives a udfrunner_error on a negative
 *   status and NULL otherwise. Errors are plain C memory; their getters work
 *   after UDFRUNNER_INTERNAL and in a forked child. After UDFRUNNER_INTERNAL the
 *   object answers INTERNAL from then on; its close or destroy works.
 *
 * TIME
 *   timeout_ms bounds the library's waits, not the host's callbacks: 0 = do not wait,
 *   -1 = no limit. Close and destroy wait for no Python code (50 ms at most).
 *
 * SIGNALS
 *   Load the library after the host has installed its own signal handlers (in
 *   a JVM or a Python process that is always so). Go, in which the library is
 *   written, installs handlers for the synchronous signals, SIGPIPE and SIGURG,
 *   and forwards those that are not its own. SIGINT, SIGTERM and SIGCHLD are
 *   never touched. Do not preload libjsig into a JVM that loads the library.
 *
 * FORK
 *   After fork without exec the library does not work in the child: every
 *   function returns UDFRUNNER_FORKED. Releases and error getters still work
 *   there. The library is never unloaded; do not dlclose it.
 *
 * LOADING
 *   Use dlopen(RTLD_LOCAL) and dlsym: runner_* and iterator_* are plain names, and a
 *   name that the program defines itself would win otherwise.
 *
 * TEXT
 *   Text is UTF-8, given as pointer and length; UDFRUNNER_NUL as length means
 *   NUL-terminated. Paths are bytes. Modified UTF-8 is never used.
 *
 * STRUCTS
 *   udfrunner_input, udfrunner_task, udfrunner_function and udfrunner_table_function begin with
 *   `uint64_t size`, to be set to sizeof the struct; later versions append fields, always a multiple of 8 bytes.
 *   Zero every field that is not used: zero is the default of each. A struct of an earlier version, down to 1.0,
 *   has what it lacks at its default; one that is smaller than in 1.0 is refused. A struct of a later version is
 *   accepted if what this one does not know of it is zero. All functions of a chain have the same size. The other
 *   structs never change.
 */
#ifndef UDFRUNNER_H
#define UDFRUNNER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------- Arrow C data interface */

/* The structs of Apache Arrow's C data and C stream interfaces
 * (https://arrow.apache.org/docs/format/CDataInterface.html), behind their
 * canonical guards so that they may meet another copy. */

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
  int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
  const char *(*get_last_error)(struct ArrowArrayStream *);
  void (*release)(struct ArrowArrayStream *);
  void *private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */

/* ---------------------------------------------------------------- Version */

/* ABI version that this header describes: major << 16 | minor. A binding needs a
 * library of the same major and at least its minor. Functions are only added. */
#define UDFRUNNER_ABI_VERSION 0x00010001u

/* ------------------------------------------------------------------ Status */

/* Outcomes that are not errors. */
#define UDFRUNNER_OK 0
/* The end was reached: of an iterator, of a callback's input, of the log. */
#define UDFRUNNER_DONE 1
/* timeout_ms ran out; nothing is lost, call again. */
#define UDFRUNNER_TIMED_OUT 2
/* From iterator_next*: the input said AGAIN and no output is ready; call again
 * when there is input. From an input callback (as UDFRUNNER_AGAIN): no input now. */
#define UDFRUNNER_NEED_INPUT 3
#define UDFRUNNER_AGAIN UDFRUNNER_NEED_INPUT

/* Errors. Each line says whose fault it is, what becomes of the worker, and whether a
 * retry of the task makes sense. */
/* generated: error codes */
/* An error of no known class. Worker not reused; a retry may help. */
#define UDFRUNNER_UNKNOWN (-1)
/* The caller's fault: a value that is not allowed. No worker involved; do not retry. */
#define UDFRUNNER_INVALID_ARGUMENT (-2)
/* The caller's fault: not allowed now (after the first compute, used concurrently, mixed ways of
 * reading). Worker unharmed; do not retry. */
#define UDFRUNNER_INVALID_STATE (-3)
/* The caller's fault: a NULL, stale or foreign handle, or one of another kind. */
#define UDFRUNNER_INVALID_HANDLE (-4)
/* The host cancelled, closed, destroyed or shut down. Worker killed; retry at will. */
#define UDFRUNNER_CANCELLED (-5)
/* The function's fault: it raised, or returned what its return type does not allow. Details hold the
 * traceback. Worker not reused; a retry hits the same error. */
#define UDFRUNNER_PYTHON_EXCEPTION (-6)
/* The worker process ended before its task. Details hold exit status or signal and the tail of its
 * stderr. A retry runs on another worker. */
#define UDFRUNNER_WORKER_EXITED (-7)
/* The worker broke the protocol. Worker killed; a retry may help. */
#define UDFRUNNER_PROTOCOL (-8)
/* No worker could be started: interpreter, PySpark, start-up limit. Fix the cause, then retry. */
#define UDFRUNNER_SPAWN (-9)
/* The operating system refused sockets, descriptors or files. A retry may help. */
#define UDFRUNNER_IO (-10)
/* The task's deadline_ms passed. Worker killed; a retry needs more time. */
#define UDFRUNNER_DEADLINE (-11)
/* Out of memory. */
#define UDFRUNNER_NO_MEMORY (-12)
/* Known, but not available: eval type, PySpark version, feature. Do not retry. */
#define UDFRUNNER_NOT_SUPPORTED (-13)
/* The host's fault: an input callback failed or supplied malformed data. Worker killed. */
#define UDFRUNNER_HOST (-14)
/* The library's fault: a Go panic. The object and those below it are poisoned, other tasks go on.
 * Please report it. */
#define UDFRUNNER_INTERNAL (-15)
/* The caller's fault: called in a forked child. */
#define UDFRUNNER_FORKED (-16)
/* generated: end */

/* ------------------------------------------------------------------- Types */

/* As a length: the text is NUL-terminated. */
#define UDFRUNNER_NUL ((size_t)-1)

/* Handles. Opaque: never dereferenced, their bits are an id, so that a stale one is
 * an error and not a crash. */
typedef struct udfrunner_env udfrunner_env;
typedef struct udfrunner_runner udfrunner_runner;
typedef struct udfrunner_iterator udfrunner_iterator;
/* Plain C memory. */
typedef struct udfrunner_error udfrunner_error;

/* A key and its value. */
typedef struct udfrunner_pair {
  const char *key;
  size_t key_size;
  const char *value;
  size_t value_size;
} udfrunner_pair;

/* Bytes owned by the caller; release with udfrunner_bytes_release. `data` is
 * followed by a NUL that `size` does not count. */
typedef struct udfrunner_bytes {
  const char *data;
  uint64_t size;
  void *private_data;
} udfrunner_bytes;

/* Whole records of output: `n` pickled records (eval types 0, 100, 300) or `n` Arrow IPC messages,
 * the first of an iterator's being the schema. Record i is data[offsets[i]] up to
 * data[offsets[i + 1]]; `offsets` has n + 1 entries. Below 2 GiB unless one record is larger.
 * Release with udfrunner_chunk_release. */
typedef struct udfrunner_chunk {
  const uint8_t *data;
  uint64_t size;
  uint64_t n;
  const uint64_t *offsets;
  void *private_data;
} udfrunner_chunk;

/* Memory that workers read in place; release with udfrunner_buffer_release. */
typedef struct udfrunner_buffer {
  void *data;
  uint64_t size;
  void *private_data;
} udfrunner_buffer;

/* Eval types, PySpark's PythonEvalType, each with the PySpark that introduced it where that is later than 3.5. A worker
 * that lacks one ends the task with UDFRUNNER_NOT_SUPPORTED. */
/* generated: eval types */
#define UDFRUNNER_NON_UDF 0
#define UDFRUNNER_SQL_BATCHED_UDF 100
#define UDFRUNNER_SQL_ARROW_BATCHED_UDF 101
#define UDFRUNNER_SQL_SCALAR_PANDAS_UDF 200
#define UDFRUNNER_SQL_GROUPED_MAP_PANDAS_UDF 201
#define UDFRUNNER_SQL_GROUPED_AGG_PANDAS_UDF 202
#define UDFRUNNER_SQL_WINDOW_AGG_PANDAS_UDF 203
#define UDFRUNNER_SQL_SCALAR_PANDAS_ITER_UDF 204
#define UDFRUNNER_SQL_MAP_PANDAS_ITER_UDF 205
#define UDFRUNNER_SQL_COGROUPED_MAP_PANDAS_UDF 206
#define UDFRUNNER_SQL_MAP_ARROW_ITER_UDF 207
#define UDFRUNNER_SQL_GROUPED_MAP_PANDAS_UDF_WITH_STATE 208
#define UDFRUNNER_SQL_GROUPED_MAP_ARROW_UDF 209                          /* 4.0 */
#define UDFRUNNER_SQL_COGROUPED_MAP_ARROW_UDF 210                        /* 4.0 */
#define UDFRUNNER_SQL_TRANSFORM_WITH_STATE_PANDAS_UDF 211                /* 4.0 */
#define UDFRUNNER_SQL_TRANSFORM_WITH_STATE_PANDAS_INIT_STATE_UDF 212     /* 4.0 */
#define UDFRUNNER_SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_UDF 213            /* 4.1 */
#define UDFRUNNER_SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_INIT_STATE_UDF 214 /* 4.1 */
#define UDFRUNNER_SQL_GROUPED_MAP_ARROW_ITER_UDF 215                     /* 4.1 */
#define UDFRUNNER_SQL_GROUPED_MAP_PANDAS_ITER_UDF 216                    /* 4.1 */
#define UDFRUNNER_SQL_GROUPED_AGG_PANDAS_ITER_UDF 217                    /* 4.2 */
#define UDFRUNNER_SQL_SCALAR_ARROW_UDF 250                               /* 4.1 */
#define UDFRUNNER_SQL_SCALAR_ARROW_ITER_UDF 251                          /* 4.1 */
#define UDFRUNNER_SQL_GROUPED_AGG_ARROW_UDF 252                          /* 4.1 */
#define UDFRUNNER_SQL_WINDOW_AGG_ARROW_UDF 253                           /* 4.1 */
#define UDFRUNNER_SQL_GROUPED_AGG_ARROW_ITER_UDF 254                     /* 4.2 */
#define UDFRUNNER_SQL_TABLE_UDF 300
#define UDFRUNNER_SQL_ARROW_TABLE_UDF 301
#define UDFRUNNER_SQL_ARROW_UDTF 302 /* 4.1 */
/* generated: end */

/* What a table function (eval types 300 to 302) has besides its handler class. Zero what is not used.
 * name: the function's, for messages of PySpark 4.0 and later.
 * partition_children: of a table argument with PARTITION BY, the indexes of its partitioning columns.
 * analyze_result: the pickled AnalyzeResult of a class with an analyze method.
 * table_arguments: for 302, the offsets of arguments that are tables. */
typedef struct udfrunner_table_function {
  uint64_t size;
  const char *name;
  size_t name_size;
  const int32_t *partition_children;
  size_t n_partition_children;
  const void *analyze_result;
  size_t analyze_result_size;
  const int32_t *table_arguments;
  size_t n_table_arguments;
} udfrunner_table_function;

/* A function: either `pickle` or `reference`.
 * pickle: what Spark's PythonFunction.command holds, the pickled tuple
 *   (function, return type), made with cloudpickle by a Python of the worker's minor version; for
 *   eval type 0 the tuple (function, profiler, deserializer, serializer), for 300 to 302 the handler class.
 * reference: "module:qualname", imported in the worker; it may name a plain function or
 *   an object made by PySpark's udf, pandas_udf, arrow_udf or udtf, or a table function's class. Not for eval type 0.
 * The return type is Spark DDL or JSON text in `return_type` (of functions that give rows of columns: their columns),
 *   or an Arrow schema in `return_schema` (borrowed; of those functions: a struct of the columns). It is
 *   needed of the last function of a chain only, for the others it may be absent. Eval type 0 has none.
 * table: for eval types 300 to 302, else NULL; borrowed. */
typedef struct udfrunner_function {
  uint64_t size;
  const void *pickle;
  size_t pickle_size;
  const char *reference;
  size_t reference_size;
  const char *return_type;
  size_t return_type_size;
  const struct ArrowSchema *return_schema;
  const udfrunner_table_function *table;
} udfrunner_function;

/* One argument of a chain: the input column at `offset`, passed by position where `name` is
 * NULL, else by that keyword. */
typedef struct udfrunner_argument {
  int32_t offset;
  const char *name;
  size_t name_size;
} udfrunner_argument;

/* What an input callback supplies: `n` records (pickled rows: each a pickled list of rows) or Arrow
 * IPC messages. Record i is data[offsets[i]] up to data[offsets[i + 1]]; `offsets` NULL means that `data` is one
 * record, or any whole number of IPC messages. The bytes stay borrowed until the next callback
 * or the iterator's close. `message` may hold text for a negative return. */
typedef struct udfrunner_record {
  const void *data;
  uint64_t size;
  uint64_t n;
  const uint64_t *offsets;
  const char *message;
} udfrunner_record;

/* Kinds of input. */
#define UDFRUNNER_INPUT_NONE 0
#define UDFRUNNER_INPUT_STREAM 1
#define UDFRUNNER_INPUT_RECORDS 2
#define UDFRUNNER_INPUT_GROUPS 3

/* Input of a task.
 * Arrow data may be of any type. Functions get what Spark would have sent for it: a timestamp with a time zone is
 *   labelled with spark.sql.session.timeZone, at any depth, its instants stay. Functions that see pandas or Python
 *   objects (all with Arrow data but 207, 209, 210, 215, 250 to 254, 302) get the types that Spark has: string_view
 *   and binary_view, list views, large and fixed-size lists, fixed-size binaries, run ends, dictionaries, unsigned
 *   integers (the next wider signed type; uint64 as decimal(20,0)), float16, decimals (decimal128), date64, times
 *   (from PySpark 4.1 on), timestamps and durations (in microseconds) are converted, in new memory; extension types
 *   are their storage. What does not change stays in place. A type that PySpark's version has no type for is
 *   INVALID_ARGUMENT when the schema is read, a value that the type cannot hold at its batch; both name the column.
 *   Every batch is checked against the schema by what can be seen before its values are read: counts of children and
 *   buffers, null counts, dictionaries, offsets, a second schema among messages. What cannot be seen: values of
 *   another type of the same layout (int64 for float64, string for binary), and buffers that are shorter than the
 *   lengths say. Those are the host's responsibility.
 * UDFRUNNER_INPUT_STREAM: `stream`, an Arrow C stream of struct arrays (record batches). The struct
 *   is moved: the library copies it and marks the original released. EAGAIN from get_next means AGAIN.
 * UDFRUNNER_INPUT_RECORDS: `next`, raw pickled records or Arrow IPC messages, many per call.
 * UDFRUNNER_INPUT_GROUPS: `next_group` fills n streams with the next group: one, or the two sides of a cogroup. Each
 *   is released by the library once it was read. All groups have one schema: names, order and types of the first
 *   one's columns, except for time zones. Only for eval types with groups.
 * UDFRUNNER_INPUT_NONE: the function has no input.
 * keys: for grouped and cogrouped types the count of grouping columns, which come first. A STREAM, or RECORDS with
 *   Arrow messages, is sorted by them (rows with equal keys are adjacent; null equals null, NaN equals NaN, 0.0
 *   equals -0.0) and cut into groups; not for cogrouped types. Keys are of any type, nested ones too, but unions.
 *   With GROUPS it is needed where runner_add_function got no arguments. Else 0.
 * A callback returns OK (out filled), DONE (the only end of input: OK with nothing in it is an error),
 * AGAIN, or a negative code with a message, which becomes UDFRUNNER_HOST. Once one has cancelled its own task none but
 * `release` is called. `release`, if not NULL, is
 * called exactly once with `ctx` when the input is no longer needed. */
typedef struct udfrunner_input {
  uint64_t size;
  int32_t kind;
  int32_t keys;
  struct ArrowArrayStream *stream;
  int32_t (*next)(void *ctx, udfrunner_record *out);
  int32_t (*next_group)(void *ctx, struct ArrowArrayStream *out, int32_t n, const char **message);
  void (*release)(void *ctx);
  void *ctx;
} udfrunner_input;

/* A resource of the task, as Spark's ResourceInformation. */
typedef struct udfrunner_resource {
  const char *name;
  size_t name_size;
  const char *const *addresses; /* NUL-terminated */
  size_t n_addresses;
} udfrunner_resource;

/* The task's identity, as Spark's TaskContext; a NULL task means all zero and one cpu.
 * deadline_ms: from runner_compute on, 0 = none; when it passes the worker is killed and the
 *   iterator ends with UDFRUNNER_DEADLINE.
 * barrier: not 0 for a barrier task; then barrier_port and barrier_secret, or barrier_path (a Unix socket; PySpark
 *   4.1 and later), name the host's server for barrier() and allGather(). */
typedef struct udfrunner_task {
  uint64_t size;
  int32_t partition;
  int32_t attempt;
  int32_t stage;
  int32_t cpus; /* 0 = 1 */
  int64_t task_attempt_id;
  int64_t deadline_ms;
  const udfrunner_pair *properties;
  size_t n_properties;
  const udfrunner_resource *resources;
  size_t n_resources;
  int32_t barrier;
  int32_t barrier_port;
  const char *barrier_secret;
  size_t barrier_secret_size;
  const char *barrier_path;
  size_t barrier_path_size;
} udfrunner_task;

/* ----------------------------------------------------------------- Library */

/* The ABI version of the library, major << 16 | minor.
 * Never fails, never waits, works in a forked child. \since 1.0 */
uint32_t udfrunner_abi_version(void);

/* The version of the library, as "1.2.3"; static memory.
 * Never fails, never waits, works in a forked child. \since 1.0 */
const char *udfrunner_version(void);

/* Ends every worker and waits for it, at most timeout_ms. Running tasks end with
 * CANCELLED, handles made before answer CANCELLED, their close and destroy still work. New
 * envs may be created afterwards. Memory handed out stays valid. Runs no host code.
 *   timeout_ms  [in] 0 = do not wait, -1 = no limit
 *   returns OK; TIMED_OUT: killed, but not all were seen to end; FORKED.
 * \since 1.0 */
int32_t udfrunner_shutdown(int64_t timeout_ms);

/* -------------------------------------------------------------------- Env */

/* Creates an env: configuration by Spark's keys, worker factories, pool. Starts no process. The process's
 * environment variables, which workers inherit, are read here.
 *   pairs  [in] n configuration pairs; docs/configuration.md lists the keys
 *   env    [out, owned] destroy with udfrunner_env_destroy
 *   returns OK; INVALID_ARGUMENT: a key that begins with "udfrunner." and is unknown, or a
 *     value that its key does not allow; FORKED.
 * \since 1.0 */
int32_t udfrunner_env_create(const udfrunner_pair *pairs, size_t n, udfrunner_env **env,
                             udfrunner_error **err);

/* Cancels the env's tasks, kills its workers, nulls the handle. Runners and iterators made from it
 * answer CANCELLED and still need their destroy and close. Waits 50 ms at most.
 *   returns OK; INVALID_HANDLE; FORKED.
 * \since 1.0 */
int32_t udfrunner_env_destroy(udfrunner_env **env);

/* Counters of the env as a JSON object. Later versions add members.
 *   env    [in] NULL = the default env
 *   bytes  [out, owned]
 *   returns OK; INVALID_HANDLE; CANCELLED: env shut down; FORKED. Never waits for a task.
 * Members, where "tasks.done" is the member "done" of the object "tasks", and counts begin with the env:
 *   tasks.started             tasks that were computed
 *   tasks.running             of them, those that have not ended
 *   tasks.done                of them, those that ended without an error
 *   tasks.failed              of them, those that ended with one
 *   tasks.closed              of them, those that the host closed before their end, as a LIMIT does
 *   log.lines                 lines that workers and the library wrote
 *   log.dropped_lines         of them, those left out for their rate or because nobody took them in time
 *   factories                 a list: one object for each interpreter and environment that tasks asked for
 *   factories.kind            "embedded", "daemon" (a stock one) or "simple" (no daemon)
 *   factories.python          version of Python; this and the next three are absent before the factory is ready
 *   factories.pyspark         version of PySpark
 *   factories.pyarrow         version of PyArrow, absent where there is none
 *   factories.pandas          version of pandas, absent where there is none
 *   factories.zygote          true where workers are forked with their modules imported
 *   factories.zygote_threads  threads of the process that forks them: above 1 there is no zygote
 *   factories.notes           a list of texts, such as why there is no zygote; absent where there are none
 *   factories.daemon_pid      process id of the daemon, 0 where there is none
 *   factories.error           why the factory failed; absent where it did not
 *   factories.started         workers that were started
 *   factories.reused          tasks that got a worker which had served others
 *   factories.spares_used     tasks that got a spare
 *   factories.alive           worker processes now
 *   factories.running         workers that a task has now
 *   factories.idle            workers that wait for a task now
 *   factories.spares          of them, those that wait for their first
 *   factories.recycled        workers ended between tasks for their tasks, age or memory
 *   factories.killed          workers killed by the library
 *   factories.crashed         workers that ended by themselves while in use
 * \since 1.0 */
int32_t udfrunner_env_stats(udfrunner_env *env, udfrunner_bytes *bytes, udfrunner_error **err);

/* The next lines that workers wrote to stdout and stderr: one JSON object per line, whole lines, about
 * 64 KiB at most. Its members: "time" (UTC), "pid", "stream" (stdout, stderr, or udfrunner for lines of the
 * library's own), "text"; "stage", "partition", "attempt", "task" where the line is a task's; "continues" where the
 * rest of a long line follows; "dropped_lines", "dropped_bytes" where some are missing: the keys udfrunner.log.rate
 * and udfrunner.log.buffer bound what is kept until it is pulled. udfrunner.log.file or .descriptor has the lines
 * written instead.
 *   env         [in] NULL = the default env
 *   timeout_ms  [in] bound of the wait for a line: 0 = do not wait, -1 = no limit
 *   bytes       [out, owned] filled on OK
 *   returns OK; TIMED_OUT: no line; DONE: the env was destroyed during the call, and all lines were given;
 *     INVALID_STATE: lines are written elsewhere; INVALID_HANDLE; CANCELLED: env shut down; FORKED. Any number of
 *     threads may pull; each line goes to one.
 * \since 1.0 */
int32_t udfrunner_log_next(udfrunner_env *env, int64_t timeout_ms, udfrunner_bytes *bytes,
                           udfrunner_error **err);

/* Memory of `size` bytes that workers can read in place.
 *   returns NOT_SUPPORTED in this version.
 * \since 1.0 */
int32_t udfrunner_buffer_alloc(udfrunner_env *env, uint64_t size, udfrunner_buffer *buffer,
                               udfrunner_error **err);

/* Releases a buffer and zeroes the struct. Plain C, never waits, any thread, also in a
 * forked child. \since 1.0 */
void udfrunner_buffer_release(udfrunner_buffer *buffer);

/* ----------------------------------------------------------------- Runner */

/* Creates a runner: a list of chained functions of one eval type (Spark's
 * BasePythonRunner). No process is started yet.
 *   env        [in] NULL = the default env, made at first use, ended by udfrunner_shutdown
 *   eval_type  [in] UDFRUNNER_SQL_..., PySpark's PythonEvalType
 *   runner     [out, owned] destroy with runner_destroy
 *   returns OK; INVALID_ARGUMENT: not an eval type of PySpark; NOT_SUPPORTED: one that this version
 *     of the library does not run; INVALID_HANDLE; CANCELLED: env shut down; FORKED.
 * \since 1.0 */
int32_t runner_create(udfrunner_env *env, int32_t eval_type, udfrunner_runner **runner,
                      udfrunner_error **err);

/* Adds one chain of functions, applied first to last, with the arguments of the first. By eval type:
 *   100, 101, 200, 204, 250, 251: each chain gives one result column, named _0, _1, ...; the iterator types 204 and
 *     251 have one chain.
 *   202, 203, 217, 252 to 254 (aggregates): the same, one row per group or, for the window types 203 and 253,
 *     one per row.
 *   205, 207 (map): one chain, whose return type is the struct of all result columns; no arguments, it gets
 *     all columns.
 *   201, 209, 215, 216 (grouped map), 206, 210 (cogrouped map): one chain, whose return type is the struct of all
 *     result columns. Without arguments the first `keys` input columns are the key, and all columns the values. Else
 *     the arguments are Spark's own list: the count of what follows, the count of key columns, offsets of key
 *     columns, offsets of value columns; the same again for the second side of a cogroup.
 *   208, 211 to 214 (state): one chain, the arguments as Spark's list, data as Spark's writers send it
 *   (docs/eval-types.md).
 *   300 to 302 (table functions): one function, with its arguments.
 *   0: one function, no arguments, no return type; records go in and out as they are.
 *   chain      [in] n >= 1 functions, copied
 *   arguments  [in] m arguments, copied
 *   returns OK; INVALID_ARGUMENT: an empty chain, more chains than the eval type takes, a function without pickle or
 *     reference, or with both, a bad reference, a bad return type or none; a repeated keyword, a negative offset, a
 *     positional argument after a keyword; INVALID_STATE: after the first compute; INVALID_HANDLE; CANCELLED; FORKED.
 * \since 1.0 */
int32_t runner_add_function(udfrunner_runner *runner, const udfrunner_function *chain, size_t n,
                            const udfrunner_argument *arguments, size_t m, udfrunner_error **err);

/* Sets one configuration value for this runner's tasks: runner conf (Spark's SQL keys), environment
 * variables of workers (spark.executorEnv.NAME), interpreter (spark.pyspark.python), eval conf ... as
 * docs/configuration.md lists them. Overrides the env's.
 *   returns OK; INVALID_ARGUMENT: unknown "udfrunner." key, bad value, a key that only an
 *     env takes; INVALID_STATE: after the first compute; INVALID_HANDLE; CANCELLED; FORKED.
 * \since 1.0 */
int32_t runner_set(udfrunner_runner *runner, const char *key, size_t key_size, const char *value,
                   size_t value_size, udfrunner_error **err);

/* Adds a file or directory to the workers' sys.path, as SparkContext.addPyFile does. Relative paths are
 * taken from udfrunner.files.directory. One that is missing when a task begins ends that task with
 * INVALID_ARGUMENT.
 *   returns OK; INVALID_ARGUMENT: empty; INVALID_STATE: after the first compute; INVALID_HANDLE;
 *     CANCELLED; FORKED.
 * \since 1.0 */
int32_t runner_add_include(udfrunner_runner *runner, const char *path, size_t path_size,
                           udfrunner_error **err);

/* Makes a broadcast variable available to the functions: `id` is the one in their pickles, `path` the
 * file with its pickled value, or NULL where the host's server hands the values out (keys
 * udfrunner.broadcast.server and udfrunner.broadcast.secret; Spark's decryption server): then of all variables. Sent
 * once to a worker that is reused; a file that is missing then ends the task with INVALID_ARGUMENT. Needs the full
 * PySpark in the worker (pyspark-client has no broadcasts).
 *   returns OK; INVALID_ARGUMENT: negative or repeated id, no such file; INVALID_STATE: after the
 *     first compute; INVALID_HANDLE; CANCELLED; FORKED.
 * \since 1.0 */
int32_t runner_add_broadcast(udfrunner_runner *runner, int64_t id, const char *path,
                             size_t path_size, udfrunner_error **err);

/* Starts a task and returns at once; many at a time on one runner. A worker begins to
 * start or is taken from the pool, of tasks beyond the sixteenth that nobody reads yet with their first read;
 * errors of that are reported by the iterator.
 *   input  [in, moved] the input; NULL = UDFRUNNER_INPUT_NONE
 *   task   [in] NULL = defaults; copied
 *   it     [out, owned] close with iterator_close
 *   returns OK; INVALID_ARGUMENT: a size, kind or field that is not allowed, or a runner without
 *     functions; NOT_SUPPORTED: a kind of input that the eval type does not take; INVALID_HANDLE;
 *     CANCELLED; FORKED. The input is untouched unless OK.
 * \since 1.0 */
int32_t runner_compute(udfrunner_runner *runner, const udfrunner_input *input,
                       const udfrunner_task *task, udfrunner_iterator **it, udfrunner_error **err);

/* Cancels all running tasks of the runner: their workers are killed, their iterators
 * answer CANCELLED with `reason`. Later computes work. Idempotent, waits for nothing,
 * runs no host code.
 *   reason  [in] NUL-terminated text for the error, or NULL
 *   returns OK; INVALID_HANDLE; FORKED.
 * \since 1.0 */
int32_t runner_cancel(udfrunner_runner *runner, const char *reason);

/* Cancels the runner's tasks and nulls the handle; its iterators stay closable. Waits 50 ms
 * at most, runs no host code.
 *   returns OK; INVALID_HANDLE; FORKED.
 * \since 1.0 */
int32_t runner_destroy(udfrunner_runner **runner);

/* --------------------------------------------------------------- Iterator */

/* The schema of the results, a struct, from the declared return types. Never waits, starts no worker.
 *   schema  [out, owned] release with its release callback
 *   returns OK; NOT_SUPPORTED: an eval type with pickled results; INVALID_HANDLE;
 *     CANCELLED; FORKED.
 * \since 1.0 */
int32_t iterator_schema(udfrunner_iterator *it, struct ArrowSchema *schema, udfrunner_error **err);

/* The next results as bytes. Pulls input by calling the host while there is room,
 * and waits at most timeout_ms for the worker.
 * An iterator is read in one way: next, next_arrow or export, the first used decides.
 *   chunk  [out, owned] filled on OK
 *   returns OK; DONE: the task is complete, also on every later call; TIMED_OUT; NEED_INPUT;
 *     any error: it is final, and given again by every later call, but INVALID_STATE (used
 *     concurrently, or read in another way before), after which the iterator goes on.
 * \since 1.0 */
int32_t iterator_next(udfrunner_iterator *it, int64_t timeout_ms, udfrunner_chunk *chunk,
                      udfrunner_error **err);

/* The next results as an Arrow struct array, read in place.
 *   array   [out, owned] filled on OK; release with its release callback
 *   schema  [out, owned] NULL, or receives the schema too
 *   returns as iterator_next; NOT_SUPPORTED: an eval type with pickled results.
 * \since 1.0 */
int32_t iterator_next_arrow(udfrunner_iterator *it, int64_t timeout_ms, struct ArrowArray *array,
                            struct ArrowSchema *schema, udfrunner_error **err);

/* Exports the iterator as an Arrow C stream that holds a reference to it; `it` stays valid for cancel,
 * result, error and close. The stream's get_schema does not wait; its get_next waits until the
 * task's deadline and returns ECANCELED, ETIMEDOUT, ENOMEM or EAGAIN (the input said AGAIN), else EIO, with the
 * text in get_last_error and the whole error in iterator_error. Releasing the stream ends
 * the task, whose error is then CANCELLED; iterator_close leaves the task to the stream, and the
 * input is released by the later of the two.
 *   returns OK; INVALID_STATE: read in another way before; NOT_SUPPORTED: pickled results;
 *     INVALID_HANDLE; CANCELLED; FORKED.
 * \since 1.0 */
int32_t iterator_export(udfrunner_iterator *it, struct ArrowArrayStream *stream,
                        udfrunner_error **err);

/* The error that ended the iterator, including a cancel that no call has reported yet.
 *   returns the error's code, and `err` receives a copy; OK where none ended it; INVALID_HANDLE;
 *     FORKED.
 * \since 1.0 */
int32_t iterator_error(udfrunner_iterator *it, udfrunner_error **err);

/* A descriptor that polls readable when iterator_next(it, 0) would make progress: output, room
 * for input, end, error, cancel. Level-triggered. After NEED_INPUT it waits for output only.
 *   fd  [out, borrowed] valid until the iterator is closed; never read or close it; -1 unless OK
 *   returns OK; IO; INVALID_HANDLE; CANCELLED; FORKED. Safe from any thread.
 * \since 1.0 */
int32_t iterator_event_fd(udfrunner_iterator *it, int32_t *fd, udfrunner_error **err);

/* What the task reported besides its data.
 *   key    [in] NUL-terminated: "metrics" (a JSON object; at any time, from any thread) or, after DONE,
 *     "accumulators" (int32 big-endian length + pickled (id, value), repeated)
 *   bytes  [out, owned]
 *   returns OK; INVALID_ARGUMENT: another key; INVALID_STATE: not ended yet; INVALID_HANDLE; FORKED.
 * Members of the metrics; idle_timeouts and those of the worker are there after the end, where they are not 0. Later
 * versions add members:
 *   elapsed_ms            since runner_compute, up to the end
 *   wait_ms               of it, the time that calls waited for the worker
 *   input_ms              of it, the time in the host's callbacks and in encoding what they gave
 *   bytes_sent            to the worker
 *   bytes_received        from it
 *   input_batches         batches, or callbacks that supplied records
 *   output_batches        batches or records of results
 *   output_rows           rows of Arrow results
 *   idle_timeouts         times that the worker gave nothing for as long as Spark's idleTimeoutSeconds says
 *   worker_pid            process id
 *   worker_cpu_ms         processor time of the worker in this task
 *   worker_peak_rss       bytes, the most resident memory of the worker so far
 *   worker_boot_ms        Spark's pythonBootTime: from the task's start to the worker's
 *   worker_init_ms        Spark's pythonInitTime: until the functions were there
 *   worker_finish_ms      Spark's pythonTotalTime without the two above
 *   worker_processing_ms  Spark's pythonProcessingTime, PySpark 4.1 and later: in the functions alone
 *   memory_bytes_spilled  Spark's memoryBytesSpilled, as the worker reports it at the end
 *   disk_bytes_spilled    Spark's diskBytesSpilled
 * \since 1.0 */
int32_t iterator_result(udfrunner_iterator *it, const char *key, udfrunner_bytes *bytes,
                        udfrunner_error **err);

/* The current Python stacks of all threads of the task's worker, as Python's faulthandler writes them: also while
 * the function hangs in C code. The worker goes on; a system call that its code makes may be interrupted (EINTR).
 *   timeout_ms  [in] bound of the wait: 0 = do not wait, -1 = no limit
 *   bytes       [out, owned] filled on OK; UTF-8 text
 *   returns OK; TIMED_OUT: the worker did not answer in time (it is stopped, or still starting); INVALID_STATE:
 *     the task has ended; WORKER_EXITED: the worker ended meanwhile; NOT_SUPPORTED: a worker that the embedded
 *     daemon did not fork, or for which there was no file to write to; INVALID_HANDLE; FORKED. Safe from any thread.
 * \since 1.0 */
int32_t iterator_stack(udfrunner_iterator *it, int64_t timeout_ms, udfrunner_bytes *bytes,
                       udfrunner_error **err);

/* Cancels the task: its worker is killed, a call in flight and later ones return CANCELLED.
 * Nothing changes for a task that is complete. Idempotent, waits for nothing, runs no host
 * code; safe from any thread, also from within the iterator's own callbacks.
 *   reason  [in] NUL-terminated text for the error, or NULL
 *   returns OK; INVALID_HANDLE; FORKED.
 * \since 1.0 */
int32_t iterator_cancel(udfrunner_iterator *it, const char *reason);

/* Ends the task if it runs, releases the input (on this thread), nulls the handle; of an iterator whose
 * exported stream is not released it only nulls the handle. A call in flight
 * on another thread ends with CANCELLED; the input is then released by that call. Waits for
 * no Python code (50 ms at most).
 *   returns OK; INVALID_HANDLE; FORKED (the input is then left alone).
 * \since 1.0 */
int32_t iterator_close(udfrunner_iterator **it);

/* ------------------------------------------------------------------ Memory */

/* Releases a chunk, or bytes, and zeroes the struct. Plain C, never waits, any thread, also in
 * a forked child. \since 1.0 */
void udfrunner_chunk_release(udfrunner_chunk *chunk);
void udfrunner_bytes_release(udfrunner_bytes *bytes);

/* ------------------------------------------------------------------ Errors */

/* The code of an error, or OK for NULL. \since 1.0 */
int32_t udfrunner_error_code(const udfrunner_error *err);

/* The message of an error: one line of UTF-8, "" for NULL.
 * [out, borrowed] until udfrunner_error_destroy. \since 1.0 */
const char *udfrunner_error_message(const udfrunner_error *err);

/* generated: details */
/* The keys of details:
 *   cause                what ended the task, one of the words below; every error that ends a task has it
 *   python.traceback     as the worker sent it; of a long one, head and tail (udfrunner.exception.text)
 *   result.actual        Spark's types, as JSON, of results that are not of the declared ones; Arrow's if it has none
 *   result.declared      the declared ones, in the same way
 *   worker.pyspark       the version of its PySpark, if known
 *   worker.pid           process id
 *   worker.exit_status   exit status, if it exited
 *   worker.signal        signal number, if a signal ended it
 *   worker.stderr_tail   the task's last lines on stderr; workers of a stock daemon share one stderr
 *   worker.python_stack  the Python stack at its death, if it left one
 *   worker.peak_rss      peak resident memory in bytes
 *   task.eval_type       number and name, "200 (SQL_SCALAR_PANDAS_UDF)"
 *   task.partition       the task's partition
 *   task.attempt         its attempt number
 *   task.stage           its stage
 *   task.id              its task attempt id
 *   go.panic             value and stack of a Go panic
 * The words of the detail cause, for programs to decide on and to count; docs/crashes.md shows each with its code:
 *   signal            a signal that the library did not send ended the worker
 *   exit              the worker exited by itself
 *   out_of_memory     the worker ran out of memory, or was OOM-killed
 *   exception         the function raised, or returned what its type does not allow
 *   unpickle          the function or a pickled row could not be loaded in the worker
 *   missing_module    a module, or a name imported from it, does not exist
 *   version_mismatch  the worker's Python or PySpark has the wrong version
 *   protocol          the worker or its daemon broke the protocol
 *   channel_closed    the worker closed its channel, lived on and was killed
 *   unknown           the worker ended, and its exit status is not known
 *   bad_interpreter   the interpreter, or its launcher, does not exist, is not Python, or cannot import PySpark
 *   no_process        the system refused a process, socket or memory for a worker
 *   start_timeout     the daemon or worker did not start in time
 *   daemon_ended      the daemon of the worker ended
 *   cancelled         killed: the host cancelled, closed, destroyed or shut down
 *   deadline          killed: the task's deadline passed
 *   idle_timeout      killed: no output for too long
 *   memory_limit      killed: it used more memory than its limit
 *   host              killed: the host's input failed or does not fit the functions
 *   system            killed: the operating system refused something else, or memory for results
 *   internal          killed: an internal error of the library
 */
/* generated: end */

/* A detail of an error, or NULL where it has none of that key.
 * [out, borrowed] until udfrunner_error_destroy. \since 1.0 */
const char *udfrunner_error_detail(const udfrunner_error *err, const char *key);

/* One of an error's details, for hosts that copy all of them: those that it has are numbered from 0, in the order of
 * their keys. Plain C, never waits, works after UDFRUNNER_INTERNAL and in a forked child.
 *   index  [in] 0 and up; no error has more than about twenty
 *   key    [out, borrowed] NULL = not wanted; until udfrunner_error_destroy; NULL unless OK
 *   value  [out, borrowed] as key
 *   returns OK; DONE: it has no more, or err is NULL.
 * \since 1.1 */
int32_t udfrunner_error_detail_at(const udfrunner_error *err, size_t index, const char **key,
                                  const char **value);

/* Frees an error and nulls the pointer. \since 1.0 */
void udfrunner_error_destroy(udfrunner_error **err);

#ifdef __cplusplus
}
#endif

#endif /* UDFRUNNER_H */
