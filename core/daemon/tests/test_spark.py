"""The daemon under stock Spark: the protocol of pyspark.daemon, and its settings.

What both daemons do is held with both: the stock one shows that the test is right.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import struct
from pathlib import Path

import client
import executor
import pytest
import tasks
from executor import OURS, STOCK, SparkDaemon

both = pytest.mark.parametrize("module", [OURS, STOCK])


def pid() -> int:
    """The process that the function runs in."""
    import os

    return os.getpid()


def grandchild() -> int:
    """A child of the function that outlives its task."""
    import subprocess

    return subprocess.Popen(["sleep", "3600"]).pid


def stuck() -> None:
    """Does not come back."""
    import time

    time.sleep(3600)


@pytest.mark.essential
@both
@pytest.mark.parametrize("setting", [None, "SPARK_PREFER_IPV6", "PYTHON_UNIX_DOMAIN_ENABLED"])
def test_tasks(module: str, setting: str | None, tmp_path: Path) -> None:
    if module == STOCK and setting == "PYTHON_UNIX_DOMAIN_ENABLED" and tasks.PYSPARK < (4, 1):
        pytest.skip("Unix sockets came with Spark 4.1")
    environment = {"PYTHON_WORKER_FACTORY_SOCK_DIR": str(tmp_path)}
    if setting:
        environment[setting] = "True"
    with SparkDaemon(module, environment) as daemon:
        worker = daemon.worker()
        assert worker.answer == ("" if daemon.unix else "ok")
        for _ in range(2):
            assert worker.probe(pid) == worker.pid
        failed = worker.run(tasks.encode_probe(lambda: 1 // 0))
        assert "ZeroDivisionError" in (failed.error or "")
        worker.close()
        assert daemon.worker().probe(pid) != worker.pid
        assert os.listdir(tmp_path) == ([Path(daemon.address).name] if daemon.unix else [])
    assert os.listdir(tmp_path) == []


def test_socket_file_is_the_users_alone(tmp_path: Path) -> None:
    environment = {
        "PYTHON_UNIX_DOMAIN_ENABLED": "True",
        "PYTHON_WORKER_FACTORY_SOCK_DIR": str(tmp_path),
    }
    with SparkDaemon(environment=environment) as daemon:
        assert Path(daemon.address).stat().st_mode & 0o077 == 0


@both
@pytest.mark.parametrize("terminate", ["stdin", "SIGTERM"])
def test_termination(module: str, terminate: str) -> None:
    with SparkDaemon(module) as daemon:
        daemon.connect().close()  # goes away before it says who it is
        worker = daemon.worker()
        worker.send_probe(stuck)
        if terminate == "stdin":
            assert daemon.process.stdin is not None
            daemon.process.stdin.close()
        else:
            daemon.process.terminate()
        daemon.process.wait(client.TIMEOUT)
        client.wait_until(lambda: not client.process_exists(worker.pid), "end of the worker")
        with pytest.raises(ConnectionRefusedError):
            daemon.connect()


def test_termination_while_importing(tmp_path: Path) -> None:
    environment = executor.write_module(tmp_path, "endless", "import time\ntime.sleep(3600)")
    environment |= {
        "UDFRUNNER_ZYGOTE_MODULES": "endless",
        "PYTHON_UNIX_DOMAIN_ENABLED": "True",
        "PYTHON_WORKER_FACTORY_SOCK_DIR": str(tmp_path),
    }
    with SparkDaemon(environment=environment) as daemon:
        assert Path(daemon.address).exists()
        daemon.process.terminate()
        assert daemon.process.wait(client.TIMEOUT) == 1
        assert not Path(daemon.address).exists()


@both
@pytest.mark.parametrize(
    "secret", ["another", "", executor.text("x") + b"y", struct.pack("!i", -1)]
)
def test_wrong_secret(module: str, secret: str | bytes) -> None:
    with SparkDaemon(module) as daemon:
        if module == STOCK and isinstance(secret, bytes) and len(secret) == 4:
            pytest.skip("stock fails on a length below zero")
        worker = daemon.worker(secret)
        assert worker.answer == "err"
        worker.socket.shutdown(socket.SHUT_WR)
        assert worker.at_end()
        assert daemon.worker().probe(pid) != worker.pid


def test_secret_is_not_read_beyond_its_length() -> None:
    with SparkDaemon() as daemon:
        assert daemon.worker(struct.pack("!i", 1 << 30)).answer == "err"


@both
def test_worker_without_reuse(module: str) -> None:
    with SparkDaemon(module, {"SPARK_REUSE_WORKER": ""}) as daemon:
        worker = daemon.worker()
        assert worker.probe(pid) == worker.pid
        worker.socket.shutdown(socket.SHUT_WR)
        assert worker.at_end()
        client.wait_until(lambda: not client.process_exists(worker.pid), "end of the worker")


@both
def test_worker_module(module: str, tmp_path: Path) -> None:
    if module == STOCK and tasks.PYSPARK < (4, 0):
        pytest.skip("the argument came with Spark 4.0")
    source = """
import os, struct
def main(infile, outfile):
    assert infile.read(4) == b"task"
    outfile.write(struct.pack("!i", 7))
"""
    environment = executor.write_module(tmp_path, "pyspark_seven", source)
    with SparkDaemon(module, environment, ("pyspark_seven",)) as daemon:
        worker = daemon.worker()
        for _ in range(2):
            worker.socket.sendall(b"task")
            assert tasks.read_int(worker.stream) == 7
    with SparkDaemon(module, environment, ("another_seven",)) as daemon:
        worker = daemon.worker()
        assert worker.probe(pid) == worker.pid


@both
def test_kill_by_pid(module: str) -> None:
    with SparkDaemon(module) as daemon:
        other, worker = daemon.worker(), daemon.worker()
        child = worker.probe(grandchild)
        worker.send_probe(stuck)
        for one in (os.getpid(), worker.pid)[module == STOCK :]:  # stock kills whom it is told to
            daemon.kill(one)
        assert worker.at_end()
        client.wait_until(lambda: not client.process_exists(worker.pid), "end of the worker")
        if module == OURS:
            client.wait_until(lambda: not client.process_exists(child), "end of its child")
        else:
            os.kill(child, signal.SIGKILL)
        assert other.probe(pid) == other.pid
        assert str(worker.pid) not in str(daemon.stderr)


def test_hangup_reaches_every_group() -> None:
    with SparkDaemon() as daemon:
        workers = [daemon.worker(), daemon.worker()]
        children = [worker.probe(grandchild) for worker in workers]
        os.killpg(daemon.pid, signal.SIGHUP)
        for worker, child in zip(workers, children, strict=True):
            assert worker.at_end()
            client.wait_until(lambda pid=child: not client.process_exists(pid), "end of a child")
        assert daemon.worker().probe(pid) > 0


def test_nothing_outlives_the_daemon() -> None:
    with SparkDaemon() as daemon:
        worker = daemon.worker()
        worker.send_probe(stuck)
        daemon.process.kill()
        client.wait_until(lambda: not client.process_exists(worker.pid), "end of the worker")


def ignore_hangup() -> None:
    """A function that survives SIGHUP."""
    import signal
    import time

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    print("deaf", flush=True)
    time.sleep(3600)


def test_shutdown_ends_who_ignores_it() -> None:
    with SparkDaemon() as daemon:
        worker = daemon.worker()
        worker.send_probe(ignore_hangup)
        daemon.stdout.await_text("deaf")
        assert daemon.process.stdin is not None
        daemon.process.stdin.close()
        assert daemon.process.wait(client.TIMEOUT) == 0
        assert not client.process_exists(worker.pid)
        assert str(daemon.stderr) == ""


def test_port_is_there_before_the_imports(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    source = f"print('noise', flush=True)\nopen({str(gate)!r}).close()"
    environment = executor.write_module(tmp_path, "slow", source)
    with SparkDaemon(environment=environment | {"UDFRUNNER_ZYGOTE_MODULES": "slow"}) as daemon:
        waiting = daemon.connect()
        with gate.open("w"):  # the other end is in the middle of its imports
            pass
        assert struct.unpack("!i", waiting.recv(4))[0] > 0
        waiting.close()
        assert "noise" in daemon.stderr.await_text("noise")
        daemon.worker().probe(lambda: print("of a worker"))
        daemon.stdout.await_text("of a worker")  # where Spark looks for captured log lines
        assert "noise" not in str(daemon.stdout)


def test_imports_that_leave_a_thread(tmp_path: Path) -> None:
    source = "import threading, time\nthreading.Thread(target=time.sleep, args=(3600,), daemon=True).start()"
    environment = executor.write_module(tmp_path, "threaded", source)
    with SparkDaemon(environment=environment | {"UDFRUNNER_ZYGOTE_MODULES": "threaded"}) as daemon:
        for _ in range(2):
            worker = daemon.worker()
            assert worker.probe(pid) == worker.pid
        assert "the imports left 2 threads; workers import for themselves" in str(daemon.stderr)
        maps = Path(f"/proc/{daemon.pid}/maps").read_text()
        assert "libarrow" not in maps


def test_import_that_fails(tmp_path: Path) -> None:
    environment = executor.write_module(tmp_path, "broken", "raise ValueError('no')")
    with SparkDaemon(environment=environment | {"UDFRUNNER_ZYGOTE_MODULES": "broken"}) as daemon:
        worker = daemon.worker()
        assert worker.probe(pid) == worker.pid
        daemon.stderr.await_text("module broken was not imported: ValueError('no')")
    environment = executor.write_module(tmp_path, "pyspark_broken", "raise ValueError('no')")
    with SparkDaemon(environment=environment, arguments=("pyspark_broken",)) as daemon:
        assert daemon.worker().at_end()
        assert "Traceback" in daemon.stderr.await_text("ValueError: no")


def test_interpreter_without_pyspark() -> None:
    with SparkDaemon(options=("-S",)) as daemon:
        assert daemon.address is None
        assert daemon.process.wait(client.TIMEOUT) == 1
        assert "has no PySpark; install it there" in daemon.stderr.await_text("PySpark")


def test_more_workers_than_descriptors() -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))

    with SparkDaemon(preexec_fn=limit) as daemon:
        connections: list[socket.socket] = []

        def starved() -> bool:
            return "a connection waits, as there are" in str(daemon.stderr)

        def answered() -> bool:
            return bool(select.select([connections[-1]], [], [], 0)[0])

        while not starved():
            assert len(connections) < 48
            connections.append(daemon.connect())
            client.wait_until(lambda: answered() or starved(), "a worker, or word that it waits")
        waiting = connections.pop()
        assert connections
        connections.pop().close()
        assert struct.unpack("!i", waiting.recv(4))[0] > 0
        for connection in [waiting, *connections]:
            connection.close()
