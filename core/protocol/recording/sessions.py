"""The sessions of Spark in which the jobs run; executed in ``__main__`` after ``jobs.py``."""

from __future__ import annotations

import pathlib
import sys
import traceback

from pyspark.sql import SparkSession

from __main__ import CASES, VERSION, Session

CONF = {
    "spark.app.name": "recording",
    "spark.default.parallelism": "1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "localhost",
    "spark.python.daemon.module": "tap_daemon",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "4",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    ),
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
SESSIONS: dict[str, dict[str, str]] = {
    "plain": {"spark.master": "local[1]"},
    "encrypted": {"spark.master": "local[1]", "spark.io.encryption.enabled": "true"},
    "sockets": {
        "spark.master": "local[1]",
        "spark.io.encryption.enabled": "true",
        "spark.python.unix.domain.socket.enabled": "true",
    },
    "cluster": {
        "spark.master": "local-cluster[1,1,1024]",
        "spark.worker.resource.gpu.amount": "2",
        "spark.executor.resource.gpu.amount": "2",
        "spark.task.resource.gpu.amount": "2",
    },
}


def run(name: str, directory: pathlib.Path, only: set[str]) -> None:
    """Runs a session's cases; their streams arrive below ``directory``, a sub-directory a case."""
    if name == "sockets" and VERSION < (4, 1):
        return
    conf = {**CONF, **SESSIONS[name], "spark.local.dir": str(directory / "local")}
    if name == "cluster":
        script = directory / "gpus.sh"
        script.write_text("""#!/bin/sh\necho '{"name": "gpu", "addresses": ["0", "1"]}'\n""")
        script.chmod(0o755)
        conf["spark.worker.resource.gpu.discoveryScript"] = str(script)
        conf["spark.executor.resource.gpu.discoveryScript"] = str(script)
    builder = SparkSession.builder
    for key, value in conf.items():
        builder = builder.config(key, value)
    session = Session(builder.getOrCreate(), directory / ("scratch_" + name))
    session.scratch.mkdir()
    session.spark.sparkContext.setLogLevel("OFF")
    for title, job in CASES[name]:
        if only and title not in only:
            continue
        title += "" if name in ("plain", "cluster") else "_" + name
        (directory / "case").write_text(title)
        try:
            job(session)
        except Exception:  # noqa: BLE001 - the other cases go on
            print(f"{title}: {traceback.format_exc()}", file=sys.stderr)
    (directory / "case").write_text("stopped")
    session.spark.stop()
