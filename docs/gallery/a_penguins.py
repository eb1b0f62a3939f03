"""A pandas function over a column with gaps: penguins.

A `pandas_udf` as it would be written for Spark gets two columns of the Palmer penguins. Two of the
344 birds were not weighed: what is missing stays missing. A DataFrame gives a Series, with its index.
"""

import palmerpenguins
import pandas as pd
import udfrunner
from pyspark.sql.functions import pandas_udf

udfrunner.allow_ddl_without_session()


@pandas_udf("double")
def grams_per_millimetre(mass: pd.Series, flipper: pd.Series) -> pd.Series:
    return (mass / flipper).round(2)


penguins = palmerpenguins.load_penguins()
ratio = udfrunner.apply(grams_per_millimetre, penguins, "body_mass_g", "flipper_length_mm")
print(ratio.head(4).to_list(), ratio.isna().sum())
# prints [20.72, 20.43, 16.67, nan] 2
