"""docs/types.md and the recordings' README say what the samples and the recordings do."""

from __future__ import annotations

import recorded_counts
import types_document


def test_types_document() -> None:
    for document, updated in (
        (types_document.DOCUMENT, types_document.updated),
        (recorded_counts.README, recorded_counts.updated),
    ):
        page = document.read_text()
        assert page == updated(page), "run bindings/python/tests/types_document.py"
