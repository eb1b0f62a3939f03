"""`make demo-cluster`: the application on a standalone cluster that loses an executor.

    python cluster.py APPLICATION-JAR LIBRARY-JAR DATA-DIRECTORY WORK-DIRECTORY

Starts a master and two workers on the loopback device. Executors have nothing of the library but
the jar that the job ships. One of them is killed while its Python worker is busy.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from application import ENVIRONMENT, Application, bin_path, from_arguments
from processes import DemoError, Process, Processes, run, wait_until

#: Seconds that all of it may take.
LIMIT = 600
#: Seconds in which a daemon of Spark has to be there.
START = 60
PARTITIONS = 12
#: Seconds that each call of speed takes at least: there is a middle of the job.
PAUSE = 0.5
#: Seconds in which the Python processes of a killed executor have to be gone.
ORPHANS = 10.0

_MASTER = re.compile(r"Starting Spark master at (spark://\S+)")
_REGISTERED = re.compile(r"Successfully registered with master")
_TASK = re.compile(r"task \d+ of stage \d+ ended on executor (\d+): SUCCESS")


class Cluster:
    """A standalone master and its workers, each with a log file in the work directory."""

    def __init__(self, processes: Processes, work: Path, workers: int) -> None:
        self._processes = processes
        self._work = work
        master = "org.apache.spark.deploy.master.Master"
        self.url = self._daemon("master", _MASTER, master, "--port", "0")
        for number in range(workers):
            name = f"worker-{number}"
            self._daemon(
                name,
                _REGISTERED,
                "org.apache.spark.deploy.worker.Worker",
                *("--cores", "1", "--memory", "1g", "--work-dir", str(work / name), self.url),
            )

    def _daemon(self, name: str, ready: re.Pattern[str], *command: str) -> str:
        path = self._work / f"{name}.log"
        with path.open("w") as log:
            options = ["--host", "127.0.0.1", "--webui-port", "0"]
            daemon = self._processes.start(
                [bin_path("spark-class"), command[0], *options, *command[1:]], log
            )

        def is_ready() -> bool:
            if daemon.poll() is not None:
                raise DemoError(f"{name} ended with status {daemon.returncode}; see {path}")
            return ready.search(path.read_text()) is not None

        wait_until(f"{name} is ready (see {path})", START, is_ready)
        found = ready.search(path.read_text())
        assert found is not None
        return found[found.re.groups]


class Job:
    """The submitted application, whose executor 0 is killed in the middle."""

    def __init__(self, processes: Processes, application: Application, url: str, log: Path) -> None:
        self._processes = processes
        self._log = log
        conf = {"spark.executor.memory": "768m", "spark.executor.cores": "1"}
        arguments = ("--partitions", str(PARTITIONS), "--pause", str(PAUSE), "--progress")
        with log.open("w") as file:
            self._child = processes.start(
                application.command(url, conf, *arguments), file, subprocess.PIPE
            )

    def run(self) -> None:
        assert self._child.stdout is not None
        busy: set[str] = set()
        killed = lost = False
        for line in self._child.stdout:
            print(line, end="", flush=True)
            if found := _TASK.match(line):
                busy.add(found[1])
            if not killed and len(busy) == 2:
                self._kill(self._executor("0"))
                killed = True
            lost = lost or (killed and line.startswith("executor 0 lost"))
        if self._child.wait() != 0:
            raise DemoError(
                f"the application ended with status {self._child.returncode}; see {self._log}"
            )
        if not lost:
            raise DemoError(f"the application did not lose an executor; see {self._log}")

    def _executor(self, identity: str) -> Process:
        words = f"\0--executor-id\0{identity}\0"
        for process in self._processes.all():
            # A launcher may have the same words.
            if process.is_java and words in process.command:
                return process
        raise DemoError(f"no executor {identity}")

    def _kill(self, executor: Process) -> None:
        """Kill an executor while it runs Python."""
        pythons: list[Process] = []

        def has_python() -> bool:
            pythons[:] = self._processes.pythons(executor.pid)
            return len(pythons) > 1  # a daemon and its worker

        wait_until("executor 0 runs Python", START, has_python)
        os.kill(executor.pid, signal.SIGKILL)
        names = ", ".join(str(process.pid) for process in pythons)
        print(f"== kill -9 of executor 0, process {executor.pid}; its Python processes: {names}")
        seconds = wait_until(
            "Python processes of the killed executor gone",
            ORPHANS,
            lambda: not any(process.is_alive() for process in pythons),
        )
        print(f"== they were gone {seconds:.2f} s later", flush=True)


def main() -> None:
    application, work = from_arguments()
    with Processes(LIMIT, ENVIRONMENT) as processes:
        cluster = Cluster(processes, work, workers=2)
        print(f"== {cluster.url} with two workers, logs in {work}", flush=True)
        Job(processes, application, cluster.url, work / "driver.log").run()
        seconds = wait_until("Python processes gone", 5, lambda: not processes.pythons())
        print(f"== no Python process {seconds:.2f} s after the application")


if __name__ == "__main__":
    sys.exit(run(main))
