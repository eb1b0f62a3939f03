"""Tasks that bring their own copy of a module that the zygote has imported."""

from __future__ import annotations

import os
import signal
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import client
import pytest
import tasks
from conftest import ADD_ONE

# extra_module is one that an operator has the zygote import.
OWN_COPY = "OWNER = 'the task'\n"


@pytest.fixture(scope="module")
def operators_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[client.Daemon]:
    """A daemon that has imported a module of the operator's as well."""
    directory = tmp_path_factory.mktemp("operator")
    (directory / "extra_module.py").write_text("OWNER = 'the operator'\n")
    with client.running(environment={"PYTHONPATH": str(directory)}) as daemon:
        ready = daemon.start(modules=[*client.MODULES, "extra_module"])
        assert (ready["zygote"], ready["notes"]) == (True, [])
        yield daemon


@pytest.fixture
def zygote(operators_daemon: client.Daemon) -> Iterator[client.Daemon]:
    """That daemon, without workers after the test."""
    yield operators_daemon
    operators_daemon.discard_workers()


def _owner(name: str, path: Path) -> Callable[[], Any]:
    """A function for a worker, which does what pyspark.worker does with a task's path."""
    text = str(path)

    def owner() -> Any:
        import importlib
        import sys

        sys.path.insert(1, text)
        importlib.invalidate_caches()
        module = importlib.import_module(name)
        return getattr(module, "OWNER", "pandas"), "pyarrow" in sys.modules

    return owner


def _folder(directory: Path) -> Path:
    (directory / "extra_module.py").write_text(OWN_COPY)
    return directory


def _package(directory: Path) -> Path:
    (directory / "extra_module").mkdir()
    (directory / "extra_module" / "__init__.py").write_text(OWN_COPY)
    return directory


def _archive(directory: Path) -> Path:
    archive = directory / "job.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("extra_module/__init__.py", OWN_COPY)
    return archive


@pytest.mark.essential
@pytest.mark.parametrize("make", [_folder, _package, _archive])
def test_the_tasks_copy_wins(
    zygote: client.Daemon, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    path = make(tmp_path)
    worker = zygote.fork(paths=[str(path)])
    assert worker.probe(_owner("extra_module", path))[0] == "the task"
    result = worker.run(tasks.encode(tasks.SCALAR, ADD_ONE))
    assert result.error is None
    assert result.batches[0].column(0).to_pylist() == list(range(1, 11))


def test_other_paths_keep_the_zygote(zygote: client.Daemon, tmp_path: Path) -> None:
    (tmp_path / "unrelated.py").write_text("")
    (tmp_path / "dateutil").mkdir()  # a namespace, which an installed package wins over
    (tmp_path / "json.py").write_text("")  # PySpark's worker imports it, in Spark too
    paths = [str(tmp_path), str(tmp_path / "absent.zip"), "/no/such/directory"]
    worker = zygote.fork(paths=paths)
    assert worker.probe(_owner("dateutil", tmp_path)) == ["pandas", True]
    assert worker.probe(_owner("extra_module", tmp_path))[0] == "the operator"


def test_the_operators_own_copy_is_no_other(zygote: client.Daemon) -> None:
    worker = zygote.fork()
    directory = worker.probe(
        lambda: __import__("os").path.dirname(__import__("extra_module").__file__)
    )
    worker = zygote.fork(paths=[directory])
    assert worker.probe(_owner("extra_module", Path(directory))) == ["the operator", True]


def test_a_file_that_comes_before_the_task_is_found(zygote: client.Daemon, tmp_path: Path) -> None:
    worker = zygote.fork(paths=[str(tmp_path), str(tmp_path / "late.zip")])
    client.wait_until(lambda: worker.probe(lambda: 1) == 1, "the worker")
    with zipfile.ZipFile(tmp_path / "late.zip", "w") as file:
        file.writestr("late.py", OWN_COPY)
    assert worker.probe(_owner("late", tmp_path / "late.zip"))[0] == "the task"


def test_such_a_worker_is_like_any_other(zygote: client.Daemon, tmp_path: Path) -> None:
    worker = zygote.fork(paths=[str(_folder(tmp_path))], env={"A_VARIABLE": "1"})
    # Asked for its stacks in all the time of its start, it goes on.
    asked: list[int] = []

    def answers() -> bool:
        zygote.send(
            {"op": "stack", "id": worker.id, "signal": client.load("taskstate").STACK_SIGNAL}
        )
        asked.append(worker.id)
        return bool(worker.read_stacks())

    client.wait_until(answers, "the worker's stacks")
    assert len(asked) > 1
    state = worker.probe(
        lambda: (
            __import__("os").getpid(),
            __import__("os").getpgid(0),
            __import__("os").getppid(),
            __import__("os").environ["A_VARIABLE"],
            __import__("sys").argv,
        )
    )
    assert state == [worker.pid, worker.pid, zygote.process.pid, "1", ["-c"]]
    kinds = [
        kind.partition(":")[0]
        for kind in client.open_descriptors(worker.pid).values()
        if kind != "anon_inode:inotify"  # it comes after the first task
    ]
    standard = ["/dev/null", "pipe", "pipe"]
    children = f"/proc/{worker.pid}/task/{worker.pid}/children"
    opened = [*standard * 2, "/memfd", "socket", children]
    assert sorted(kinds) == sorted(opened), "and copies of 0 to 2"
    blocked = [
        line.split()[1]
        for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines()
        if line.startswith("SigBlk")
    ]
    assert int(blocked[0], 16) == 0
    worker.probe(lambda: print("on its own stdout"))
    assert "on its own stdout" in worker.read_log("stdout", b"stdout")
    os.kill(worker.pid, signal.SIGSEGV)
    assert zygote.await_exit(worker)["status"] == signal.SIGSEGV


def test_interpreter_that_is_gone_by_then(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    paths = [entry for entry in sys.path if entry.endswith("site-packages")]
    environment = {"PYTHONPATH": os.pathsep.join(paths)}
    with client.running(python=[str(python)], environment=environment) as daemon:
        assert daemon.start()["zygote"] is True
        python.unlink()
        (tmp_path / "dateutil.py").write_text(OWN_COPY)  # pandas has imported another
        worker = daemon.fork(paths=[str(tmp_path)])
        assert daemon.await_exit(worker)["status"] == 1 << 8
        assert "FileNotFoundError" in worker.read_log("stderr")
        assert daemon.fork().probe(lambda: 1) == 1
