"""What core/daemon/ddl.py makes of a JSON list of texts: a list of {"type": ...} or {"error": ...}."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from daemon import ddl


def answer(text: str) -> dict[str, Any]:
    try:
        return {"type": ddl.parse_type(text)}
    except ValueError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    json.dump([answer(text) for text in json.load(sys.stdin)], sys.stdout)
