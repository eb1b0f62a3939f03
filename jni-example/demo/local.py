"""`make demo-spark`: the application on local[2], with the comparison of speed.

python local.py APPLICATION-JAR LIBRARY-JAR DATA-DIRECTORY WORK-DIRECTORY
"""

from __future__ import annotations

import subprocess
import sys

from application import ENVIRONMENT, from_arguments
from processes import DemoError, Processes, run, wait_until

#: Seconds that all of it may take.
LIMIT = 540
ROUNDS = 3


def main() -> None:
    application, work = from_arguments()
    log_path = work / "local.log"
    with log_path.open("w") as log, Processes(LIMIT, ENVIRONMENT) as processes:
        command = application.command("local[2]", {}, "--rounds", str(ROUNDS))
        job = processes.start(command, log, subprocess.PIPE)
        assert job.stdout is not None
        for line in job.stdout:
            print(line, end="", flush=True)
        if job.wait() != 0:
            raise DemoError(f"the application ended with status {job.returncode}; see {log_path}")
        seconds = wait_until("Python processes gone", 5, lambda: not processes.pythons())
        print(f"\nno Python process {seconds:.2f} s after the application")


if __name__ == "__main__":
    sys.exit(run(main))
