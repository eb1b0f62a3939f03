"""Functions for the C example programs."""

import numpy as np
import pandas as pd


def distance(x: pd.Series, y: pd.Series) -> pd.Series:
    """The distance of points from the origin; null where a coordinate is."""
    return np.sqrt(x**2 + y**2)


def faulty(x: pd.Series) -> pd.Series:
    raise ValueError(f"{len(x)} rows, none of them welcome")
