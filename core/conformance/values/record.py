"""Records what real Spark makes of values, as test data.

For each PySpark version: an environment with that Spark (that of the recorded streams), the jobs of
``record_<job>.py`` in it, and their answers into ``testdata/<job>.json``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from typing import Any

import answers

HERE = pathlib.Path(__file__).resolve().parent
RECORDING = HERE.parents[1] / "protocol" / "recording"
JOBS = ("returned", "seen", "converted")


def run_here(target: str, minor: str, jobs: list[str], only: str) -> None:
    """Runs jobs with the Spark of this interpreter."""
    spark = importlib.import_module("spark")
    with tempfile.TemporaryDirectory() as classes:
        session = spark.start(pathlib.Path(classes))
        for job in jobs:
            found = answers.read(job, minor) if only else {}
            start = time.monotonic()
            for title, given in importlib.import_module(f"record_{job}").record(
                session, _known(job), lambda title: re.fullmatch(only or ".*", title) is not None
            ):
                found[title] = given
                print(f"{job} {title}: {time.monotonic() - start:.0f} s", file=sys.stderr)
                pathlib.Path(target, f"{job}.json").write_text(json.dumps(found))
        session.stop()


def _known(job: str) -> dict[str, Any]:
    """What some version said, if any did: what fails there will mostly fail elsewhere."""
    return next(filter(None, (answers.read(job, m) for m in reversed(answers.MINORS))), {})


def run(minor: str, python: pathlib.Path, jobs: list[str], only: str, quick: bool) -> None:
    """Runs jobs with the Spark of that interpreter, and stores their answers."""
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("SPARK", "PYSPARK", "PYTHON"))},
        "PYSPARK_PYTHON": str(python),
        "PYSPARK_DRIVER_PYTHON": str(python),
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONWARNINGS": "ignore",
        "SPARK_LOCAL_HOSTNAME": "localhost",
        "TZ": "UTC",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "OMP_NUM_THREADS": "1",
        "RECORD_QUICK": "1" if quick else "",
    }
    print(f"{minor} {' '.join(jobs)}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as target:
        command = [str(python), str(HERE / "record.py"), "--here", target, "--version", minor]
        command += [f"--job={job}" for job in jobs] + [f"--only={only}"] * bool(only)
        try:
            subprocess.run(command, env=env, check=True, timeout=1800)
        finally:
            for job in jobs:
                path = pathlib.Path(target, f"{job}.json")
                if path.exists():
                    answers.write(job, minor, json.loads(path.read_text()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="append", dest="versions", help="PySpark minor")
    parser.add_argument("--job", action="append", choices=JOBS, dest="jobs")
    parser.add_argument("--only", default="", help="regular expression of the titles to record")
    parser.add_argument(
        "--quick", action="store_true", help="leave out values that failed in another version"
    )
    parser.add_argument("--here", help=argparse.SUPPRESS)
    options = parser.parse_args()
    jobs = options.jobs or list(JOBS)
    if options.here:
        run_here(options.here, options.versions[0], jobs, options.only)
        return
    streams = _stream_recording()
    for minor in options.versions or sorted(streams.ENVIRONMENTS):
        run(minor, streams.environment(minor), jobs, options.only, options.quick)


def _stream_recording() -> Any:
    """The recorder of the streams: its environments are these, too."""
    spec = importlib.util.spec_from_file_location("stream_recording", RECORDING / "record.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
