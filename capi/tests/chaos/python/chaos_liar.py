"""A daemon module whose workers lie: PySpark's own daemon, with another main of its workers.

What a worker says follows from its task's partition, the first number that the host sends.
"""

import io
import os
import random
import time
from typing import BinaryIO

import pandas  # noqa: F401  (not anew in each worker)
import pyarrow  # noqa: F401
import pyspark.daemon
import pyspark.worker

true_main = pyspark.worker.main


def honest(infile: BinaryIO) -> bytearray:
    """What PySpark's worker would have said."""
    said = io.BytesIO()
    try:
        true_main(infile, said)
    except SystemExit:
        pass
    return bytearray(said.getvalue())


def lie(infile: io.BufferedReader, outfile: BinaryIO) -> None:
    """Answers a task, if it can be called that."""
    rng = random.Random(infile.peek(4)[:4])
    kind = rng.randrange(40)
    if kind == 0:
        outfile.write(rng.randbytes(rng.randrange(3000)))
    elif kind == 1:  # for ever
        while True:
            outfile.write(rng.randbytes(10_000))
    elif kind == 2:
        time.sleep(600)
    elif kind == 3:  # an exception without end
        outfile.write(b"\xff\xff\xff\xfe" + rng.choice([b"\x7f\xff\xff\xff", b"\x7f\x00\x00\x00"]))
        while True:
            outfile.write(rng.randbytes(10_000))
    else:
        kind = 4 + kind % 5
        answer = honest(infile)
        at = rng.randrange(len(answer) + 1)
        if kind == 4:
            del answer[at:]
        elif kind == 5:
            answer[at:at] = answer[: rng.randrange(200)]
        elif kind == 6:
            del answer[at : at + rng.randrange(1, 100)]
        elif kind == 7:  # a length or a count, perhaps
            at -= at % 4
            answer[at : at + 4] = rng.choice(
                [
                    b"\xff\xff\xff\xff",
                    b"\x7f\xff\xff\xff",
                    b"\x80\0\0\0",
                    b"\xff\xff\xff\xfe",
                    b"\0\0\0\0",
                ]
            )
        else:
            for _ in range(rng.randrange(1, 8)):
                answer[rng.randrange(len(answer))] ^= 1 << rng.randrange(8)
        outfile.write(answer)
    outfile.flush()
    os._exit(rng.randrange(2))


pyspark.worker.main = lie

if __name__ == "__main__":
    pyspark.daemon.manager()
