"""The command line, as a user starts it."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from conftest import PYTHON, children, eventually

import udfrunner

ROWS = 5_000
FLIGHTS = pa.table(
    {
        "dep_delay": [None if i % 10 == 0 else i % 60 for i in range(ROWS)],
        "arr_delay": [i % 45 for i in range(ROWS)],
        "carrier": ["AA" if i % 3 else "DL" for i in range(ROWS)],
    }
)
MODULE = """
import os
import time
import pandas as pd

def total(dep, arr):
    return dep + arr

def total_row(dep, arr):
    return None if dep is None else dep + arr

def lists(dep):
    return dep.map(lambda value: [1])

def late(frames):
    for frame in frames:
        yield frame[frame.arr_delay > 40]

def fails(dep):
    raise ValueError("no flights today")

def talks(dep):
    for word in ("one", "two", "three"):
        print(word, "of a talk")
    return dep

def crashes(dep):
    os._exit(9)

def sleeps(dep):
    time.sleep(3600)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "delays.py").write_text(MODULE)
    (tmp_path / "broken.parquet").write_text("no file of Parquet's")
    pq.write_table(FLIGHTS, tmp_path / "flights.parquet")
    csv.write_csv(FLIGHTS, tmp_path / "flights.csv")
    return tmp_path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "udfrunner", *map(str, arguments)]


def udfrunner_command(
    directory: Path, *arguments: object, status: int = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(*arguments), cwd=directory, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == status, done.stderr
    return done


def run(
    directory: Path, function: str, *arguments: object, status: int = 0
) -> subprocess.CompletedProcess[str]:
    return udfrunner_command(
        directory, "run", function, "--return-type", "long", *arguments, status=status
    )


EXPECTED = [
    None if dep is None else dep + arr
    for dep, arr in zip(
        FLIGHTS["dep_delay"].to_pylist(), FLIGHTS["arr_delay"].to_pylist(), strict=True
    )
]
COLUMNS = ("--column", "dep_delay", "--column", "arr_delay")


def test_a_run_ends_at_its_timeout(directory: Path) -> None:
    done = udfrunner_command(
        directory,
        *("run", "delays:sleeps", "--input", "flights.parquet", "--output", "out.parquet"),
        *("--column", "dep_delay", "--return-type", "double", "--kind", "scalar-pandas"),
        *("--timeout", 1.5, "--no-traceback"),
        status=1,
    )
    assert done.stderr == "udfrunner: the run took longer than its deadline of 1.5 s\n"
    assert not (directory / "out.parquet").exists()


def test_version_of_the_command() -> None:
    done = subprocess.run(command("--version"), capture_output=True, text=True, check=True)
    assert done.stdout == f"udfrunner {udfrunner.__version__}\n"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("function", "kind"),
    [("total", "scalar-pandas"), ("total_row", "batched"), ("total_row", "arrow-batched")],
)
def test_parquet_to_parquet(directory: Path, workers: int, function: str, kind: str) -> None:
    done = run(
        directory,
        f"delays:{function}",
        "--input",
        "flights.parquet",
        "--output",
        "out.parquet",
        "--kind",
        kind,
        "--workers",
        workers,
        *COLUMNS,
    )
    assert re.fullmatch(r"5,000 rows in, 5,000 rows out, [\d.]+ s, [\d,]+ rows/s\n", done.stdout)
    table = pq.read_table(directory / "out.parquet")
    assert table.column_names == [function]
    assert table.column(0).to_pylist() == EXPECTED


def test_csv_to_csv_by_a_map_function(directory: Path) -> None:
    udfrunner_command(
        directory,
        "run",
        "delays:late",
        "--input",
        "flights.csv",
        "--output",
        "late.csv",
        "--kind",
        "map-pandas",
        "--return-type",
        "dep_delay double, arr_delay long, carrier string",
        "--batch-size",
        "1000",
    )
    table = csv.read_csv(directory / "late.csv")
    assert table.column_names == FLIGHTS.column_names
    assert table["arr_delay"].to_pylist() == [d for d in FLIGHTS["arr_delay"].to_pylist() if d > 40]


def test_exception_of_the_function(directory: Path) -> None:
    arguments = (
        "delays:fails",
        "--input",
        "flights.csv",
        "--output",
        "out.arrow",
        "--kind",
        "scalar-pandas",
        "--column",
        "dep_delay",
    )
    done = run(directory, *arguments, status=1)
    assert "Traceback" in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("udfrunner: ")
    assert "no flights today" in last
    done = run(directory, *arguments, "--no-traceback", status=1)
    assert len(done.stderr.splitlines()) == 1
    assert sorted(p.name for p in directory.glob("*out*")) == []


GOOD = {
    "--input": "flights.parquet",
    "--output": "out.parquet",
    "--kind": "scalar-pandas",
    "--column": "dep_delay",
    "--return-type": "long",
}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"--input": "nothing.parquet"}, "nothing.parquet: no such file"),
        ({"--input": "delays.py"}, "delays.py"),
        ({"--output": "out.txt"}, "out.txt"),
        ({"--output": "no/directory/out.csv"}, "no such directory"),
        ({"--column": "speed"}, "no column 'speed'; columns are dep_delay, arr_delay, carrier"),
        ({"--column": "dep_dely"}, "no column 'dep_dely'; did you mean 'dep_delay'? columns are"),
        ({"--input": "broken.parquet"}, "file broken.parquet: "),
        ({"--by": "carrier"}, "--by is for grouped kinds"),
        ({"--kind": "grouped-map-pandas", "--by": "carrier"}, "--column is not allowed"),
        ({"--kind": "grouped-agg-pandas", "--by": "carier"}, "did you mean 'carrier'?"),
        ({"--kind": "map-pandas", "--name": "x"}, "names its columns by --return-type"),
        (
            {"FUNCTION": "delays:lists", "--return-type": "array<long>", "--output": "out.csv"},
            "file out.csv: ",
        ),
        ({"--kind": "grouped"}, "grouped"),
        ({"--return-type": "lnog"}, "lnog"),
        ({"--conf": "novalue"}, "KEY=VALUE"),
        ({"--conf": "udfrunner.nothing=1"}, "udfrunner.nothing"),
        ({"--workers": "0"}, "workers"),
        ({"FUNCTION": "no-colon"}, "MODULE:FUNCTION"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_bad_arguments(directory: Path, change: dict[str, str], text: str) -> None:
    options = {"FUNCTION": "delays:total", **GOOD, **change}
    function = options.pop("FUNCTION")
    flat = [word for pair in options.items() for word in pair]
    done = udfrunner_command(directory, "run", function, *flat, status=2)
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert list(directory.glob("*out.*")) == []


def corrupt(folder: Path, name: str) -> None:
    """A file that begins well."""
    table = pa.table({"dep_delay": list(range(200_000)), "arr_delay": [0] * 200_000})
    if name.endswith(".csv"):
        csv.write_csv(table, folder / name)
        with (folder / name).open("a") as file:
            file.write("late,0\n")
        return
    if name.endswith(".parquet"):
        pq.write_table(table, folder / name, row_group_size=50_000)
        column = pq.read_metadata(folder / name).row_group(3).column(0)
        start = column.dictionary_page_offset or column.data_page_offset
    else:
        make = pa.ipc.new_file if name.endswith(".arrow") else pa.ipc.new_stream
        with make(folder / name, table.schema) as writer:
            writer.write_table(table, max_chunksize=1000)
        start = (folder / name).stat().st_size // 2
    content = (folder / name).read_bytes()
    broken = b"" if name.endswith(".arrows") else b"\xff" * 20_000 + content[start + 20_000 :]
    (folder / name).write_bytes(content[:start] + broken)


@pytest.mark.parametrize(
    ("name", "workers"), [("a.parquet", 1), ("a.csv", 2), ("a.arrow", 1), ("a.arrows", 2)]
)
def test_file_that_is_corrupt_within(directory: Path, name: str, workers: int) -> None:
    corrupt(directory, name)
    options = ["--kind", "pandas", "--workers", workers, *COLUMNS, "--output", "out.csv"]
    done = run(directory, "delays:total", "--input", name, *options, status=1)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"udfrunner: file {name}: ")
    assert list(directory.glob("*out*")) == []


def test_other_interpreter(directory: Path) -> None:
    done = run(
        directory,
        "delays:total",
        "--input",
        "flights.parquet",
        "--output",
        "out.parquet",
        "--kind",
        "scalar-pandas",
        "--python",
        "/no/such/python",
        *COLUMNS,
        status=1,
    )
    assert "/no/such/python" in done.stderr


TALK = ["one of a talk", "two of a talk", "three of a talk"]


def scalar(directory: Path, function: str, *arguments: object) -> list[object]:
    return [
        f"delays:{function}",
        *("--kind", "scalar-pandas", "--column", "dep_delay", "--return-type", "double"),
        *("--input", directory / "flights.parquet", "--output", directory / "out.parquet"),
        *arguments,
    ]


def test_what_the_function_prints(directory: Path) -> None:
    done = udfrunner_command(directory, "run", *scalar(directory, "talks"))
    assert done.stderr.splitlines() == TALK
    assert "of a talk" not in done.stdout


def test_progress_in_a_file_is_lines(directory: Path) -> None:
    done = udfrunner_command(directory, "run", *scalar(directory, "talks", "--progress"))
    lines = [line for line in done.stderr.splitlines() if line not in TALK]
    assert lines[-1] == f"delays:talks: {FLIGHTS.num_rows:,} of {FLIGHTS.num_rows:,} rows"


def test_what_the_function_prints_above_the_progress_bar(directory: Path) -> None:
    pytest.importorskip("rich")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("run", *scalar(directory, "talks", "--progress")),
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # How a terminal ends.
            os.close(ours)
    assert process.returncode == 0
    # The bar is wiped before a line and drawn again behind it.
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    lines = re.split(r"[\r\n]+", text)
    assert [line for line in lines if "of a talk" in line] == TALK
    assert "delays:talks" in text
    assert f"{FLIGHTS.num_rows:,} of {FLIGHTS.num_rows:,} rows" in text


def test_death_of_a_worker(directory: Path) -> None:
    done = udfrunner_command(directory, "run", *scalar(directory, "crashes"), status=1)
    note, last = done.stderr.splitlines()
    assert ": cause exit, exit status 9, peak memory " in note
    assert last.startswith("udfrunner: worker ")
    again = scalar(directory, "crashes", "--no-traceback")
    done = udfrunner_command(directory, "run", *again, status=1)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing(directory: Path, sent: signal.Signals, workers: int) -> None:
    arguments = command(
        "run",
        "delays:sleeps",
        *(word for pair in GOOD.items() for word in pair),
        "--workers",
        workers,
    )
    with subprocess.Popen(arguments, cwd=directory, stderr=subprocess.PIPE, text=True) as process:
        assert eventually(lambda: len(children(process.pid)) > 0)
        workers_of_it = children(process.pid)
        process.send_signal(sent)
        process.send_signal(signal.SIGINT)  # whoever waits presses Ctrl-C again
        _, err = process.communicate(timeout=30)
    assert process.returncode in (128 + sent, 130), err
    assert err == "udfrunner: interrupted\n"
    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers_of_it))
    assert sorted(p.name for p in directory.glob("*out*")) == []


def test_a_signal_that_is_ignored_stays_so(directory: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from udfrunner import _signals\n"
        "_signals.handle()\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
        "print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)\n"
    )
    arguments = ("sh", "-c", "trap '' HUP; exec \"$@\"", "sh", sys.executable, "-c", program)
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", ["scalar-pandas", "batched"])
@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        (("--keep", "carrier", "--keep", "dep_delay"), ["carrier", "dep_delay"]),
        (("--keep", "*"), ["dep_delay", "arr_delay", "carrier"]),
    ],
)
def test_kept_columns(
    directory: Path, keep: tuple[str, ...], kept: list[str], kind: str, workers: int
) -> None:
    function = "total" if kind == "scalar-pandas" else "total_row"
    run(
        directory,
        f"delays:{function}",
        *("--input", "flights.parquet", "--output", "out.parquet", *COLUMNS),
        *("--kind", kind, "--batch-size", 700, "--workers", workers, *keep),
    )
    out = pq.read_table(directory / "out.parquet")
    assert out.column_names == [*kept, function]
    assert out.select(kept).equals(FLIGHTS.select(kept))
    assert out[function].to_pylist() == EXPECTED


def test_kept_column_of_no_rows(directory: Path) -> None:
    pq.write_table(FLIGHTS.slice(0, 0), directory / "flights.parquet")
    arguments = scalar(directory, "total", "--column", "arr_delay", "--keep", "carrier")
    udfrunner_command(directory, "run", *arguments)
    out = pq.read_table(directory / "out.parquet")
    assert out.schema.equals(pa.schema({"carrier": pa.string(), "total": pa.float64()}))
    assert out.num_rows == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--keep", "carier"), "no column 'carier'; did you mean 'carrier'?"),
        (("--keep", "carrier", "--name", "carrier"), "name 'carrier': a kept column has it"),
        (
            ("--kind", "map-pandas", "--keep", "carrier"),
            "SQL_MAP_PANDAS_ITER_UDF gives rows of its own",
        ),
    ],
)
def test_columns_that_are_not_kept(directory: Path, options: tuple[str, ...], said: str) -> None:
    done = udfrunner_command(directory, "run", *scalar(directory, "total", *options), status=2)
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_standard_input_and_output_are_arrow_streams(directory: Path) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, FLIGHTS.schema) as writer:
        writer.write_table(FLIGHTS, max_chunksize=999)
    done = subprocess.run(
        command(
            *("run", "delays:total", "--return-type", "long", "--kind", "scalar-pandas"),
            *("--input", "-", "--output", "-", *COLUMNS, "--progress"),
        ),
        cwd=directory,
        input=sink.getvalue().to_pybytes(),
        capture_output=True,
        check=True,
    )
    assert pa.ipc.open_stream(done.stdout).read_all()["total"].to_pylist() == EXPECTED
    assert b"5,000 rows in, 5,000 rows out" in done.stderr
    assert b"\x1b" not in done.stderr, "lines, where stderr is no terminal"


def test_standard_input_that_is_no_stream(directory: Path) -> None:
    arguments = scalar(directory, "total", "--input", "-")
    done = subprocess.run(
        command("run", *arguments), cwd=directory, input=b"text", capture_output=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"udfrunner: standard input: an Arrow stream is needed: ")
    assert len(done.stderr.splitlines()) == 1


def test_standard_output_that_is_a_terminal(directory: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        arguments = scalar(directory, "total", "--output", "-")
        done = subprocess.run(
            command("run", *arguments), cwd=directory, stdout=theirs, stderr=subprocess.PIPE
        )
    finally:
        os.close(theirs)
        os.close(ours)
    assert done.returncode == 2
    assert b"standard output is a terminal: an Arrow stream is for a pipe or a file" in done.stderr


def test_doctor(directory: Path) -> None:
    done = udfrunner_command(directory, "doctor")
    for name in ("library", "kernel", "C library", "cores", "worker python", "pyspark", "pyarrow"):
        assert re.search(rf"^  {name}:", done.stdout, re.MULTILINE), done.stdout
    for name in ("memory", "shared memory", "limit: open files"):
        assert re.search(rf"^[ ?] {name}:", done.stdout, re.MULTILINE), done.stdout
    assert "env: " not in done.stdout and "task: rows" not in done.stdout
    assert re.search(r"^  trial task: +ok$", done.stdout, re.MULTILINE)
    assert re.search(r"^  zygote: +on, threads: 1$", done.stdout, re.MULTILINE)
    assert str(PYTHON) in done.stdout


def test_doctor_for_programs(directory: Path) -> None:
    report = json.loads(udfrunner_command(directory, "doctor", "--json", "--verbose").stdout)
    assert report["healthy"] is True
    judged = {finding["name"]: finding["judgement"] for finding in report["findings"]}
    assert judged["trial task"] == judged["kernel"] == judged["zygote"] == "ok"
    assert judged["packages together"] == "doubtful"  # PySpark 4.2 with pandas 3
    assert any(name.startswith("env: ") for name in judged)
    done = udfrunner_command(directory, "doctor", "--json", "--python", "/bin/false", status=1)
    assert json.loads(done.stdout)["healthy"] is False


def test_doctor_of_a_bad_interpreter(directory: Path) -> None:
    done = udfrunner_command(directory, "doctor", "--python", "/bin/false", status=1)
    assert re.search(r"^! worker python: +/bin/false", done.stdout, re.MULTILINE)
    assert re.search(r"^! trial task:", done.stdout, re.MULTILINE)


def test_doctor_without_library(directory: Path) -> None:
    environment = {**os.environ, "UDFRUNNER_LIBRARY": "/no/such/library.so"}
    done = subprocess.run(
        command("doctor"), cwd=directory, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "UDFRUNNER_LIBRARY=/no/such/library.so: no such file" in done.stdout


def test_version(directory: Path) -> None:
    done = udfrunner_command(directory, "version")
    assert re.fullmatch(r"udfrunner \d+\.\d+\.\d+\nlibrary \d\S+ \(\S+\)\n", done.stdout)


GROUPED = """
import pandas as pd

def worst(key, frame):
    return pd.DataFrame({"carrier": [key[0]], "delay": [frame.arr_delay.max()]})

def mean(delay: pd.Series) -> float:
    return delay.mean()
"""


def test_groups(directory: Path) -> None:
    (directory / "grouped.py").write_text(GROUPED)
    common = ["--input", "flights.parquet", "--by", "carrier", "--workers", "2", "--no-progress"]
    runs = {
        "worst": ("grouped-map-pandas", "carrier string, delay long"),
        "mean": ("grouped-agg-pandas", "double"),
    }
    for name, (kind, returned) in runs.items():
        columns = ["--column", "arr_delay"] if name == "mean" else []
        done = udfrunner_command(
            directory,
            *["run", f"grouped:{name}", *common, *columns],
            *["--kind", kind, "--return-type", returned, "--output", f"{name}.parquet"],
        )
        assert "5,000 rows in, 2 rows out" in done.stdout
    assert pq.read_table(directory / "worst.parquet").to_pydict() == {
        "carrier": ["AA", "DL"],
        "delay": [
            pc.max(FLIGHTS.filter(pc.equal(FLIGHTS["carrier"], carrier))["arr_delay"]).as_py()
            for carrier in ("AA", "DL")
        ],
    }
    expected = FLIGHTS.group_by("carrier").aggregate([("arr_delay", "mean")]).sort_by("carrier")
    found = pq.read_table(directory / "mean.parquet")
    assert found.column_names == ["carrier", "mean"]
    assert found["mean"].to_pylist() == pytest.approx(expected["arr_delay_mean"].to_pylist())


def test_by_is_for_grouped_kinds(directory: Path) -> None:
    done = udfrunner_command(
        directory,
        *["run", "delays:late", "--input", "flights.parquet", "--output", "out.parquet"],
        *["--kind", "map-pandas", "--return-type", "arr_delay long", "--by", "carrier"],
        status=2,
    )
    assert "--by is for grouped kinds" in done.stderr
