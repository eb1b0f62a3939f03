"""Groups with their key: the deepest fall of a share's price.

A function of two parameters gets the key as a tuple in front of the rows, as in `applyInPandas`.
"""

import pandas as pd
import udfrunner
from vega_datasets import local_data


def deepest(key: tuple, rows: pd.DataFrame) -> pd.DataFrame:
    price = rows.sort_values("date")["price"]
    return pd.DataFrame({"symbol": [key[0]], "fall": [(price / price.cummax() - 1).min()]})


falls = udfrunner.map_groups(deepest, local_data.stocks(), "symbol", "symbol string, fall double")
print(falls.set_index("symbol")["fall"].round(2).to_dict())
# prints {'AAPL': -0.79, 'AMZN': -0.91, 'GOOG': -0.59, 'IBM': -0.55, 'MSFT': -0.63}
