"""docs/types.md says what the samples and the recordings do."""

from __future__ import annotations

import types_document


def test_types_document() -> None:
    page = types_document.DOCUMENT.read_text()
    assert page == types_document.updated(page), "run bindings/python/tests/types_document.py"
