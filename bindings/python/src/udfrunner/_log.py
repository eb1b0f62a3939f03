"""Lines that workers wrote to stdout and stderr, as an env gives them."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LogLine:
    """One line that a worker wrote, or that the library says of one."""

    time: datetime.datetime
    """When it was read from the worker, in UTC."""
    stream: str
    """``stdout``, ``stderr``, or ``udfrunner`` for the library's own lines."""
    text: str
    pid: int | None = None
    stage: int | None = None
    """Of the task that it belongs to, as the next three; None where it belongs to none."""
    partition: int | None = None
    attempt: int | None = None
    task: int | None = None
    continues: bool = False
    """The line was too long: its rest is the next one."""
    dropped_lines: int = 0
    """Lines missing before this one (``udfrunner.log.rate``, ``udfrunner.log.buffer``)."""
    dropped_bytes: int = 0


def parse_lines(data: bytes) -> list[LogLine]:
    """What udfrunner_log_next gave: a JSON object per line. Unknown members are overlooked."""
    return [_parse(json.loads(line)) for line in data.splitlines()]


def _parse(members: dict[str, Any]) -> LogLine:
    known = {name: members[name] for name in LogLine.__dataclass_fields__ if name in members}
    known["time"] = datetime.datetime.fromisoformat(members["time"].replace("Z", "+00:00"))
    return LogLine(**known)
