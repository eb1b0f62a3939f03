"""Functions in every form a caller may give them, and the arguments of a chain."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Union

from . import _abi, _pyspark
from ._task import checked_int
from ._types import ReturnType, return_type
from .errors import InvalidArgument

#: A Python callable or decorated PySpark UDF, a pickled (function, return type), or
#: ``"module:qualname"``.
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
        f"argument {value!r}: a column offset, (offset, keyword) or udfrunner.Argument is allowed"
    )


def is_udf(function: object) -> bool:
    """Whether a function was made by PySpark's udf, pandas_udf or arrow_udf."""
    return hasattr(function, "evalType") and hasattr(function, "func")


def udf_eval_type(function: Any) -> int:
    """The eval type of a UDF that PySpark made."""
    return int(function.evalType)


def udf_return_type(function: Any) -> ReturnType:
    """The return type of a UDF that PySpark made, without asking a Spark session."""
    unwrapped = getattr(function, "_unwrapped", function)
    declared = getattr(unwrapped, "_returnType", None)
    return return_type(declared if declared is not None else function.returnType)


def name_of(function: FunctionLike) -> str:
    """A name of the function for messages."""
    if isinstance(function, str):
        return function
    if isinstance(function, bytes):
        return f"<pickle of {len(function)} bytes>"
    return getattr(function, "__qualname__", None) or repr(function)


class Chain:
    """One chain of functions with its arguments and return type, ready for the library."""

    def __init__(
        self,
        functions: Sequence[FunctionLike],
        arguments: Sequence[ArgumentLike],
        declared: ReturnType | None,
    ) -> None:
        if isinstance(functions, (str, bytes)) or not isinstance(functions, Sequence):
            raise InvalidArgument(f"chain {functions!r}: a list of functions is needed")
        if not functions:
            raise InvalidArgument("chain []: at least one function is needed")
        last = functions[-1]
        if declared is None and is_udf(last):
            declared = udf_return_type(last)
        self.arguments = [argument(value) for value in arguments]
        self.return_type = declared
        self.has_callables = False
        self._specs: list[tuple[bytes | None, bytes | None]] = []
        for index, function in enumerate(functions):
            is_last = index == len(functions) - 1
            self._specs.append(self._spec(function, declared if is_last else None))

    def _spec(
        self, function: Any, declared: ReturnType | None
    ) -> tuple[bytes | None, bytes | None]:
        """The (pickle, reference) of one function, one of them None."""
        if isinstance(function, (bytes, bytearray, memoryview)):
            return bytes(function), None
        if isinstance(function, str):
            return None, function.encode()
        if not callable(function):
            raise InvalidArgument(
                f"function {function!r}: a callable, pickled bytes or 'module:qualname' is allowed"
            )
        plain: Any = function.func if is_udf(function) else function
        self.has_callables = True
        data_type = declared.pyspark() if declared is not None else None
        return _pyspark.pickle_command(plain, data_type), None

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
        self._set_return_type(functions[len(self._specs) - 1], keep)
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
