"""A worker that starts its program anew after the fork, to be free of what was imported before it.

A task whose includes carry another copy of a module that the zygote has imported is to see its
own, as in Spark. A process cannot forget a module, but it can run its program again and stay the
same process: its id, its parent, its descriptors and its kernel's parent-death signal remain.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import Any, NoReturn

from . import process, taskstate
from .worker import WorkerRequest, run_worker
from .zygote import Zygote

KEY = "worker"
"""The member of a program's state that makes it a worker, not a daemon."""


@dataclass(frozen=True)
class Worker:
    """What the program needs to be a worker: its request, its parent, the oldest PySpark."""

    request: WorkerRequest
    parent: int
    minimum_pyspark: str

    def state(self) -> dict[str, Any]:
        """The state to start the program with, from this process, which is made ready for it."""
        taskstate.hold_stack_signal()  # until the program listens to it
        os.setpgid(0, 0)
        process.die_with_parent(self.parent)
        request = self.request
        for source, target in ((request.stdout, 1), (request.stderr, 2)):
            if source is not None:
                os.dup2(source, target)
        for descriptor in (request.data, request.stacks):
            os.set_inheritable(descriptor, True)
        return {KEY: asdict(replace(self, request=replace(request, stdout=None, stderr=None)))}


def run(state: dict[str, Any]) -> NoReturn:
    """Be that worker, in the program that was started with its state."""
    worker = Worker(**{**state[KEY], "request": WorkerRequest(**state[KEY]["request"])})
    request = worker.request
    for descriptor in (request.data, request.stacks):
        os.set_inheritable(descriptor, False)
    taskstate.enable_stack_report(request.stacks)
    zygote = Zygote()
    zygote.check(worker.minimum_pyspark)
    run_worker(request, zygote, worker.parent)
