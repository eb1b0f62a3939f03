"""Functions that say what their process may do."""

import os
import socket

import pandas as pd


def user(a: pd.Series) -> pd.Series:
    return a * 0 + os.getuid()


def writes(a: pd.Series) -> pd.Series:
    """1 where a file can be made in the working directory."""
    name = f"udfrunner-test-{os.getpid()}"
    try:
        open(name, "w").close()
    except OSError:
        return a * 0
    os.unlink(name)
    return a * 0 + 1


def reaches(a: pd.Series) -> pd.Series:
    """For each port of 127.0.0.1: 1 where a connection to it is made."""

    def reached(port: int) -> int:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            return 0
        return 1

    return a.map(reached)


def process(a: pd.Series) -> pd.Series:
    return a * 0 + os.getpid()
