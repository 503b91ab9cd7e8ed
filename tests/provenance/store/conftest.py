"""Every test of the store runs twice: on SQLite, and on a PostgreSQL server started from the system's packages."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from facewright.provenance import Draft, Record, Store, new_record_id
from sqlalchemy import create_engine, text

_NUMBERS = count()


def _programs() -> Path | None:
    """The newest installed server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    return Path(named).resolve().parent if (named := shutil.which("initdb")) else None


def _unprivileged() -> list[str]:
    """How to start a program as somebody else, for the server refuses to run as root."""
    if os.getuid():
        return []
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return ["runuser", "-u", name, "--"]
    pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of a running server, without the name of a database; reached over a socket in a folder of its own."""
    if (programs := _programs()) is None:
        pytest.skip("no PostgreSQL server: install the package postgresql")
    pytest.importorskip("psycopg", reason="the extra facewright[postgres] is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path is at most 107 bytes
    become = _unprivileged()
    if become:
        shutil.chown(folder, become[2])
    data, options = folder / "data", f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"

    def call(*words: str) -> None:
        subprocess.run(
            [*become, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder, timeout=120
        )

    try:
        call(str(programs / "initdb"), "-D", str(data), "-U", "facewright", "-A", "trust", "-E", "UTF8", "-N")
        call(str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://facewright@/{{}}?host={folder}"
        finally:
            call(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'records.db'}"
        return
    server, name = request.getfixturevalue("server"), f"test{next(_NUMBERS)}"
    engine = create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.format(name)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def store(url: str) -> Store:
    return Store(url)


@pytest.fixture
def execute(url: str) -> Callable[..., None]:
    """Do to the tables what facewright never does."""

    def run(statement: str, **values: object) -> None:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text(statement), values)
        engine.dispose()

    return run


@pytest.fixture
def record(draft: Draft) -> Callable[..., Record]:
    """A record of its own."""

    def make(**fields: object) -> Record:
        taken = {name: getattr(draft, name) for name in Draft.__dataclass_fields__}
        return Record(**{**taken, "record_id": new_record_id(), "created": "2026-01-02T03:04:05Z", **fields})

    return make
