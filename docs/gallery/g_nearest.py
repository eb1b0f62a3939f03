"""What is dear to make is made once for each partition: the nearest airport.

The iterator form of a pandas function runs its first lines once, here to lay out 3,376 airports for
NumPy; a model would be loaded there. Each batch then is a series, or a tuple of several.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import udfrunner


def nearest(points: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.Series]:
    from vega_datasets import local_data

    airports = local_data.airports()
    places = np.radians(airports[["latitude", "longitude"]].to_numpy())
    for latitude, longitude in points:
        lat, lon = np.radians(latitude.to_numpy()), np.radians(longitude.to_numpy())
        a = np.sin((places[:, 0] - lat[:, None]) / 2) ** 2
        b = np.cos(places[:, 0]) * np.cos(lat)[:, None]
        distance = a + b * np.sin((places[:, 1] - lon[:, None]) / 2) ** 2
        yield airports["iata"].iloc[distance.argmin(axis=1)].reset_index(drop=True)


cities = pa.table({"lat": [40.77, 47.61, 21.31], "lon": [-73.98, -122.33, -157.86]})
print(udfrunner.apply(nearest, cities, "lat", "lon", return_type="string").to_pylist())
# prints ['JRA', 'BFI', 'HNL']
