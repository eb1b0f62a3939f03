"""A process that executes its program again, to be free of what it has imported.

A task whose includes carry another copy of a module that the zygote has imported is to see its
own, as in Spark; a task that comes after a module was edited is to see the edited one. A process
cannot forget a module, but it can run its program again and stay the same process: its id, its
parent, its descriptors and its kernel's parent-death signal remain.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NoReturn

from . import broadcasts, process, taskstate
from .anonfile import open_anonymous
from .worker import WorkerRequest, run_worker
from .zygote import Zygote

KEY = "worker"
"""The member of a program's state that makes it a worker, not a daemon."""


def execute(current: Mapping[str, Any], state: Mapping[str, Any]) -> NoReturn:
    """Run this program again in this process, with its current sources and a new state."""
    memory = open_anonymous("udfrunner-daemon")
    os.set_inheritable(memory, True)
    with open(memory, "wb", closefd=False) as file:
        file.write(json.dumps({"sources": current["sources"], **state}).encode())
    os.lseek(memory, 0, os.SEEK_SET)
    process.flush_standard_streams()
    handed_on = "reply" in current or KEY in current
    command = sys.orig_argv[:-1] if handed_on else sys.orig_argv
    os.execv(sys.executable, [*command, str(memory)])


@dataclass(frozen=True)
class Worker:
    """What the program needs to be a worker: its request, its parent, the oldest PySpark."""

    request: WorkerRequest
    parent: int
    minimum_pyspark: str

    def state(self) -> dict[str, Any]:
        """The state to start the program with, from this process, which is made ready for it."""
        taskstate.hold_stack_signal()  # until the program listens to it
        process.lead_own_group()
        process.die_with_parent(self.parent)
        request = self.request
        for source, target in ((request.stdout, 1), (request.stderr, 2)):
            if source is not None:
                os.dup2(source, target)
        for descriptor in (request.data, request.stacks):
            os.set_inheritable(descriptor, True)
        return {KEY: asdict(replace(self, request=replace(request, stdout=None, stderr=None)))}

    def restart(self, current: Mapping[str, Any]) -> NoReturn:
        """Be this worker in a new program, between two tasks, with its broadcast variables."""
        request = replace(self.request, stdout=None, stderr=None, broadcasts=broadcasts.files())
        execute(current, replace(self, request=request).state())


def run(state: dict[str, Any]) -> NoReturn:
    """Be that worker, in the program that was started with its state."""
    worker = Worker(**{**state[KEY], "request": WorkerRequest(**state[KEY]["request"])})
    request = worker.request
    for descriptor in (request.data, request.stacks):
        os.set_inheritable(descriptor, False)
    taskstate.enable_stack_report(request.stacks)
    zygote = Zygote()
    zygote.check(worker.minimum_pyspark)
    run_worker(request, zygote, worker.parent, lambda: worker.restart(state))
