"""Writes an Arrow IPC stream to stdout, with columns of types that Spark lacks or labels differently."""

import datetime
import decimal
import sys

import pyarrow as pa

SUMMER = datetime.datetime(2024, 7, 1, 12, tzinfo=datetime.timezone.utc)

COLUMNS = {
    "paris": pa.array([SUMMER], pa.timestamp("us", "Europe/Paris")),
    "nanos": pa.array([SUMMER], pa.timestamp("ns", "UTC")),
    "view": pa.array(["a text longer than twelve bytes"], pa.string_view()),
    "word": pa.array(["word"]).dictionary_encode(),
    "byte": pa.array([255], pa.uint8()),
    "huge": pa.array([2**64 - 1], pa.uint64()),
    "half": pa.array([1.5], pa.float16()),
    "day": pa.array([datetime.date(2024, 2, 29)], pa.date64()),
    "small": pa.array([decimal.Decimal("1.25")], pa.decimal32(5, 2)),
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array(["run"])),
}

if __name__ == "__main__":
    batch = pa.record_batch(COLUMNS)
    with pa.ipc.new_stream(sys.stdout.buffer, batch.schema) as stream:
        stream.write_batch(batch)
