"""Writes IPC streams whose rows repeat, of every type that groups can have as a key.

runs.py DIR      DIR/<case>.arrows: the column of the case, and one of row numbers
"""

from __future__ import annotations

import pathlib
import sys

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.types as kinds  # type: ignore[import-untyped]
from streams import binaries, dictionaries, nested, primitives, run_ends, temporals


def repeated(array: pa.Array) -> pa.Array:
    """Each value up to four times, one after the other, and the last one over many batches."""
    parts = [array.slice(i, 1) for i in range(len(array)) for _ in range(i % 4 + 1)]
    return pa.concat_arrays(parts + [array.slice(len(array) - 1, 1)] * 30)


def main(directory: pathlib.Path) -> None:
    for make in (primitives, temporals, binaries, nested, run_ends, dictionaries):
        for name, array in make():
            if kinds.is_null(array.type):
                continue
            column = repeated(array)
            batch = pa.record_batch([column, list(range(len(column)))], ["key", "row"])
            with pa.ipc.new_stream(str(directory / f"{name}.arrows"), batch.schema) as out:
                for start in range(0, batch.num_rows, 13):
                    out.write_batch(batch.slice(start, 13))
                    out.write_batch(batch.slice(0, 0))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
