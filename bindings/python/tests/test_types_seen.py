"""What functions of every kind see of every Arrow type, and what comes back: as in real Spark."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence

import arrow_types
import arrow_zones
import pytest
import shown_columns as sc
from arrow_types import Column
from conftest import is_older
from recorded_values import (
    PICKLED,
    Count,
    conf_of,
    is_asked,
    is_zoned,
    recorded,
    repeated_hour,
)

import udfrunner
from udfrunner import Env
from udfrunner._pyspark import SUPPORTED

import canonical  # isort: skip - of the room that recorded_values found

udfrunner.allow_ddl_without_session()

#: Minors, and the zones of workers and session that are recorded of them.
ZONED = [
    (minor, title)
    for minor in SUPPORTED
    for title in recorded("seen", minor)
    if is_zoned(title) and is_asked(title)
]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The host's zone, in which values of datetime come back."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(params=sc.KINDS)
def kind(request: pytest.FixtureRequest, minor: str) -> str:
    if is_older(minor, sc.KINDS[request.param]):
        pytest.skip(f"PySpark {minor} has no such functions")
    return str(request.param)


def hold(
    env: Env,
    minor: str,
    kind: str,
    function: str,
    given: Sequence[Column],
    answers: dict[str, str],
    where: tuple[str, str],
) -> None:
    title = f"{kind} {function}"
    expected = sc.expected_of(given, answers, minor, kind, function, where[1])
    asked = [column for column in given if column.name in expected]
    found = sc.answers_of(env, kind, function, asked, conf_of(*where))
    count = Count()
    if kind in PICKLED:
        found, expected = repeated_hour(found, where[0]), repeated_hour(expected, where[0])
    count.compare(" ".join([title, *where]), found, expected)
    count.check()


@pytest.mark.parametrize("function", ["describe", "identity"])
def test_seen(version_env: Env, minor: str, kind: str, function: str) -> None:
    columns = sc.taken(kind, minor)
    answers = sc.answers_about(minor, f"{kind} {function}")
    hold(version_env, minor, kind, function, columns, answers, ("UTC", "UTC"))


@pytest.mark.parametrize("function", ["describe", "identity"])
@pytest.mark.parametrize(("minor", "title"), ZONED, indirect=["minor"], scope="module")
def test_seen_zones(version_env: Env, minor: str, kind: str, function: str, title: str) -> None:
    worker, session = title.split()
    answers = recorded("seen", minor, title, f"{kind} {function}")
    hold(version_env, minor, kind, function, arrow_zones.COLUMNS, answers, (worker, session))


def test_refused(version_env: Env, minor: str, kind: str) -> None:
    """What Spark has no type for is an error that names column, type and eval type."""
    if kind in sc.SEE_ARROW:
        pytest.skip("these functions see all Arrow types")
    # Before 4.0 a variant is a struct like others.
    columns = [column for column in arrow_types.COLUMNS if "variant" not in column.name]
    refused = [column for column in columns if column not in sc.taken(kind, minor)]
    assert refused
    for column in refused:
        with pytest.raises(udfrunner.InvalidArgument) as caught:
            sc.run_one(version_env, kind, column)
            pytest.fail(f"{column.name} is not refused")
        name = re.split(r"[<\[(]", str(column.array.type))[0]
        for part in ("c0", name.removeprefix("month_").partition("_")[0], kind):
            assert part in caught.value.message, column.name


def test_samples(minor: str) -> None:
    """The samples are what real Spark was asked about."""
    answers = sc.answers_about(minor, "input")
    columns = [column for column in arrow_types.COLUMNS if column.sent]
    columns = [column for column in columns if column.spark in answers]
    assert len(columns) >= 30
    for column in columns:
        assert "; ".join(canonical.texts(column.array)) == answers[str(column.spark)], column.name
