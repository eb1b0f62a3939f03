"""Wheels and source distribution as users have them: looked at, installed and run.

``run.py DIST DIRECTORY ENVIRONMENT``: what make wheel built, a folder for the tests, an environment
with Spark. udfrunner comes from the wheel alone: once with the packages that its extra "pyspark"
installs, once beside the environment's Spark, whose packages the new one sees behind its own.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import archives

JOB = """
import os
from pathlib import Path

import udfrunner
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf

assert "site-packages" in udfrunner.__file__, udfrunner.__file__
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "localhost")
    .config("spark.python.daemon.module", "udfrunner.spark_daemon")
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("OFF")
add_one = pandas_udf(lambda x: x + 1, "long")
rows = spark.range(0, 100, 1, 4).select(add_one("id")).collect()
assert [row[0] for row in rows] == list(range(1, 101))


def daemon(_):
    return Path(f"/proc/{os.getppid()}/cmdline").read_bytes().split(bytes(1))[1:3]


found = spark.sparkContext.range(4, numSlices=1).map(daemon).first()
assert found == [b"-m", b"udfrunner.spark_daemon"], found
spark.stop()
"""
#: What fails by itself with PySpark 4.2 and pandas 3: a result that is all nulls of strings.
FIRST = """
import pyarrow as pa
import udfrunner

assert "site-packages" in udfrunner.__file__, udfrunner.__file__
names = pa.table({"name": pa.array([None, None], pa.string())})
same = udfrunner.apply(
    lambda x: x.map(lambda name: name), names, "name", kind="scalar-pandas", return_type="string"
)
assert same.to_pylist() == [None, None]
"""


def environment_of(python: Path) -> dict[str, str]:
    """The environment of a user: nothing of this program's."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "UDF", "PYSPARK"))}
    return own | {"PYSPARK_PYTHON": str(python), "PYTHONWARNINGS": "ignore"}


def install(directory: Path, base: Path, *requirements: object) -> Path:
    """A new environment with what pip is given; returns its interpreter."""
    archives.run(base, "-m", "venv", directory)
    python = directory / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    archives.run(*pip, *requirements)
    return python


def check_first_minutes(wheel: Path, directory: Path) -> None:
    """The README's line in an empty environment, the doctor, a function."""
    python = install(directory / "venv", Path(sys.executable), f"{wheel}[pyspark,cli]")
    environment = environment_of(python)
    command = [python.with_name("udfrunner"), "doctor", "--json"]
    report = json.loads(archives.run(*command, env=environment, cwd=directory))
    judged = {finding["name"]: finding for finding in report["findings"]}
    assert report["healthy"], report
    assert judged["packages together"]["judgement"] == "ok", judged["packages together"]
    assert judged["library"]["value"].startswith(str(directory)), judged["library"]
    (directory / "first.py").write_text(FIRST)
    subprocess.run([python, "first.py"], env=environment, cwd=directory, check=True)


def check_under_spark(wheel: Path, directory: Path, spark: Path) -> None:
    """A job whose workers come from the wheel's daemon."""
    java = Path(os.environ.get("JAVA_HOME", "/nonexistent")) / "bin" / "java"
    if not java.exists() and shutil.which("java") is None:
        print("skipped: Spark needs Java 17, found no java")
        return
    python = install(
        directory / "spark", spark / "bin" / "python", "--no-deps", "--no-index", wheel
    )
    (packages,) = (directory / "spark").glob("lib/python*/site-packages")
    (behind,) = spark.resolve().glob("lib/python*/site-packages")
    # The .pth files of that folder are not read: the editable udfrunner stays out.
    (packages / "spark.pth").write_text(f"{behind}\n")
    (directory / "job.py").write_text(JOB)
    subprocess.run([python, "job.py"], env=environment_of(python), cwd=directory, check=True)


def main(dist: Path, directory: Path, spark: Path) -> None:
    """Everything, and a line for each part that went well."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    (sdist,) = dist.glob("*.tar.gz")
    wheels = sorted(dist.glob("*.whl"))
    by_folder = {
        folder: wheel
        for folder, (name, _) in archives.PLATFORMS.items()
        for wheel in wheels
        if wheel.name.endswith(f"-py3-none-{name}.whl")
    }
    assert len(wheels) == len(by_folder) == len(archives.PLATFORMS), wheels
    for folder, wheel in by_folder.items():
        archives.check_wheel(wheel, folder)
    print("ok content of", *(wheel.name for wheel in wheels))
    archives.check_sources(sdist, directory, wheels)
    print(f"ok {sdist.name}: builds the same bytes")
    archives.check_refusals(sdist, directory)
    print("ok no wheel without the library")
    own = "linux-arm64" if platform.machine() == "aarch64" else "linux-amd64"
    check_first_minutes(by_folder[own], directory)
    print(f"ok {by_folder[own].name}[pyspark,cli] in an empty environment")
    check_under_spark(by_folder[own], directory, spark)
    print("ok under Spark")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), Path(sys.argv[3]))
