"""A daemon module for stock Spark: ``spark.python.daemon.module=udfrunner.spark_daemon``.

Spark 3.5 to 4.3 then forks its Python workers out of a process that has imported PySpark, PyArrow
and pandas already. Nothing else changes: the workers are PySpark's own. Needs PySpark, and neither
the library nor PyArrow.
"""

from ._daemon.spark.server import main

if __name__ == "__main__":
    main()
