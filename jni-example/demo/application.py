"""How the demos submit the application."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pyspark

#: The Spark that came with this interpreter's PySpark.
SPARK_HOME = Path(pyspark.__file__).resolve().parent
#: Everything stays on this machine, and nothing is found out about its network.
ENVIRONMENT = {
    "SPARK_HOME": str(SPARK_HOME),
    "SPARK_LOCAL_IP": "127.0.0.1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_CONF = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.pyspark.python": sys.executable,
}


@dataclass(frozen=True)
class Application:
    """The application's files.

    jar: its own; library: the binding with the native library in it; data: what prepare.py wrote.
    """

    jar: Path
    library: Path
    data: Path

    def command(self, master: str, conf: dict[str, str], *arguments: str) -> list[str | Path]:
        """The command that submits it."""
        functions = Path(__file__).resolve().parent.parent / "python/flight_functions.py"
        command: list[str | Path] = [bin_path("spark-submit"), "--master", master]
        for pair in {**_CONF, **conf}.items():
            command += ["--conf", "=".join(pair)]
        command += ["--jars", self.library, "--files", functions]
        command += ["--class", "org.udfrunner.example.FlightsJob", self.jar, self.data]
        return [*command, *arguments]


def bin_path(name: str) -> Path:
    """A command of Spark."""
    return SPARK_HOME / "bin" / name


def from_arguments() -> tuple[Application, Path]:
    """The application and the work directory that this process's arguments name."""
    jar, library, data, work = (Path(word).resolve() for word in sys.argv[1:])
    work.mkdir(parents=True, exist_ok=True)
    return Application(jar, library, data), work
