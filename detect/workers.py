"""One task on many items: here, in processes of this machine, or on a Ray cluster; results come in the items' order."""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from ..core.errors import MachineError, UsageError
from ..core.progress import Progress, Report, silent

Task = Callable[[Any, Report], Any]
"""What is done with an item: a function of a module, for it is named to other processes. It returns failures."""

_LEAD = 4  # items a worker that may be begun before the first that is not yet finished
_M_ARENA_MAX = -8  # of malloc.h
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def here(task: Task, items: Iterable[Any], *, progress: Report = silent) -> Iterator[Any]:
    """One after the other in this process."""
    _few_arenas()
    for item in items:
        yield task(item, progress)


def in_processes(
    task: Task, items: Sequence[Any], *, jobs: int, timeout: float | None = None, progress: Report = silent
) -> Iterator[Any]:
    """In processes of this machine, which may crash or hang without harm.

    Args:
        task: see `Task`.
        items: what it is done with; each can be pickled.
        jobs: processes.
        timeout: seconds after which the work on an item is given up; None for as long as it takes.
        progress: told of items done, or of what the task tells if there is one process.

    Yields:
        For each item what the task returned, or a MachineError: `crashed`, `out_of_time`.
    """
    pool = [_Worker(task, max(1, (os.cpu_count() or 1) // jobs)) for _ in range(min(jobs, len(items)))]
    waiting, results, first = deque(enumerate(items)), dict[int, Any](), 0
    try:
        while first < len(items):
            for worker in pool:
                if worker.number is None and waiting and waiting[0][0] < first + _LEAD * jobs:
                    worker.begin(*waiting.popleft(), timeout)
            for worker in _heard(pool):
                said = worker.hear()
                if isinstance(said, Progress):
                    if jobs == 1:
                        progress(said)
                    continue
                assert worker.number is not None
                results[worker.number], worker.number = said, None
                if jobs > 1:
                    progress(Progress("scan", first + len(results), len(items), "files"))
            while first in results:
                yield results.pop(first)
                first += 1
    finally:
        for worker in pool:
            worker.end()


class _Worker:
    """A process that is given one item at a time, and another in its place when it dies.

    Attributes:
        number: of the item it works on, or None.
    """

    def __init__(self, task: Task, threads: int) -> None:
        self._task, self._threads = task, threads
        self.number: int | None = None
        self._deadline = float("inf")
        self._start()

    def begin(self, number: int, item: Any, timeout: float | None) -> None:
        self.number = number
        self._deadline = time.monotonic() + timeout if timeout else float("inf")
        with suppress(BrokenPipeError):  # it died meanwhile: `hear` says so
            self.line.send(item)

    @property
    def left(self) -> float:
        """Seconds until its time is up."""
        return self._deadline - time.monotonic()

    def hear(self) -> Any:
        """What it says; a MachineError if it died or its time is up, and then another process is there."""
        if self.left <= 0 and not self.line.poll():
            self._replace()
            hint = "Raise --timeout, or leave the file out."
            return MachineError("out_of_time", "the file took longer than allowed", hint)
        try:
            return self.line.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            why = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            self._replace()
            hint = "Memory may have run out, or the file made a decoder fail. Try it alone, with -vv."
            return MachineError("crashed", f"the process that looked at the file ended ({why})", hint)

    def end(self) -> None:
        self.line.close()
        self.process.kill()
        self.process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit threads and locks of libraries
        self.line, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(self._task, theirs), daemon=True)
        with _environment(dict.fromkeys(_THREADS, str(self._threads))):
            self.process.start()
        theirs.close()

    def _replace(self) -> None:
        self.end()
        self._start()


def _serve(task: Task, line: Connection) -> None:
    """Work until nobody sends items any more, also because who sent them was killed."""
    _few_arenas()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who waits; it ends this process
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            line.send(task(line.recv(), line.send))


def _few_arenas() -> None:
    """Keep glibc from giving every thread an arena of its own: over many files they fill with holes (measured)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_ARENA_MAX, 2)


def _heard(pool: list[_Worker]) -> list[_Worker]:
    """Workers that have something to say, or whose time is up."""
    busy = [worker for worker in pool if worker.number is not None]
    soonest = min((worker.left for worker in busy), default=0.0)
    ready = wait([worker.line for worker in busy], max(0.0, min(soonest, 1.0)))
    return [worker for worker in busy if worker.line in ready or worker.left <= 0]


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update({name: value for name, value in values.items() if before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


def on_ray(task: Task, items: Sequence[Any], *, address: str, progress: Report = silent) -> Iterator[Any]:
    """On the machines of a Ray cluster, one item a core. Files must lie at the same place on all of them.

    Args:
        task: see `Task`.
        items: likewise.
        address: of the cluster, "auto" for the one this machine is part of, "local" for one made for this run.
        progress: told of items done.

    Yields:
        For each item what the task returned, or a MachineError `crashed`.

    Raises:
        MachineError: `no_ray`: Ray is not installed, or the cluster does not answer.
    """
    try:
        import ray  # type: ignore[import-not-found]
        from ray.exceptions import RayError  # type: ignore[import-not-found]
    except ImportError as error:
        raise MachineError("no_ray", "Ray is not installed", "pip install 'facewright[ray]'") from error
    ours = {name: value for name, value in os.environ.items() if name.startswith("FACEWRIGHT_")}
    try:
        options: Any = {"include_dashboard": False} if address == "local" else {}
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, runtime_env={"env_vars": ours}, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        hint = "Give HOST:PORT of a cluster, auto, or local."
        raise MachineError("no_ray", f"there is no Ray cluster at {address}: {error}", hint) from error
    try:
        folder = os.getcwd()

        @ray.remote(num_cpus=1, max_retries=1)
        def remote(item: Any) -> Any:
            os.chdir(folder)  # paths mean what they mean here
            return task(item, silent)

        lead = _LEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting, flying = iter(items), deque[Any]()
        for done in range(1, len(items) + 1):
            while len(flying) < lead and (item := next(waiting, None)) is not None:
                flying.append(remote.remote(item))
            try:
                result = ray.get(flying.popleft())
            except RayError as error:
                said = str(error).strip().splitlines()
                result = MachineError("crashed", f"a Ray worker failed: {said[-1] if said else type(error).__name__}")
            progress(Progress("scan", done, len(items), "files"))
            yield result
    finally:
        ray.shutdown()


def chosen(
    task: Task,
    items: Sequence[Any],
    *,
    jobs: int | None,
    timeout: float | None,
    ray: str | None,
    progress: Report = silent,
) -> Iterator[Any]:
    """Where `jobs`, `timeout` and `ray` say; here if they say nothing.

    Raises:
        UsageError: `usage` for a cluster and processes of this machine at once.
    """
    if ray and (jobs or timeout):
        raise UsageError("usage", "--ray goes without --jobs and --timeout", "The cluster has its own.")
    if ray:
        return on_ray(task, items, address=ray, progress=progress)
    if jobs or timeout:
        return in_processes(task, items, jobs=jobs or 1, timeout=timeout, progress=progress)
    return here(task, items, progress=progress)
