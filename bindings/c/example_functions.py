"""Functions for the C example programs."""

import pandas as pd


def distance(x: pd.Series, y: pd.Series) -> pd.Series:
    """The distance of points from the origin; null where a coordinate is."""
    return (x**2 + y**2) ** 0.5


def faulty(x: pd.Series) -> pd.Series:
    raise ValueError(f"{len(x)} rows, none of them welcome")
