"""The C ABI of ``include/udfrunner.h`` as ctypes declarations, and nothing else.

Names, types and field order mirror the header; ``tests/test_abi.py`` parses the header and
compares. Text that is given with a length may hold NUL bytes, so the fields that the library
fills with it are plain addresses (``c_void_p``).
"""

from __future__ import annotations

import ctypes as c
from typing import Any

# --------------------------------------------------------------------------- constants

UDFRUNNER_ABI_VERSION = 0x00010001

UDFRUNNER_OK = 0
UDFRUNNER_DONE = 1
UDFRUNNER_TIMED_OUT = 2
UDFRUNNER_NEED_INPUT = 3
UDFRUNNER_AGAIN = UDFRUNNER_NEED_INPUT

# generated: error codes
UDFRUNNER_UNKNOWN = -1
UDFRUNNER_INVALID_ARGUMENT = -2
UDFRUNNER_INVALID_STATE = -3
UDFRUNNER_INVALID_HANDLE = -4
UDFRUNNER_CANCELLED = -5
UDFRUNNER_PYTHON_EXCEPTION = -6
UDFRUNNER_WORKER_EXITED = -7
UDFRUNNER_PROTOCOL = -8
UDFRUNNER_SPAWN = -9
UDFRUNNER_IO = -10
UDFRUNNER_DEADLINE = -11
UDFRUNNER_NO_MEMORY = -12
UDFRUNNER_NOT_SUPPORTED = -13
UDFRUNNER_HOST = -14
UDFRUNNER_INTERNAL = -15
UDFRUNNER_FORKED = -16
# generated: end

UDFRUNNER_NUL = c.c_size_t(-1).value

# generated: eval types
UDFRUNNER_NON_UDF = 0
UDFRUNNER_SQL_BATCHED_UDF = 100
UDFRUNNER_SQL_ARROW_BATCHED_UDF = 101
UDFRUNNER_SQL_SCALAR_PANDAS_UDF = 200
UDFRUNNER_SQL_GROUPED_MAP_PANDAS_UDF = 201
UDFRUNNER_SQL_GROUPED_AGG_PANDAS_UDF = 202
UDFRUNNER_SQL_WINDOW_AGG_PANDAS_UDF = 203
UDFRUNNER_SQL_SCALAR_PANDAS_ITER_UDF = 204
UDFRUNNER_SQL_MAP_PANDAS_ITER_UDF = 205
UDFRUNNER_SQL_COGROUPED_MAP_PANDAS_UDF = 206
UDFRUNNER_SQL_MAP_ARROW_ITER_UDF = 207
UDFRUNNER_SQL_GROUPED_MAP_PANDAS_UDF_WITH_STATE = 208
UDFRUNNER_SQL_GROUPED_MAP_ARROW_UDF = 209
UDFRUNNER_SQL_COGROUPED_MAP_ARROW_UDF = 210
UDFRUNNER_SQL_TRANSFORM_WITH_STATE_PANDAS_UDF = 211
UDFRUNNER_SQL_TRANSFORM_WITH_STATE_PANDAS_INIT_STATE_UDF = 212
UDFRUNNER_SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_UDF = 213
UDFRUNNER_SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_INIT_STATE_UDF = 214
UDFRUNNER_SQL_GROUPED_MAP_ARROW_ITER_UDF = 215
UDFRUNNER_SQL_GROUPED_MAP_PANDAS_ITER_UDF = 216
UDFRUNNER_SQL_GROUPED_AGG_PANDAS_ITER_UDF = 217
UDFRUNNER_SQL_SCALAR_ARROW_UDF = 250
UDFRUNNER_SQL_SCALAR_ARROW_ITER_UDF = 251
UDFRUNNER_SQL_GROUPED_AGG_ARROW_UDF = 252
UDFRUNNER_SQL_WINDOW_AGG_ARROW_UDF = 253
UDFRUNNER_SQL_GROUPED_AGG_ARROW_ITER_UDF = 254
UDFRUNNER_SQL_TABLE_UDF = 300
UDFRUNNER_SQL_ARROW_TABLE_UDF = 301
UDFRUNNER_SQL_ARROW_UDTF = 302
# generated: end

UDFRUNNER_INPUT_NONE = 0
UDFRUNNER_INPUT_STREAM = 1
UDFRUNNER_INPUT_RECORDS = 2
UDFRUNNER_INPUT_GROUPS = 3

# ----------------------------------------------------------- Arrow C data interface


class ArrowSchema(c.Structure):
    """``struct ArrowSchema`` of the Arrow C data interface."""


ArrowSchemaRelease = c.CFUNCTYPE(None, c.POINTER(ArrowSchema))
ArrowSchema._fields_ = [
    ("format", c.c_char_p),
    ("name", c.c_char_p),
    ("metadata", c.c_char_p),
    ("flags", c.c_int64),
    ("n_children", c.c_int64),
    ("children", c.POINTER(c.POINTER(ArrowSchema))),
    ("dictionary", c.POINTER(ArrowSchema)),
    ("release", ArrowSchemaRelease),
    ("private_data", c.c_void_p),
]


class ArrowArray(c.Structure):
    """``struct ArrowArray`` of the Arrow C data interface."""


ArrowArrayRelease = c.CFUNCTYPE(None, c.POINTER(ArrowArray))
ArrowArray._fields_ = [
    ("length", c.c_int64),
    ("null_count", c.c_int64),
    ("offset", c.c_int64),
    ("n_buffers", c.c_int64),
    ("n_children", c.c_int64),
    ("buffers", c.POINTER(c.c_void_p)),
    ("children", c.POINTER(c.POINTER(ArrowArray))),
    ("dictionary", c.POINTER(ArrowArray)),
    ("release", ArrowArrayRelease),
    ("private_data", c.c_void_p),
]


class ArrowArrayStream(c.Structure):
    """``struct ArrowArrayStream`` of the Arrow C stream interface."""


ArrowStreamGetSchema = c.CFUNCTYPE(c.c_int, c.POINTER(ArrowArrayStream), c.POINTER(ArrowSchema))
ArrowStreamGetNext = c.CFUNCTYPE(c.c_int, c.POINTER(ArrowArrayStream), c.POINTER(ArrowArray))
ArrowStreamGetLastError = c.CFUNCTYPE(c.c_char_p, c.POINTER(ArrowArrayStream))
ArrowStreamRelease = c.CFUNCTYPE(None, c.POINTER(ArrowArrayStream))
ArrowArrayStream._fields_ = [
    ("get_schema", ArrowStreamGetSchema),
    ("get_next", ArrowStreamGetNext),
    ("get_last_error", ArrowStreamGetLastError),
    ("release", ArrowStreamRelease),
    ("private_data", c.c_void_p),
]

# ------------------------------------------------------------------- udfrunner structs

# Handles and errors are opaque: void pointers here.
Handle = c.c_void_p


class Pair(c.Structure):
    """``udfrunner_pair``: a key and its value."""

    _fields_ = [
        ("key", c.c_char_p),
        ("key_size", c.c_size_t),
        ("value", c.c_char_p),
        ("value_size", c.c_size_t),
    ]


class Bytes(c.Structure):
    """``udfrunner_bytes``: bytes that the caller releases."""

    _fields_ = [("data", c.c_void_p), ("size", c.c_uint64), ("private_data", c.c_void_p)]


class Chunk(c.Structure):
    """``udfrunner_chunk``: whole records of output."""

    _fields_ = [
        ("data", c.c_void_p),
        ("size", c.c_uint64),
        ("n", c.c_uint64),
        ("offsets", c.POINTER(c.c_uint64)),
        ("private_data", c.c_void_p),
    ]


class Buffer(c.Structure):
    """``udfrunner_buffer``: memory that workers read in place."""

    _fields_ = [("data", c.c_void_p), ("size", c.c_uint64), ("private_data", c.c_void_p)]


class TableFunction(c.Structure):
    """``udfrunner_table_function``: what a table function has besides its handler class."""

    _fields_ = [
        ("size", c.c_uint64),
        ("name", c.c_char_p),
        ("name_size", c.c_size_t),
        ("partition_children", c.POINTER(c.c_int32)),
        ("n_partition_children", c.c_size_t),
        ("analyze_result", c.c_void_p),
        ("analyze_result_size", c.c_size_t),
        ("table_arguments", c.POINTER(c.c_int32)),
        ("n_table_arguments", c.c_size_t),
    ]


class Function(c.Structure):
    """``udfrunner_function``: one function of a chain."""

    _fields_ = [
        ("size", c.c_uint64),
        ("pickle", c.c_void_p),
        ("pickle_size", c.c_size_t),
        ("reference", c.c_char_p),
        ("reference_size", c.c_size_t),
        ("return_type", c.c_char_p),
        ("return_type_size", c.c_size_t),
        ("return_schema", c.POINTER(ArrowSchema)),
        ("table", c.POINTER(TableFunction)),
    ]


class Argument(c.Structure):
    """``udfrunner_argument``: one argument of a chain."""

    _fields_ = [("offset", c.c_int32), ("name", c.c_char_p), ("name_size", c.c_size_t)]


class Record(c.Structure):
    """``udfrunner_record``: what an input callback supplies."""

    _fields_ = [
        ("data", c.c_void_p),
        ("size", c.c_uint64),
        ("n", c.c_uint64),
        ("offsets", c.POINTER(c.c_uint64)),
        ("message", c.c_char_p),
    ]


InputNext = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.POINTER(Record))
InputNextGroup = c.CFUNCTYPE(
    c.c_int32, c.c_void_p, c.POINTER(ArrowArrayStream), c.c_int32, c.POINTER(c.c_char_p)
)
InputRelease = c.CFUNCTYPE(None, c.c_void_p)


class Input(c.Structure):
    """``udfrunner_input``: the input of a task."""

    _fields_ = [
        ("size", c.c_uint64),
        ("kind", c.c_int32),
        ("keys", c.c_int32),
        ("stream", c.POINTER(ArrowArrayStream)),
        ("next", InputNext),
        ("next_group", InputNextGroup),
        ("release", InputRelease),
        ("ctx", c.c_void_p),
    ]


class Resource(c.Structure):
    """``udfrunner_resource``: a resource of a task."""

    _fields_ = [
        ("name", c.c_char_p),
        ("name_size", c.c_size_t),
        ("addresses", c.POINTER(c.c_char_p)),
        ("n_addresses", c.c_size_t),
    ]


class Task(c.Structure):
    """``udfrunner_task``: the identity of a task."""

    _fields_ = [
        ("size", c.c_uint64),
        ("partition", c.c_int32),
        ("attempt", c.c_int32),
        ("stage", c.c_int32),
        ("cpus", c.c_int32),
        ("task_attempt_id", c.c_int64),
        ("deadline_ms", c.c_int64),
        ("properties", c.POINTER(Pair)),
        ("n_properties", c.c_size_t),
        ("resources", c.POINTER(Resource)),
        ("n_resources", c.c_size_t),
        ("barrier", c.c_int32),
        ("barrier_port", c.c_int32),
        ("barrier_secret", c.c_char_p),
        ("barrier_secret_size", c.c_size_t),
        ("barrier_path", c.c_char_p),
        ("barrier_path_size", c.c_size_t),
    ]


# C name of each struct and its mirror.
STRUCTS: dict[str, type[c.Structure]] = {
    "ArrowSchema": ArrowSchema,
    "ArrowArray": ArrowArray,
    "ArrowArrayStream": ArrowArrayStream,
    "udfrunner_pair": Pair,
    "udfrunner_bytes": Bytes,
    "udfrunner_chunk": Chunk,
    "udfrunner_buffer": Buffer,
    "udfrunner_table_function": TableFunction,
    "udfrunner_function": Function,
    "udfrunner_argument": Argument,
    "udfrunner_record": Record,
    "udfrunner_input": Input,
    "udfrunner_resource": Resource,
    "udfrunner_task": Task,
}

# ------------------------------------------------------------------------- functions

_HANDLE_OUT = c.POINTER(Handle)
_ERROR_OUT = c.POINTER(c.c_void_p)

# Name, result type and argument types of every function.
FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "udfrunner_abi_version": (c.c_uint32, ()),
    "udfrunner_version": (c.c_char_p, ()),
    "udfrunner_shutdown": (c.c_int32, (c.c_int64,)),
    "udfrunner_env_create": (
        c.c_int32,
        (c.POINTER(Pair), c.c_size_t, _HANDLE_OUT, _ERROR_OUT),
    ),
    "udfrunner_env_destroy": (c.c_int32, (_HANDLE_OUT,)),
    "udfrunner_env_stats": (c.c_int32, (Handle, c.POINTER(Bytes), _ERROR_OUT)),
    "udfrunner_log_next": (c.c_int32, (Handle, c.c_int64, c.POINTER(Bytes), _ERROR_OUT)),
    "udfrunner_buffer_alloc": (
        c.c_int32,
        (Handle, c.c_uint64, c.POINTER(Buffer), _ERROR_OUT),
    ),
    "udfrunner_buffer_release": (None, (c.POINTER(Buffer),)),
    "runner_create": (c.c_int32, (Handle, c.c_int32, _HANDLE_OUT, _ERROR_OUT)),
    "runner_add_function": (
        c.c_int32,
        (
            Handle,
            c.POINTER(Function),
            c.c_size_t,
            c.POINTER(Argument),
            c.c_size_t,
            _ERROR_OUT,
        ),
    ),
    "runner_set": (
        c.c_int32,
        (Handle, c.c_char_p, c.c_size_t, c.c_char_p, c.c_size_t, _ERROR_OUT),
    ),
    "runner_add_include": (c.c_int32, (Handle, c.c_char_p, c.c_size_t, _ERROR_OUT)),
    "runner_add_broadcast": (
        c.c_int32,
        (Handle, c.c_int64, c.c_char_p, c.c_size_t, _ERROR_OUT),
    ),
    "runner_compute": (
        c.c_int32,
        (Handle, c.POINTER(Input), c.POINTER(Task), _HANDLE_OUT, _ERROR_OUT),
    ),
    "runner_cancel": (c.c_int32, (Handle, c.c_char_p)),
    "runner_destroy": (c.c_int32, (_HANDLE_OUT,)),
    "iterator_schema": (c.c_int32, (Handle, c.POINTER(ArrowSchema), _ERROR_OUT)),
    "iterator_next": (c.c_int32, (Handle, c.c_int64, c.POINTER(Chunk), _ERROR_OUT)),
    "iterator_next_arrow": (
        c.c_int32,
        (Handle, c.c_int64, c.POINTER(ArrowArray), c.POINTER(ArrowSchema), _ERROR_OUT),
    ),
    "iterator_export": (c.c_int32, (Handle, c.POINTER(ArrowArrayStream), _ERROR_OUT)),
    "iterator_error": (c.c_int32, (Handle, _ERROR_OUT)),
    "iterator_event_fd": (c.c_int32, (Handle, c.POINTER(c.c_int32), _ERROR_OUT)),
    "iterator_result": (c.c_int32, (Handle, c.c_char_p, c.POINTER(Bytes), _ERROR_OUT)),
    "iterator_stack": (c.c_int32, (Handle, c.c_int64, c.POINTER(Bytes), _ERROR_OUT)),
    "iterator_cancel": (c.c_int32, (Handle, c.c_char_p)),
    "iterator_close": (c.c_int32, (_HANDLE_OUT,)),
    "udfrunner_chunk_release": (None, (c.POINTER(Chunk),)),
    "udfrunner_bytes_release": (None, (c.POINTER(Bytes),)),
    "udfrunner_error_code": (c.c_int32, (c.c_void_p,)),
    "udfrunner_error_message": (c.c_char_p, (c.c_void_p,)),
    "udfrunner_error_detail": (c.c_char_p, (c.c_void_p, c.c_char_p)),
    "udfrunner_error_detail_at": (
        c.c_int32,
        (c.c_void_p, c.c_size_t, c.POINTER(c.c_char_p), c.POINTER(c.c_char_p)),
    ),
    "udfrunner_error_destroy": (None, (_ERROR_OUT,)),
}
