"""Functions under PySpark's decorators."""

from functions import increment
from pyspark.sql.functions import arrow_udf, pandas_udf, udf
from pyspark.sql.types import LongType
from pyspark.sql.udf import UserDefinedFunction


@udf(returnType=LongType(), useArrow=False)
def plain(x):  # type: ignore[no-untyped-def]
    return x + 1


@udf(returnType=LongType(), useArrow=True)
def optimized(x):  # type: ignore[no-untyped-def]
    return x + 2


@pandas_udf(returnType=LongType(), functionType=200)
def pandas(x):  # type: ignore[no-untyped-def]
    return x + 3


@arrow_udf(returnType=LongType(), functionType=250)
def arrow(x):  # type: ignore[no-untyped-def]
    return x + 4


unwrapped = UserDefinedFunction(increment, returnType=LongType(), evalType=200)
