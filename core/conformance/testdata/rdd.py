"""Functions of RDDs that do what recorded ones do, without pyspark.core, which pyspark-client does not have.

Prints a line for each: the recorded case's name and the hexadecimal command.
"""

from collections.abc import Callable, Iterator

from pyspark.accumulators import Accumulator, AddingAccumulatorParam
from pyspark.serializers import AutoBatchedSerializer, BatchedSerializer, CPickleSerializer

total = Accumulator(0, 0, AddingAccumulatorParam(0))
count = Accumulator(1, 0.0, AddingAccumulatorParam(0.0))


def rdd_map(_: int, rows: Iterator[int]) -> Iterator[int]:
    list(rows)  # Spark has the range in the function, and sends no rows.
    return (x + 1 for x in range(10))


def accumulator(_: int, rows: Iterator[int]) -> Iterator[int]:
    list(rows)
    for x in range(5):
        total.add(x)
        count.add(1.0)
        yield x


def local_properties(_: int, rows: Iterator[int]) -> Iterator[int]:
    return rows


def barrier(_: int, rows: Iterator[int]) -> Iterator[int]:
    from pyspark import BarrierTaskContext

    BarrierTaskContext.get().barrier()
    yield from rows


def command(function: Callable[[int, Iterator[int]], Iterator[int]]) -> bytes:
    pickler = CPickleSerializer()
    serializers = BatchedSerializer(pickler, 1), AutoBatchedSerializer(pickler)
    return bytes(pickler.dumps((function, None, *serializers)))


if __name__ == "__main__":
    for each in (rdd_map, accumulator, local_properties, barrier):
        print(each.__name__, command(each).hex())
