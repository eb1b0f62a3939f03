"""Functions in every form a caller may give them, and the arguments of a chain."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Union

from . import _abi, _pyspark
from ._evaltype import INIT_STATE_TYPES, TABLE_TYPES, TRANSFORM_TYPES, EvalType
from ._shared import Shared
from ._tablefunction import TableFunction
from ._task import checked_int
from ._types import ReturnType, return_type
from .errors import InvalidArgument, is_error

__tracebackhide__ = is_error

#: A Python callable, a decorated PySpark UDF or UDTF, a table function's class or a
#: StatefulProcessor; the pickle of a command; or ``"module:qualname"``.
FunctionLike = Union[Callable[..., Any], bytes, str]


@dataclass(frozen=True)
class Argument:
    """One argument of a chain: the input column at `offset`, by keyword where `name` is given."""

    offset: int
    name: str | None = None


#: A column offset, (offset, keyword) or Argument.
ArgumentLike = Union[int, tuple[int, str], Argument]


def argument(value: ArgumentLike) -> Argument:
    """Takes an argument in any of its forms."""
    if isinstance(value, Argument):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Argument(value)
    if isinstance(value, tuple) and len(value) == 2:
        offset, name = value
        if isinstance(offset, int) and isinstance(name, str):
            return Argument(offset, name)
    raise InvalidArgument(
        f"argument {value!r}: must be a column offset, (offset, keyword) or udfrunner.Argument"
    )


def is_udf(function: object) -> bool:
    """Whether a function was made by PySpark's udf, pandas_udf, arrow_udf, udtf or arrow_udtf."""
    return hasattr(function, "evalType") and hasattr(function, "func")


def udf_eval_type(function: Any) -> int:
    """The eval type of a UDF that PySpark made."""
    return int(function.evalType)


def udf_return_type(function: Any) -> ReturnType | None:
    """The return type of a UDF that PySpark made, without asking a Spark session.

    None for a table function whose ``analyze`` tells it.
    """
    unwrapped = getattr(function, "_unwrapped", function)
    declared = getattr(unwrapped, "_returnType", None)
    declared = declared if declared is not None else function.returnType
    return None if declared is None else return_type(declared)


@dataclass(frozen=True)
class DecoratedPartial:
    """A partial of a UDF that PySpark made: its eval type and return type, the rest of its call."""

    func: Callable[..., Any]
    evalType: int
    returnType: Any


def settled(function: FunctionLike) -> Any:
    """The function, where it is a partial of a decorated one as a decorated partial."""
    if not isinstance(function, functools.partial) or not is_udf(function.func):
        return function
    made: Any = function.func
    bound = functools.partial(made.func, *function.args, **function.keywords)
    return DecoratedPartial(bound, udf_eval_type(made), udf_return_type(made))


def name_of(function: FunctionLike) -> str:
    """A name of the function for messages."""
    if isinstance(function, str):
        return function
    if isinstance(function, bytes):
        return f"<pickle of {len(function)} bytes>"
    inner = _innermost(function)
    for named in (function, inner, type(inner)):
        if isinstance(name := getattr(named, "__qualname__", None), str):
            return name
    return repr(function)


def _innermost(function: Any) -> Any:
    """The function within a decorated one and within partials."""
    while isinstance(function, functools.partial) or is_udf(function):
        function = function.func
    return function


def short_name_of(function: FunctionLike) -> str | None:
    """The function's own name, without module and class; None for a pickle."""
    if isinstance(function, str):
        return function.rpartition(":")[2].rpartition(".")[2]
    if isinstance(function, (bytes, bytearray, memoryview)):
        return None
    inner = _innermost(function)
    for name in (
        getattr(function, "_name", None),
        getattr(inner, "__name__", None),
        type(inner).__name__,
    ):
        if isinstance(name, str):
            return name
    return None


class Chain:
    """One chain of functions with its arguments and return type, ready for the library.

    Args:
        eval_type: PySpark's PythonEvalType, which says how Python objects are pickled.
        functions: the functions, applied first to last.
        arguments: those of the first function.
        declared: the return type, or None where a decorated function tells its own.
        table: of a table function.
        time_mode: of a stateful processor.
        share: whether workers can have large containers of closures apart from the pickles.
    """

    def __init__(
        self,
        eval_type: int,
        functions: Sequence[FunctionLike],
        arguments: Sequence[ArgumentLike],
        declared: ReturnType | None,
        table: TableFunction | None = None,
        time_mode: str = "None",
        share: bool = False,
    ) -> None:
        if isinstance(functions, (str, bytes)) or not isinstance(functions, Sequence):
            raise InvalidArgument(f"chain {functions!r}: a list of functions is needed")
        if not functions:
            raise InvalidArgument("chain []: at least one function is needed")
        functions = [settled(function) for function in functions]
        self._eval_type = eval_type
        self._time_mode = time_mode
        self._table = table or TableFunction()
        self.name = short_name_of(functions[-1]) or ""
        #: The functions for people: "double(plus_one)".
        self.shown = "".join(f"{name_of(each)}(" for each in reversed(functions[1:]))
        self.shown += name_of(functions[0]) + ")" * (len(functions) - 1)
        self.arguments = [argument(value) for value in arguments]
        self.return_type = declared or self._told_type(functions[-1])
        self.has_callables = False
        #: What the pickles leave to files, which workers read as long as tasks run.
        self.shared: list[Shared] = []
        self._share = share
        self._specs: list[tuple[bytes | None, bytes | None]] = []
        for index, function in enumerate(functions):
            is_last = index == len(functions) - 1
            self._specs.append(self._spec(function, self.return_type if is_last else None))

    def _told_type(self, last: FunctionLike) -> ReturnType | None:
        """The return type that the last function, or its analyze method, tells."""
        if is_udf(last) and (told := udf_return_type(last)) is not None:
            return told
        analyzed = self._table.analyzed_schema
        return None if analyzed is None else return_type(analyzed)

    def _spec(
        self, function: Any, declared: ReturnType | None
    ) -> tuple[bytes | None, bytes | None]:
        """The (pickle, reference) of one function, one of them None."""
        if isinstance(function, (bytes, bytearray, memoryview)):
            return bytes(function), None
        if isinstance(function, str):
            return None, function.encode()
        plain: Any = function.func if is_udf(function) else function
        self.has_callables = True
        return self._pickle(plain, declared), None

    def _pickle(self, function: Any, declared: ReturnType | None) -> bytes:
        """The command of a Python object, as Spark makes it for the eval type."""
        if self._eval_type in TABLE_TYPES:
            if not isinstance(function, type):
                raise InvalidArgument(
                    f"table function {function!r}: must be a handler class, an object made by "
                    "udtf, pickled bytes or 'module:qualname'"
                )
            return _pyspark.pickle_handler(function)
        if self._eval_type in TRANSFORM_TYPES and _pyspark.is_stateful_processor(function):
            initial = self._eval_type in INIT_STATE_TYPES
            function = _pyspark.stateful_function(function, self._time_mode, initial)
        if not callable(function):
            raise InvalidArgument(
                f"function {function!r}: must be a callable, pickled bytes or 'module:qualname'"
            )
        if self._eval_type == EvalType.NON_UDF:
            return _pyspark.pickle_rdd_command(function)
        data_type = declared.pyspark() if declared is not None else None
        command, shared = _pyspark.pickle_command(function, data_type, self._share)
        self.shared += shared
        return command

    def to_c(self) -> tuple[Any, Any, list[Any]]:
        """The C arrays of functions and arguments, and what must live as long as they."""
        keep: list[Any] = []
        functions = (_abi.Function * len(self._specs))()
        for index, (pickle, reference) in enumerate(self._specs):
            item = functions[index]
            item.size = ctypes.sizeof(_abi.Function)
            if pickle is not None:
                keep.append(pickle)
                item.pickle = ctypes.cast(ctypes.c_char_p(pickle), ctypes.c_void_p)
                item.pickle_size = len(pickle)
            if reference is not None:
                item.reference, item.reference_size = reference, len(reference)
        last = functions[len(self._specs) - 1]
        self._set_return_type(last, keep)
        if self._eval_type in TABLE_TYPES:
            last.table = ctypes.pointer(self._table.to_c(self.name, keep))
        arguments = (_abi.Argument * len(self.arguments))()
        for index, given in enumerate(self.arguments):
            arguments[index].offset = checked_int(given.offset, 32, "argument offset")
            if given.name is not None:
                name = given.name.encode()
                arguments[index].name, arguments[index].name_size = name, len(name)
        return functions, arguments, keep

    def _set_return_type(self, item: _abi.Function, keep: list[Any]) -> None:
        declared = self.return_type
        if declared is None:
            return
        if declared.text is not None:
            text = declared.text.encode()
            item.return_type, item.return_type_size = text, len(text)
            return
        capsule = declared.schema.__arrow_c_schema__()
        keep.append(capsule)
        item.return_schema = ctypes.cast(
            capsule_pointer(capsule, b"arrow_schema"), ctypes.POINTER(_abi.ArrowSchema)
        )


_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype = ctypes.c_void_p
_get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


def capsule_pointer(capsule: object, name: bytes) -> int:
    """The address that a PyCapsule holds."""
    address = _get_pointer(capsule, name)
    if not address:
        raise InvalidArgument(f"capsule {capsule!r}: no {name.decode()}")
    return int(address)
