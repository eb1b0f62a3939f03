"""The wheel as a user has it: built, installed into an empty environment next to Spark, run there.

``run.py <directory> <environment>``: Spark and the rest come from the named environment's packages,
which the new one sees behind its own; udfrunner comes from the wheel alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
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


def build(directory: Path) -> Path:
    """The wheel, built from a copy of nothing but the repository."""
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", directory, PACKAGE]
    done = subprocess.run(build, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    (wheel,) = directory.glob("*.whl")
    return wheel


def check_content(wheel: Path) -> None:
    """The daemon's modules with the repository's text, and not its tests; the notices."""
    with zipfile.ZipFile(wheel) as archive:
        assert {"udfrunner/LICENSE", "udfrunner/NOTICE"} <= set(archive.namelist())
        names = {name for name in archive.namelist() if "/_daemon/" in name}
        daemon = PACKAGE.parents[1] / "core" / "daemon"
        expected = {*daemon.glob("*.py"), *daemon.glob("spark/*.py")} - {daemon / "bootstrap.py"}
        sources = {f"udfrunner/_daemon/{path.relative_to(daemon)}": path for path in expected}
        assert names == set(sources), names ^ set(sources)
        for name, path in sources.items():
            assert archive.read(name) == path.read_bytes(), name


def install(wheel: Path, environment: Path, spark: Path) -> Path:
    """An environment with the wheel; returns its interpreter."""
    subprocess.run([spark / "bin" / "python", "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-index", wheel], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (behind,) = spark.resolve().glob("lib/python*/site-packages")
    # The .pth files of that folder are not read: the editable udfrunner stays out.
    (packages / "spark.pth").write_text(f"{behind}\n")
    return python


def main(directory: Path, spark: Path) -> None:
    """Build, check, install, run."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    wheel = build(directory)
    check_content(wheel)
    java = Path(os.environ.get("JAVA_HOME", "/nonexistent")) / "bin" / "java"
    if not java.exists() and shutil.which("java") is None:
        print("skipped: Spark needs Java 17, found no java")
        return
    python = install(wheel, directory / "venv", spark)
    job = directory / "job.py"
    job.write_text(JOB)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "UDF"))
    }
    environment |= {"PYSPARK_PYTHON": str(python), "PYTHONWARNINGS": "ignore"}
    subprocess.run([python, job], env=environment, cwd=directory, check=True)
    print(f"ok {wheel.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
