"""Loads commands with PySpark's own read_command and reports what they are, as JSON."""

from __future__ import annotations

import base64
import io
import json
import pickle
import struct
import sys
from typing import Any

from pyspark.serializers import CPickleSerializer
from pyspark.worker_util import read_command


def load(command: bytes, call: bool) -> dict[str, Any]:
    stream = io.BytesIO(struct.pack("!i", len(command)) + command)
    try:
        function, return_type = read_command(CPickleSerializer(), stream)
        pickle.loads(command)
    except Exception as error:  # noqa: BLE001 - reported, whatever it is
        return {
            "Error": type(error).__name__,
            "Message": str(error),
            "Name": getattr(error, "name", None) if isinstance(error, ImportError) else None,
        }
    named = hasattr(function, "__qualname__")
    return {
        "Function": f"{function.__module__}.{function.__qualname__}" if named else "",
        "Class": type(function).__name__,
        "Result": function(20) if call else None,
        "ReturnType": "" if return_type is None else return_type.json(),
    }


if __name__ == "__main__":
    requests = json.load(sys.stdin)
    results = [load(base64.b64decode(r["command"]), r["call"]) for r in requests]
    json.dump(results, sys.stdout)
