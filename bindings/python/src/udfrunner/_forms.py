"""Results in the form that the caller's data has: pandas for pandas, Polars for Polars, else Arrow.

Everything else that is taken (pyarrow's tables and datasets, files, streams, DuckDB's relations)
gives pyarrow: a relation belongs to a connection that it does not tell, and DuckDB reads Arrow
tables in place.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    #: A table in a form of its own that results of it have, too.
    TableT = TypeVar("TableT", pd.DataFrame, pl.DataFrame, pl.LazyFrame)


class Form:
    """Results as pyarrow has them."""

    def column(self, values: pa.ChunkedArray, name: str) -> Any:
        """A column of results, one for each row of the data."""
        return values

    def table(self, values: pa.Table) -> Any:
        """A table of results, whose rows are others than the data's."""
        return values


class _Pandas(Form):
    """Series and DataFrame; with Arrow's dtypes where the data has some."""

    def __init__(self, data: pd.DataFrame) -> None:
        import pandas as pd

        self._index = data.index
        arrow = any(isinstance(dtype, pd.ArrowDtype) for dtype in data.dtypes)
        self._dtype = pd.ArrowDtype if arrow else None

    def column(self, values: pa.ChunkedArray, name: str) -> pd.Series:
        made: pd.Series = values.to_pandas(types_mapper=self._dtype)
        made.index, made.name = self._index, name
        return made

    def table(self, values: pa.Table) -> pd.DataFrame:
        made: pd.DataFrame = values.to_pandas(types_mapper=self._dtype)
        return made


class _Polars(Form):
    """Series and DataFrame, LazyFrame where that came."""

    def __init__(self, data: pl.DataFrame | pl.LazyFrame) -> None:
        self._lazy = type(data).__name__ == "LazyFrame"

    def column(self, values: pa.ChunkedArray, name: str) -> pl.Series:
        import polars as pl

        made = pl.from_arrow(values)
        assert isinstance(made, pl.Series)
        return made.alias(name)

    def table(self, values: pa.Table) -> pl.DataFrame | pl.LazyFrame:
        import polars as pl

        made = pl.from_arrow(values)
        assert isinstance(made, pl.DataFrame)
        return made.lazy() if self._lazy else made


def form_of(data: Any) -> Form:
    """The form of results of data."""
    if is_pandas(data):
        return _Pandas(data)
    return _Polars(data) if is_polars(data) else Form()


def with_plain_types(table: pa.Table) -> pa.Table:
    """The table of a DataFrame, with strings, binary and lists as Spark sends them.

    pandas and Polars make large ones or views of what has no Arrow type to the user, and PySpark
    takes such for another type than the declared one. Columns too big for the plain types stay.
    """
    import pyarrow as pa

    for index, field in enumerate(table.schema):
        plain = _plain(field.type)
        if plain != field.type:
            try:
                column = table.column(index).cast(plain)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                continue
            table = table.set_column(index, field.with_type(plain), column)
    return table


def _plain(given: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    # By name: older PyArrows lack views.
    if str(given) in ("large_string", "string_view"):
        return pa.string()
    if str(given) in ("large_binary", "binary_view"):
        return pa.binary()
    if pa.types.is_large_list(given) or pa.types.is_list(given):
        return pa.list_(given.value_field.with_type(_plain(given.value_type)))
    if pa.types.is_struct(given):
        return pa.struct([each.with_type(_plain(each.type)) for each in given])
    return given


def is_pandas(data: Any) -> bool:
    """Whether data is a DataFrame of pandas."""
    # Whoever has one has imported its module; others need not wait for that.
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def collected(data: Any) -> pl.DataFrame:
    """A DataFrame of Polars as it is, the result of a LazyFrame."""
    made: pl.DataFrame = data.collect() if type(data).__name__ == "LazyFrame" else data
    return made


def is_polars(data: Any) -> bool:
    """Whether data is a DataFrame or LazyFrame of Polars."""
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(data, (polars.DataFrame, polars.LazyFrame))
