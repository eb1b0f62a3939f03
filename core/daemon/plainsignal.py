"""The signal module's functions without its enums.

signal makes an enum member of each answer: sixty of those cost more than all else that is done
between two tasks, and each writes to memory that a fork shares.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found, unused-ignore]
from collections.abc import Callable, Iterable
from typing import Any

get_handler: Callable[[int], Any] = _signal.getsignal
"""signal.getsignal; None for a handler that was not set through Python."""

DEFAULT: int = _signal.SIG_DFL
"""signal.SIG_DFL: set_handler does not take the member of the enum."""

set_handler: Callable[[int, Any], Any] = _signal.signal
"""signal.signal."""

set_mask: Callable[[int, Iterable[int]], set[int]] = _signal.pthread_sigmask
"""signal.pthread_sigmask."""

valid_signals: Callable[[], set[int]] = _signal.valid_signals
"""signal.valid_signals."""
