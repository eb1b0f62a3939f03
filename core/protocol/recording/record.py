"""Records what real Spark and its PySpark workers say to each other, as test data.

For each PySpark version: an environment with that Spark, the jobs of ``jobs.py`` on it with
``tap_daemon`` as the daemon module, and the recorded streams, normalised, into ``testdata/<minor>``.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PYTHON = "python3.11"
# Everything runs below this fixed path: pickled functions name the files of the modules that they come from.
WORK = pathlib.Path("/tmp/pyspark-recording")

# Spark releases, each with packages that it was recorded with.
ENVIRONMENTS = {
    "3.5": ["pyspark==3.5.9", "pyarrow==18.*", "pandas==2.*", "numpy==1.*"],
    "4.0": ["pyspark==4.0.5", "pyarrow==26.*", "pandas==2.*", "protobuf", "grpcio"],
    "4.1": ["pyspark==4.1.4", "pyarrow==26.*", "pandas==2.*", "protobuf", "grpcio"],
    "4.2": ["pyspark==4.2.1", "pyarrow==26.*", "pandas==3.1.*", "protobuf", "grpcio"],
    "4.3": ["pyspark==4.3.0", "pyarrow==26.*", "pandas==3.1.*", "protobuf", "grpcio"],
}
SESSIONS = ("plain", "encrypted", "sockets", "cluster")

# The jobs run under a fixed file name, in __main__, so that their functions are pickled whole and without a path.
BOOTSTRAP = """
import pathlib, sys
for name in "jobs.py", "sessions.py":
    exec(compile(pathlib.Path(sys.argv[1], name).read_text(), name, "exec"))
run(sys.argv[2], pathlib.Path(sys.argv[3]), set(sys.argv[4:]))
"""


def environment(minor: str) -> pathlib.Path:
    """The interpreter with this minor's Spark, installed at its first use."""
    directory = ROOT / "build" / "recording" / minor
    python = directory / "bin" / "python"
    packages = ENVIRONMENTS[minor]
    installed = directory / "installed"
    if not installed.exists() or installed.read_text() != repr(packages):
        subprocess.run([PYTHON, "-m", "venv", "--clear", directory], check=True)
        pip: list[str | pathlib.Path] = [
            python,
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
        ]
        subprocess.run([*pip, "setuptools", "wheel"], check=True)
        subprocess.run([*pip, *packages], check=True)
        installed.write_text(repr(packages))
    return python


def run_jobs(python: pathlib.Path, session: str, raw: pathlib.Path, cases: list[str]) -> None:
    """Runs the jobs of a session; a case that fails is reported and goes unrecorded."""
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("SPARK", "PYSPARK", "PYTHON"))},
        "PYSPARK_PYTHON": str(python),
        "PYSPARK_DRIVER_PYTHON": str(python),
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "RECORDING_DIR": str(raw),
        "SPARK_LOCAL_HOSTNAME": "localhost",
        "SPARK_WORKER_DIR": str(raw / "work"),
        "PYTHONWARNINGS": "ignore",
    }
    command: list[str | pathlib.Path] = [
        python,
        "-c",
        BOOTSTRAP,
        HERE,
        session,
        raw,
        *cases,
    ]
    print(f"{python.parents[2].name} {session}", file=sys.stderr)
    subprocess.run(command, env=env, cwd=raw, check=True, timeout=900)


def collect(raw: pathlib.Path, target: pathlib.Path) -> int:
    """Copies each case's distinct streams as ``<case>[.<n>][.partial].in`` and ``.out``, and counts them."""
    count = 0
    for case in sorted(path.parent for path in raw.glob("*/0.in")):
        tasks = sorted(case.glob("*.in"), key=lambda path: int(path.stem))
        for number, task in enumerate(tasks):
            name = case.name + (f".{number}" if number else "")
            if not task.with_suffix(".done").exists():
                name += ".partial"
            for suffix in (".in", ".out"):
                data = (
                    task.with_suffix(suffix).read_bytes()
                    if task.with_suffix(suffix).exists()
                    else b""
                )
                (target / (name + suffix)).write_bytes(data)
            count += 1
    return count


def record(minor: str, python: pathlib.Path, sessions: list[str], cases: list[str]) -> None:
    """Records one version; all of it replaces what was there, some cases replace only themselves."""
    target = HERE / "testdata" / minor
    work = WORK / minor
    work.mkdir(parents=True, exist_ok=False)
    try:
        (work / "venv").symlink_to(python.parents[1])
        raw = work / "raw"
        raw.mkdir()
        for session in sessions:
            run_jobs(work / "venv" / "bin" / "python", session, raw, cases)
        if not cases and len(sessions) == len(SESSIONS):
            shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(raw / "stopped", ignore_errors=True)
        for case in raw.glob("*/0.in"):
            for old in target.iterdir():
                if re.fullmatch(
                    re.escape(case.parent.name) + r"(\.\d+)?(\.partial)?\.(in|out)", old.name
                ):
                    old.unlink()
        count = collect(raw, target)
    finally:
        shutil.rmtree(work)
    normalise: list[str | pathlib.Path] = [
        "go",
        "run",
        "./core/protocol/recording/normalise",
        target,
    ]
    subprocess.run(normalise, cwd=ROOT, check=True)
    size = sum(path.stat().st_size for path in target.iterdir())
    print(f"{minor}: {count} tasks, {size} bytes", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--version",
        action="append",
        choices=sorted(ENVIRONMENTS),
        dest="versions",
        help="PySpark minor to record; may be repeated; all by default",
    )
    parser.add_argument(
        "--session",
        action="append",
        choices=SESSIONS,
        dest="sessions",
        help="kind of Spark session; may be repeated; all by default",
    )
    parser.add_argument(
        "--python",
        type=pathlib.Path,
        help="interpreter with a full PySpark, in place of build/recording/<minor>",
    )
    parser.add_argument("cases", nargs="*", help="cases of jobs.py; all by default")
    options = parser.parse_args()
    for minor in options.versions or sorted(ENVIRONMENTS):
        record(
            minor,
            options.python or environment(minor),
            options.sessions or list(SESSIONS),
            options.cases,
        )


if __name__ == "__main__":
    main()
