"""A row at a time: an ordinary `udf` that parses names.

Functions that take and give plain Python values run as they do in Spark, with Spark's types: this
one gives a struct, of which a null stands for a name that it cannot read.
"""

import udfrunner
from pyspark.sql.functions import udf
from vega_datasets import local_data

udfrunner.allow_ddl_without_session()


@udf("struct<maker: string, model: string>")
def split_name(name):
    maker, found, model = name.partition(" ")
    return (maker.title(), model) if found else None


cars = local_data.cars()
names = udfrunner.apply(split_name, cars, "Name")
print(names.iloc[0], names.isna().sum())
# prints {'maker': 'Chevrolet', 'model': 'chevelle malibu'} 2
