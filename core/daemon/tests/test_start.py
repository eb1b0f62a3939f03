"""The daemon from its start to a warm zygote."""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path

import client
import pyarrow as pa
import pyspark
import pytest
import tasks
from conftest import add_one, warm_inputs

# Starts a thread on import, and after the first task that uses it, respectively.
THREAD = "import threading, time\nthreading.Thread(target=time.sleep, args=(3600,), daemon=True)"


@pytest.mark.essential
def test_ready_reports_the_interpreter() -> None:
    with client.running() as daemon:
        ready = daemon.start()
        assert ready["op"] == "ready"
        assert ready["pid"] == daemon.process.pid
        assert ready["python"] == "{}.{}.{}".format(*sys.version_info[:3])
        assert ready["pyspark"] == pyspark.__version__
        assert ready["pyarrow"] == pa.__version__
        assert ready["pandas"] and ready["numpy"]
        assert (ready["threads"], ready["zygote"], ready["notes"]) == (1, True, [])
        assert len(os.listdir(f"/proc/{daemon.process.pid}/task")) == 1
        assert daemon.close() == 0


def test_sources_arrive_in_any_number_of_packets() -> None:
    with client.running(piece=1000) as daemon:
        assert daemon.start(zygote=False)["op"] == "ready"


@pytest.mark.essential
def test_without_zygote_the_worker_imports_for_itself() -> None:
    with client.running() as daemon:
        ready = daemon.start(zygote=False)
        assert (ready["zygote"], ready["pyspark"]) == (False, pyspark.__version__)
        assert ready["pyarrow"] == pa.__version__
        maps = Path(f"/proc/{daemon.process.pid}/maps").read_text()
        assert "libarrow" not in maps
        warmed = daemon.warm(warm_inputs())
        assert warmed["zygote"] is False
        assert "workers import for themselves" in warmed["notes"][0]
        result = daemon.fork().run(tasks.encode(tasks.SCALAR_PANDAS, add_one))
        assert result.error is None
        assert result.batches[0].column(0).to_pylist() == list(range(1, 11))


def test_interpreter_without_pyspark() -> None:
    # -I -S: neither PYTHONPATH nor site-packages, so that no PySpark is found.
    with client.running(python=[sys.executable, "-I", "-S"]) as daemon:
        failed = daemon.start()
        assert (failed["op"], failed["reason"]) == ("failed", "pyspark-missing")
        assert sys.executable in failed["message"]
        assert "pip install pyspark" in failed["message"]
        assert "\n" not in failed["message"]
        assert daemon.process.wait(client.TIMEOUT) == 1


@pytest.mark.parametrize("where", ["PYTHONPATH", "working directory"])
@pytest.mark.parametrize("name", ["pyspark.py", "pyspark/__init__.py"])
def test_something_else_in_the_place_of_pyspark(tmp_path: Path, name: str, where: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("")
    # env: a program that is no Python, so that it may change what the interpreter sees
    change = f"PYTHONPATH={tmp_path}" if where == "PYTHONPATH" else f"--chdir={tmp_path}"
    with client.running(python=["env", change, sys.executable]) as daemon:
        failed = daemon.start()
        assert (failed["op"], failed["reason"]) == ("failed", "pyspark-missing")
        assert f"finds {tmp_path / name} in place of PySpark: rename it" in failed["message"]
        assert daemon.process.wait(client.TIMEOUT) == 1


def test_folder_without_a_package_is_no_pyspark(tmp_path: Path) -> None:
    (tmp_path / "pyspark").mkdir()
    with client.running(python=["env", f"PYTHONPATH={tmp_path}", sys.executable, "-S"]) as daemon:
        failed = daemon.start()
        assert failed["reason"] == "pyspark-missing"
        assert "has no PySpark; install it there" in failed["message"]
        assert f"{tmp_path / 'pyspark'} has no __init__.py" in failed["message"]


def test_pyspark_too_old() -> None:
    with client.running() as daemon:
        failed = daemon.start(minimum_pyspark="99.1")
        assert (failed["op"], failed["reason"]) == ("failed", "pyspark-too-old")
        assert pyspark.__version__ in failed["message"]
        assert "99.1" in failed["message"]
        assert daemon.process.wait(client.TIMEOUT) == 1


def test_pyspark_that_cannot_be_imported(tmp_path: Path) -> None:
    broken = tmp_path / "pyspark"
    broken.mkdir()
    (broken / "__init__.py").write_text("")
    (broken / "version.py").write_text('__version__: str = "4.2.0.dev1"\n')
    (broken / "worker.py").write_text("import no_such_module_of_ours\n")
    with client.running(environment={"PYTHONPATH": str(tmp_path)}) as daemon:
        failed = daemon.start()
        assert (failed["op"], failed["reason"]) == ("failed", "import")
        assert "no_such_module_of_ours" in failed["message"]
        assert str(broken / "worker.py") in failed["traceback"]


def test_internal_failure_shows_embedded_source_lines() -> None:
    with client.running() as daemon:
        assert daemon.start(zygote=False)["op"] == "ready"
        daemon.send({"op": "nonsense"})
        failed, _ = daemon.receive("failed")
        assert failed["reason"] == "internal"
        assert "'nonsense'" in failed["message"]
        assert "<udfrunner>/udfrunner_daemon/server.py" in failed["traceback"]
        assert "raise ValueError" in failed["traceback"]
        assert daemon.process.wait(client.TIMEOUT) == 1


def test_unknown_protocol_is_refused() -> None:
    with client.running() as daemon:
        failed = daemon.start(protocol=2)
        assert "protocol 2" in failed["message"]


def test_extra_modules(tmp_path: Path) -> None:
    (tmp_path / "heavy_extra.py").write_text("LOADED_BY = __import__('os').getpid()\n")
    (tmp_path / "bad_extra.py").write_text("raise SystemExit('no')\n")
    with client.running(environment={"PYTHONPATH": str(tmp_path)}) as daemon:
        ready = daemon.start(modules=["pyarrow", "heavy_extra", "bad_extra", "absent_extra"])
        assert ready["zygote"] is True
        assert [note.split()[1] for note in ready["notes"]] == ["bad_extra", "absent_extra"]
        loaded_by = daemon.fork().probe(lambda: __import__("heavy_extra").LOADED_BY)
        assert loaded_by == daemon.process.pid


def test_modules_that_start_threads_are_left_to_the_workers(tmp_path: Path) -> None:
    for name in ("threaded", "threaded_too"):
        (tmp_path / f"{name}.py").write_text(THREAD + ".start()\n")
    log = tmp_path / "log"
    with (
        log.open("w") as stderr,
        client.running(environment={"PYTHONPATH": str(tmp_path)}, stderr=stderr.fileno()) as daemon,
    ):
        ready = daemon.start(modules=["threaded", "pyarrow", "threaded_too"])
        assert (ready["op"], ready["zygote"], ready["threads"]) == ("ready", True, 1)
        assert ready["pid"] == daemon.process.pid
        assert ready["notes"] == [
            f"module {name} left 2 threads when it was imported: workers import it"
            for name in ("threaded", "threaded_too")
        ]
        assert len(os.listdir(f"/proc/{daemon.process.pid}/task")) == 1
        worker = daemon.fork()
        loaded = worker.probe(lambda: sorted(__import__("sys").modules))
        assert {"pyarrow", "threaded", "threaded_too"}.intersection(loaded) == {"pyarrow"}
        assert worker.probe(lambda: __import__("threaded") and __import__("sys").argv) == ["-c"]
    for note in ready["notes"]:
        assert f"udfrunner daemon: {note}\n" in log.read_text()


def test_restarted_daemon_gives_workers_the_descriptor_limit_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "threaded.py").write_text(THREAD + ".start()\n")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    hosts = (min(500, limits[1] - 1), limits[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, hosts)
    try:
        with client.running(environment={"PYTHONPATH": str(tmp_path)}) as daemon:
            assert len(daemon.start(modules=["threaded"])["notes"]) == 1
            seen = daemon.fork().probe(lambda: __import__("resource").getrlimit(7))
            assert tuple(seen) == hosts
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_worker_module_that_starts_a_thread_costs_the_zygote(tmp_path: Path) -> None:
    # Python imports it at its start, so that no module of the list is at fault.
    (tmp_path / "sitecustomize.py").write_text(THREAD + ".start()\n")
    with client.running(environment={"PYTHONPATH": str(tmp_path)}) as daemon:
        ready = daemon.start()
        assert (ready["op"], ready["zygote"], ready["threads"]) == ("ready", False, 2)
        assert ready["notes"] == [
            "the imports left 2 threads",
            "the interpreter starts with 2 threads",
        ]
        assert daemon.fork().probe(lambda: 1) == 1


def test_warm_up_that_starts_a_thread_is_undone(tmp_path: Path) -> None:
    (tmp_path / "threaded.py").write_text(THREAD + ".start()\n")

    def starts_a_thread(values: object) -> object:
        import threaded  # noqa: F401

        return values

    inputs = [tasks.encode(tasks.SCALAR, starts_a_thread)]
    with client.running(environment={"PYTHONPATH": str(tmp_path)}) as daemon:
        assert daemon.start()["zygote"] is True
        for _ in range(2):
            warmed = daemon.warm(inputs)
            assert (warmed["op"], warmed["zygote"], warmed["threads"]) == ("warmed", True, 1)
            assert warmed["notes"] == ["the warm-up left 2 threads, and was undone"]
        assert daemon.fork().probe(lambda: "threaded" in __import__("sys").modules) is False


@pytest.mark.essential
def test_warm_up_leaves_no_trace() -> None:
    def fails(values: object) -> object:
        raise ValueError("on purpose")

    environment = {"PYSPARK_EXECUTOR_MEMORY_MB": "100000", "OMP_NUM_THREADS": "3"}
    with client.running(environment=environment) as daemon:
        daemon.start()
        good = warm_inputs()
        warmed = daemon.warm([*good, tasks.encode(tasks.SCALAR, fails), b"junk"])
        assert warmed["zygote"] is True
        assert [note.split(":")[0] for note in warmed["notes"]] == [
            f"warm-up {len(good)} failed",
            f"warm-up {len(good) + 1} failed",
        ]
        assert "on purpose" in warmed["notes"][0]
        limits = Path(f"/proc/{daemon.process.pid}/limits").read_text().splitlines()
        (space,) = [line for line in limits if line.startswith("Max address space")]
        assert space.split()[3] == "unlimited"
        worker = daemon.fork(unset=["PYSPARK_EXECUTOR_MEMORY_MB"])
        variables = worker.probe(lambda: dict(__import__("os").environ))
        assert variables["OMP_NUM_THREADS"] == "3"
        assert "JE_ARROW_MALLOC_CONF" not in variables
        assert "OPENBLAS_NUM_THREADS" not in variables
        again = daemon.warm(warm_inputs())
        assert again["notes"] == ["no warm-up: there are workers already"]


def test_a_spare_worker_warms_up(tmp_path: Path) -> None:
    log = tmp_path / "runs"

    def writes(values: object) -> object:
        import os

        with open(os.environ["RUNS"], "a") as file:
            file.write(f"{os.getpid()}\n")
        return values

    with client.running(environment={"RUNS": str(log)}) as daemon:
        daemon.start()
        daemon.warm([tasks.encode(tasks.SCALAR, writes)])
        assert log.read_text() == f"{daemon.process.pid}\n"
        worker = daemon.fork()
        client.wait_until(lambda: f"{worker.pid}\n" in log.read_text(), "the warm-up")
        assert worker.probe(lambda: 1) == 1
        assert worker.probe(lambda: 2) == 2
        assert log.read_text().split() == [str(daemon.process.pid), str(worker.pid)]


def test_a_warm_up_that_fails_harms_nobody(tmp_path: Path) -> None:
    log = tmp_path / "runs"
    (tmp_path / "finds_nothing.py").write_text(
        """if True:
        import os, sys

        class Finder:
            def find_spec(name, path=None, target=None):
                if name == "_udfrunner_absent":
                    with open(os.environ["RUNS"], "a") as file:
                        file.write(f"{os.getpid()}\\n")
                    raise ValueError(name)

        sys.meta_path.insert(0, Finder)
        """
    )
    environment = {"RUNS": str(log), "PYTHONPATH": str(tmp_path)}
    with client.running(environment=environment) as daemon:
        daemon.start(modules=["finds_nothing"])
        worker = daemon.fork()
        client.wait_until(
            lambda: log.exists() and f"{worker.pid}\n" in log.read_text(), "the warm-up"
        )
        assert worker.probe(lambda: 1) == 1


def test_warm_up_freezes_the_heap(worker: client.Worker) -> None:
    def frozen() -> list[int]:
        import gc

        return [gc.get_freeze_count(), len(gc.get_objects()), gc.isenabled()]

    count, live, enabled = worker.probe(frozen)
    assert enabled
    assert count > 10 * live


def test_nothing_of_the_host_is_inherited() -> None:
    # A host that blocks and ignores signals, and leaves a descriptor open across exec.
    inherited, other = os.pipe()
    os.set_inheritable(inherited, True)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGQUIT})
    ignored = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        daemon = client.Daemon(close_fds=False)
    finally:
        signal.signal(signal.SIGCHLD, ignored)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.close(other)
        pipe = os.readlink(f"/proc/self/fd/{inherited}")
        os.close(inherited)
    try:
        assert daemon.start(zygote=False)["op"] == "ready"
        worker = daemon.fork()
        worker.probe(lambda: None)
        for pid in (daemon.process.pid, worker.pid):
            assert pipe not in client.open_descriptors(pid).values()
            status = Path(f"/proc/{pid}/status").read_text()
            masks = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
            assert int(masks["SigBlk"], 16) == 0
            assert int(masks["SigIgn"], 16) & (1 << (signal.SIGCHLD - 1)) == 0
        assert os.getsid(daemon.process.pid) == daemon.process.pid
    finally:
        daemon.close()


@pytest.mark.parametrize("name", ["json.py", "socket.py", "base64.py"])
def test_files_in_the_working_directory_do_not_hide_modules(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("raise RuntimeError('hidden')\n")
    with client.running(directory=tmp_path, python=[sys.executable]) as daemon:
        daemon.send({"op": "nonsense"})
        assert daemon.receive("failed")[0]["reason"] == "internal"
