"""The database under a store: its transactions, how it comes into being, how it is brought up to date."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import create_engine, event, func, inspect, select, text
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ...core.errors import MachineError, UsageError
from .schema import REVISION, records

BUSY_SECONDS = 30  # how long a writer waits for another on SQLite
_WRITERS = 0x66616365  # the advisory lock of PostgreSQL that one writer at a time holds
_ALEMBIC = threading.Lock()  # its context is one for the whole process


class Database:
    """Transactions on SQLite or PostgreSQL.

    Args:
        url: in SQLAlchemy's form.
        fill: is called in the transaction of an upgrade, when the new tables stand.

    Raises:
        UsageError: "store_url" if the URL cannot be understood.
    """

    def __init__(self, url: str, fill: Callable[[Connection], None]) -> None:
        self.url, self._fill = url, fill
        try:
            parsed = _driver(make_url(url))
            self.sqlite = parsed.get_backend_name() == "sqlite"
            named = parsed.database if self.sqlite else None
            self.file = Path(named) if named not in (None, "", ":memory:") else None
            self._engine = _engine(parsed, waits=bool(self.file))
        except ModuleNotFoundError as error:
            hint = "Install it: pip install 'facewright[postgres]'" if error.name == "psycopg" else ""
            raise UsageError("store_url", f"The store {self.shown} needs the package {error.name}.", hint) from error
        except (ArgumentError, ImportError) as error:
            raise UsageError("store_url", f"Cannot use the store {self.shown}: {error}.") from error

    @property
    def shown(self) -> str:
        """The URL without its password."""
        try:
            return make_url(self.url).render_as_string(hide_password=True)
        except ArgumentError:
            return "(not a database URL)"

    def exists(self) -> bool:
        """Whether anything was ever added."""
        if self.file and not self.file.exists():
            return False
        with self.reading() as connection:
            return inspect(connection).has_table(records.name)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state; the tables may be of an older revision.

        Raises:
            MachineError: "store".
        """
        with self._transaction(begin="BEGIN", isolation_level="REPEATABLE READ") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The transaction of the one writer: the database is made if need be and up to date.

        Raises:
            MachineError: "store".
        """
        if self.file:
            self._create(self.file)
        with self._transaction(begin="BEGIN IMMEDIATE", isolation_level="READ COMMITTED") as connection:
            if not self.sqlite:
                connection.execute(select(func.pg_advisory_xact_lock(_WRITERS)))
            upgrade(connection, self._fill)
            yield connection

    def bring_up_to_date(self) -> None:
        """Upgrade an older store; nothing if there is none, and no lock if there is nothing to do."""
        if self.exists():
            with self.reading() as connection:
                current = revision(connection)
            if current != REVISION:
                with self.writing():
                    pass

    @contextmanager
    def _transaction(self, *, begin: str, isolation_level: str) -> Iterator[Connection]:
        """The one holds on SQLite, where a transaction sees one state anyway, the other on PostgreSQL."""
        options = {"begin": begin} if self.sqlite else {"isolation_level": isolation_level}
        try:
            with self._engine.connect() as connection:
                connection.execution_options(**options)
                with connection.begin():
                    yield connection
        except (SQLAlchemyError, OSError, UnicodeDecodeError) as error:  # the last: a damaged file of SQLite
            reason = getattr(error, "orig", None) or error
            raise MachineError(
                "store", f"Cannot use the store {self.shown}: {reason}.", "Set FACEWRIGHT_STORE."
            ) from error

    def _create(self, file: Path) -> None:
        """Make the SQLite file under another name and link it in place: two first writers cannot collide."""
        if file.exists():
            return
        temporary = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL, 0o600))  # its rows hold paths and commands
            with closing(sqlite3.connect(temporary)) as database:
                database.execute("PRAGMA journal_mode=WAL")  # kept in the file: readers do not wait for the writer
            with _engine(make_url(f"sqlite:///{temporary}"), waits=True).begin() as connection:
                upgrade(connection, self._fill)
            with suppress(FileExistsError):
                os.link(temporary, file)
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            raise MachineError("store", f"Cannot create the store {file}: {error}.", "Set FACEWRIGHT_HOME.") from error
        finally:
            for leftover in (temporary, *(temporary.with_name(temporary.name + end) for end in ("-wal", "-shm"))):
                leftover.unlink(missing_ok=True)


def revision(connection: Connection) -> str | None:
    """Which migration the tables stand at; None before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(connection: Connection, fill: Callable[[Connection], None]) -> None:
    """Bring the tables up to date within the open transaction: wholly or, if anything fails, not at all.

    Raises:
        MachineError: "store" if a newer version made them.
    """
    if revision(connection) == REVISION:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    try:
        with _ALEMBIC:
            command.upgrade(config, REVISION)
    except CommandError as error:
        message = f"The store cannot be brought to revision {REVISION}: {error}."
        raise MachineError("store", message, "A newer facewright may have made it: upgrade this one.") from error
    fill(connection)


def _driver(url: URL) -> URL:
    """psycopg for PostgreSQL, however the URL is spelt."""
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgres", "postgresql") else url


def _engine(url: URL, *, waits: bool) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    options = {"poolclass": NullPool, "connect_args": {"timeout": BUSY_SECONDS}} if waits else {}
    engine = create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver commits before changes of tables; then nothing is atomic

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"))

    return engine
