"""Functions as users write them."""

import functools

NUMBER = 7


def increment(x: int) -> int:
    return x + 1


def add(x: int, y: int) -> int:
    return x + y


add_five = functools.partial(add, y=5)
marked_partial = functools.partial(add, y=5)
marked_partial.evalType = 100  # type: ignore[attr-defined]
shout = lambda x: f"{x}!"


def größe(x: int) -> int:
    return x


class Calculator:
    def __init__(self, base: int) -> None:
        self.base = base

    @staticmethod
    def double(x: int) -> int:
        return 2 * x

    def add(self, x: int) -> int:
        return self.base + x
