"""Numbers of a task or an env: a dict, which notebooks show as a table."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any


class Metrics(dict[str, Any]):
    """Names and numbers, some of them nested; an ordinary dict beside its look in notebooks."""

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:right'>{html.escape(_shown(value))}</td></tr>"
            for name, value in flat(self)
        )
        return f"<table>{rows}</table>"


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """The leaves of nested objects, by dotted key."""
    for key, value in values.items():
        if isinstance(value, list):
            yield from flat({str(i): item for i, item in enumerate(value)}, f"{prefix}{key}.")
        elif isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _shown(value: object) -> str:
    return f"{value:,}" if type(value) in (int, float) else str(value)
