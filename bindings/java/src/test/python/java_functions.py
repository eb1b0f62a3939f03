"""What the Java tests run in workers, beside the functions of the C tests."""

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa


def identity(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


def count_rows(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"rows": [len(frame)]})


def count_both(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"rows": [100 * len(left) + len(right)]})
