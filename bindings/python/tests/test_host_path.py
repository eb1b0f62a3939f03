"""Workers find the modules that their host finds, and run them as they are now."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import PACKAGE, interpreter
from servers import SECRET, BroadcastValues, serve

from udfrunner import BroadcastServer, Env, EvalType, Runner

HOST = interpreter("4.2")

#: What each host begins with: `add` runs a function on one row.
HEAD = """
import importlib, json, os, sys, time
from pathlib import Path
import pyarrow as pa
import udfrunner
def add(function, **options):
    options = {"kind": "scalar-arrow", "return_type": "long", **options}
    return udfrunner.apply(function, pa.table({"n": [1]}), "n", **options).to_pylist()[0]
def tell(*told):
    print(json.dumps(told), flush=True)
def edit(file, old, new):
    '''An edit that keeps the size, and the second.'''
    file = Path(file)
    before = file.stat().st_mtime_ns
    file.write_text(file.read_text().replace(old, new))
    os.utime(file, ns=(before, before + 1 if before % 10**9 < 10**9 - 1 else before - 1))
"""

#: A module with a function that adds one.
ADDS = "import pyarrow.compute as pc\nN = 1\ndef plus(x):\n    return pc.add(x, N)\n"


def run_host(
    text: str, script: Path, cwd: Path, *arguments: str, python: Path = HOST, **variables: str
) -> list[Any]:
    """What a program told that runs as a user's does, with nothing of the tests on its path."""
    script.write_text(HEAD + textwrap.dedent(text))
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE / "src"), **variables}
    del environment["PYSPARK_PYTHON"]
    done = subprocess.run(
        [python, *arguments, script],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a module, in which a script is going to lie."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "helper.py").write_text(ADDS)
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A working directory that has a module of the same name."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "helper.py").write_text(ADDS.replace("N = 1", "N = 100"))
    return folder


def test_module_beside_the_script(project: Path, elsewhere: Path) -> None:
    told = run_host(
        """
        import helper
        def imports(x):
            import helper
            return helper.plus(x)
        tell(add(helper.plus), add(imports), add("helper:plus"), add(helper.plus, workers=2))
        """,
        project / "script.py",
        elsewhere,
    )
    assert told == [[2, 2, 2, 2]]


def test_order_of_the_path(project: Path, elsewhere: Path, tmp_path: Path) -> None:
    """Includes come first, then what the host has: folders, archives, relative paths."""
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as file:
        file.writestr("packed.py", ADDS)
        file.writestr("helper.py", ADDS.replace("N = 1", "N = 50"))
    told = run_host(
        f"""
        sys.path[1:1] = [{str(tmp_path / "packed.zip")!r}, Path("p"), "/no/such/folder", "."]
        tell(add("packed:plus"), add("helper:plus"))
        tell(add("helper:plus", includes=[{str(tmp_path / "packed.zip")!r}]))
        sys.path.insert(0, ".")
        tell(add("helper:plus"))
        """,
        project / "script.py",
        elsewhere,
    )
    assert told == [[2, 2], [51], [101]]


def test_interactive(project: Path, tmp_path: Path) -> None:
    """As in a notebook: no script, the working directory is on the path, wherever that goes."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "beside.py").write_text(ADDS.replace("N = 1", "N = 7"))
    program = tmp_path / "cells.py"
    told = run_host(
        f"""
        import helper
        tell(add(helper.plus))
        os.chdir({str(other)!r})
        import beside
        tell(add(beside.plus))
        """,
        program,
        project,
        "-c",
        "import sys; exec(open(sys.argv[1]).read(), {'__name__': '__main__'})",
    )
    assert told == [[2], [8]]


@pytest.mark.parametrize("layout", ["pythonpath", "src on PYTHONPATH"])
def test_pytest_project(tmp_path: Path, layout: str) -> None:
    """src layout, the test's folder, a conftest's, as pytest puts them on the path."""
    files = {
        "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
        "src/shop/__init__.py": "",
        "src/shop/price.py": ADDS,
        "tests/conftest.py": "OFFSET = 1\n",
        "tests/unit/helper.py": "from shop.price import plus as more\n\n" + ADDS,
        "tests/unit/test_shop.py": HEAD
        + textwrap.dedent("""
            import helper
            from shop import price
            def here(x):
                return helper.more(helper.plus(x))
            def through_conftest(x):
                import conftest
                return price.pc.add(x, conftest.OFFSET)
            def test_it():
                assert add(price.plus) == 2
                assert add(here) == 3
                assert add("test_shop:here") == 3
                assert add(through_conftest) == 2
        """),
    }
    if layout != "pythonpath":
        files["pyproject.toml"] = ""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    path = [str(PACKAGE / "src"), *([] if layout == "pythonpath" else [str(tmp_path / "src")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    del environment["PYSPARK_PYTHON"]
    done = subprocess.run(
        [HOST, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout


EDITS = {
    "loaded": ("import helper", "helper.plus"),
    "reloaded": ("import helper", "importlib.reload(helper).plus"),
    "by name": ("", "'helper:plus'"),
    "imported in the function": (
        "def imports(x):\n    import helper\n    return helper.plus(x)",
        "imports",
    ),
    "imported by the module": ("import above", "above.plus"),
    "in an archive": ("sys.path.insert(0, 'helper.zip')", "'helper:plus'"),
}


@pytest.mark.parametrize("how", EDITS)
def test_edited_module(project: Path, how: str) -> None:
    setup, function = EDITS[how]
    (project / "above.py").write_text(
        "def plus(x):\n    from helper import plus\n    return plus(x)"
    )
    packed = """
    import zipfile
    def edit(file, old, new):
        with zipfile.ZipFile("helper.zip", "w") as archive:
            archive.writestr("helper.py", Path(file).read_text().replace(old, new))
    edit("helper.py", "N = 1", "N = 1")
    """
    program = f"""
    tell(add({function}), add({function}))
    edit("helper.py", "N = 1", "N = 5")
    tell(add({function}), add({function}))
    edit("helper.py", "N = 5" if "zipfile" not in globals() else "N = 1", "N = 7")
    tell(add({function}), add({function}))
    """
    before = textwrap.dedent(packed) if how == "in an archive" else ""
    told = run_host(before + setup + textwrap.dedent(program), project / "script.py", project)
    assert told == [[2, 2], [6, 6], [8, 8]]


def test_edited_while_workers_wait(project: Path) -> None:
    """A worker that waits is ready again, as the same process, before the next task asks."""
    told = run_host(
        """
        def imports(x):
            import helper
            return helper.plus(x)
        def process(x):
            return x * 0 + os.getpid()
        process = lambda x: pa.array([os.getpid()])
        first = add(process)
        tell(add(imports))
        modules = Path(f"/proc/{first}/cmdline").read_bytes()
        edit("helper.py", "N = 1", "N = 5")
        end = time.monotonic() + 30
        while Path(f"/proc/{first}/cmdline").read_bytes() == modules:
            assert time.monotonic() < end
            time.sleep(0.01)
        tell(add(imports), add(process) == first)
        """,
        project / "script.py",
        project,
    )
    assert told == [[2], [6, True]]


def test_renewed_worker_is_like_any_other(project: Path) -> None:
    """Limits, process group, no child with the channel; what a task leaves behind still ends it."""
    told = run_host(
        """
        def state(x):
            import resource, helper
            helper.plus(x)
            limits = [resource.getrlimit(n) for n in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE)]
            child = os.fork()
            if not child:
                os._exit(0 if os.path.samestat(os.fstat(0), os.stat("/dev/null")) else 1)
            _, status = os.waitpid(child, 0)
            return pa.array([json.dumps([os.getpid(), os.getpgrp(), status, limits])])
        def leaves(x):
            import subprocess
            subprocess.Popen(["sleep", "100"])
            return x
        def ask():
            options = {"return_type": "string", "conf": {"spark.executor.pyspark.memory": "2g"}}
            return json.loads(add(state, **options))
        first = ask()
        edit("helper.py", "N = 1", "N = 5")
        second = ask()
        add(leaves, conf={"spark.executor.pyspark.memory": "2g"})
        third = ask()
        tell(first, second, third)
        """,
        project / "script.py",
        project,
    )
    first, second, third = told[0]
    assert first[0] == second[0] != third[0]
    for process, group, status, (memory, descriptors) in (first, second, third):
        assert (process, status) == (group, 0)
        assert memory[0] >= 2 << 30, "more in a fork of the zygote, by what that has imported"
        assert descriptors == first[3][1]
    assert second[3][0] == [2 << 30, 2 << 30]


def test_module_of_the_zygote_that_was_edited(project: Path) -> None:
    told = run_host(
        """
        conf = {"udfrunner.zygote.modules": "helper"}
        tell(add("helper:plus", conf=conf))
        edit("helper.py", "N = 1", "N = 5")
        tell(add("helper:plus", conf={**conf, "spark.python.worker.reuse": "false"}))
        """,
        project / "script.py",
        project,
    )
    assert told == [[2], [6]]


@pytest.mark.parametrize("minor", ["3.5", "4.3"])
@pytest.mark.parametrize("served", [False, True])
def test_broadcasts_stay_with_an_edited_module(minor: str, served: bool, tmp_path: Path) -> None:
    """The host knows that the worker has them, and does not send them again."""
    module = tmp_path / "edited.py"
    text = (
        "def times(x):\n"
        "    import os\n"
        "    try:\n"
        "        from pyspark.core.broadcast import _broadcastRegistry\n"
        "    except ImportError:\n"
        "        from pyspark.broadcast import _broadcastRegistry\n"
        "    return x * _broadcastRegistry[5].value['factor'] * N\n"
    )
    module.write_text(text + "N = 1\n")
    (tmp_path / "5").write_bytes(pickle.dumps({"factor": 3}))
    values = BroadcastValues({5: {"factor": 3}})
    found = []
    with Env({"spark.pyspark.python": str(interpreter(minor))}) as env, serve(values) as server:
        runner = Runner(
            EvalType.SCALAR_PANDAS,
            [["edited:times"]],
            [[0]],
            "long",
            env=env,
            includes=[tmp_path],
            broadcasts={5: None if served else tmp_path / "5"},
            broadcast_server=BroadcastServer(server.port, SECRET) if served else None,
        )
        with runner:
            for factor in (1, 10, 200):
                module.write_text(text + f"N = {factor}\n")
                with runner.compute(pa.table({"a": [1]}), deadline=60) as out:
                    found += out.read_all()["_0"].to_pylist()
        counts = env.stats()["factories"][0]
    assert found == [3, 30, 600]
    assert (counts["started"], counts["crashed"]) == (1, 0)


def test_other_interpreter(project: Path, elsewhere: Path) -> None:
    """Its workers have the host's modules, not the host's packages."""
    told = run_host(
        f"""
        import helper
        import pyspark
        def path(x):
            import pyspark
            return pa.array([json.dumps([pyspark.__version__, *sys.path])])
        conf = {{"spark.pyspark.python": {str(interpreter("4.3"))!r}}}
        tell(pyspark.__version__, add(helper.plus, conf=conf))
        tell(*json.loads(add(path, conf=conf, return_type="string")))
        """,
        project / "script.py",
        elsewhere,
    )
    (version, result), (worker_version, *path) = told
    assert result == 2
    assert version.startswith("4.2.")
    assert worker_version.startswith("4.3.")
    folders = [Path(each) for each in path]
    assert project in folders
    assert not any(each.is_relative_to(HOST.parents[1]) for each in folders)
    assert len(set(path)) == len(path)


@pytest.mark.parametrize("where", ["conf=conf", "env=udfrunner.Env(conf)"])
def test_switched_off(project: Path, elsewhere: Path, where: str) -> None:
    (elsewhere / "helper.py").unlink()
    told = run_host(
        f"""
        import helper
        conf = {{"udfrunner.python.path": ""}}
        try:
            add(helper.plus, {where})
        except udfrunner.PythonException as error:
            tell(error.message)
        """,
        project / "script.py",
        elsewhere,
    )
    assert len(told) == 1
    assert "No module named 'helper'" in told[0][0]


def test_set_by_the_user(project: Path, elsewhere: Path) -> None:
    told = run_host(
        f"""
        conf = {{"udfrunner.python.path": {str(elsewhere)!r}}}
        tell(add("helper:plus", conf=conf), add("helper:plus"))
        """,
        project / "script.py",
        elsewhere,
    )
    assert told == [[101, 2]]


def test_command_line(project: Path, tmp_path: Path) -> None:
    """``udfrunner run`` finds a module of the working directory, and what that imports."""
    import pyarrow.parquet as pq

    (project / "uses.py").write_text("import helper\n\ndef plus(x):\n    return helper.plus(x)\n")
    pq.write_table(pa.table({"n": [1]}), tmp_path / "in.parquet")
    options = ["--kind", "scalar-arrow", "--column", "n", "--return-type", "long"]
    files = ["--input", tmp_path / "in.parquet", "--output", tmp_path / "out.parquet"]
    subprocess.run(
        [sys.executable, "-m", "udfrunner", "run", "uses:plus", *options, *files],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(PACKAGE / "src")},
        check=True,
        capture_output=True,
        timeout=100,
    )
    assert pq.read_table(tmp_path / "out.parquet")["plus"].to_pylist() == [2]
