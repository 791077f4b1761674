"""Scanning in processes: one that dies, hangs or eats memory costs one file, and a ``Gap`` says so."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from exhume.assess.scan import Scanner
from exhume.assess.tasks import Pieces, Task, tasks
from exhume.model import Cause, Coverage, File, Gap, Part

FORKS = sys.platform == "linux"
"""Fork shares the loaded rules with all workers and starts in milliseconds; only Linux allows it safely."""
MUCH = 1 << 20
"""Bytes of evidence from which on there is a block to be proven for certain."""
POLL = 0.25
"""Seconds between two looks at the workers' time and memory."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost. What goes beyond is given up and told."""

    seconds: float = 600
    """For each file, plus one second for each ``bytes_a_second``."""
    bytes_a_second: float = 1 << 20
    memory: int = 1536 << 20
    """Bytes of private memory (USS) of one worker process."""

    def time_for(self, size: int | None) -> float:
        return self.seconds + (size or 0) / self.bytes_a_second


@dataclass(slots=True)
class _Worker:
    """A process, the pipe to it and what it has to do."""

    process: BaseProcess
    connection: Connection
    batch: deque[Task] = field(default_factory=deque)
    """What is still to do; the first is the one being read once ``since`` is set."""
    since: float | None = None


def scan_all(
    make: Callable[[], Scanner],
    portions: Sequence[Sequence[str]],
    files: dict[str, File],
    jobs: int,
    limits: Limits,
    progress: Callable[[str, int], None] | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Iterator[Part]:
    """The parts of all paths, as they come. ``make`` is called in each worker; ``progress`` hears of each finished path and
    its size; ``meanwhile`` is called once, when the first workers have work."""
    if FORKS and sum(files[path].size or 0 for portion in portions for path in portion) > MUCH:
        from exhume.readers.shape import load

        load()  # once, and not in each worker
    batches, pieces = tasks(portions, files, jobs), Pieces()
    crew = _Crew(make, min(jobs, max(1, len(batches))), limits)
    try:
        for task, piece in crew.run(batches, files, meanwhile):
            part = pieces.add(task, piece)
            if part is not None:
                yield part
                if progress:
                    progress(task.path, files[task.path].size or 0)
    finally:
        crew.stop()


class _Crew:
    def __init__(self, make: Callable[[], Scanner], jobs: int, limits: Limits) -> None:
        self._make = make
        self._jobs = max(1, jobs)
        self._limits = limits
        self._workers: list[_Worker] = []

    def run(
        self, batches: Sequence[Sequence[Task]], files: dict[str, File], meanwhile: Callable[[], None] | None
    ) -> Iterator[tuple[Task, Part]]:
        waiting = deque(deque(batch) for batch in batches if batch)
        self._assign(waiting)
        if meanwhile:
            meanwhile()
        due = time.monotonic() + POLL
        while waiting or any(w.batch for w in self._workers):
            self._assign(waiting)
            for ready in wait([w.connection for w in self._workers], timeout=POLL):
                worker = next(w for w in self._workers if w.connection is ready)
                yield from self._hear(worker, waiting, files)
            if time.monotonic() < due:  # with thousands of small files, a look after each would cost more than they do
                continue
            due = time.monotonic() + POLL
            for worker in list(self._workers):
                reason = self._overrun(worker, files)
                if reason:
                    yield from self._give_up(worker, reason, waiting, files)

    def stop(self) -> None:
        for worker in self._workers:
            worker.connection.close()
            worker.process.kill()
        for worker in self._workers:  # the system takes their memory back at the same time
            worker.process.join(5)
        self._workers.clear()

    def _assign(self, waiting: deque[deque[Task]]) -> None:
        for worker in self._workers:
            if not worker.batch and waiting:
                worker.batch = waiting.popleft()
                self._send(worker)
        while waiting and len(self._workers) < self._jobs:
            worker = self._start()
            worker.batch = waiting.popleft()
            self._send(worker)

    def _send(self, worker: _Worker) -> None:
        worker.since = time.monotonic()
        try:
            worker.connection.send(tuple(worker.batch))
        except OSError:
            return  # it died in between: its end of the pipe reports that

    def _start(self) -> _Worker:
        ours, theirs = multiprocessing.Pipe()
        make = get_context("fork").Process if FORKS else get_context("spawn").Process
        process = make(target=_work, args=(self._make, theirs), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _hear(self, worker: _Worker, waiting: deque[deque[Task]], files: dict[str, File]) -> Iterator[tuple[Task, Part]]:
        try:
            task, part = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(5)
            code = worker.process.exitcode
            yield from self._give_up(worker, f"the process that read it died (exit code {code})", waiting, files)
            return
        worker.batch.popleft()
        worker.since = time.monotonic()
        yield task, part

    def _overrun(self, worker: _Worker, files: dict[str, File]) -> str:
        if not worker.batch or worker.since is None:
            return ""
        allowed = self._limits.time_for(files[worker.batch[0].path].size)
        if time.monotonic() - worker.since > allowed:
            return f"reading it took longer than {allowed:.0f} s"
        if private_memory(worker.process.pid) > self._limits.memory:
            return f"reading it took more than {self._limits.memory >> 20} MiB of memory"
        return ""

    def _give_up(
        self, worker: _Worker, reason: str, waiting: deque[deque[Task]], files: dict[str, File]
    ) -> Iterator[tuple[Task, Part]]:
        self._workers.remove(worker)
        worker.connection.close()
        worker.process.kill()
        worker.process.join(5)
        if not worker.batch:
            return
        task = worker.batch.popleft()
        which = "this file" if task.of == 1 else f"part {task.number + 1} of {task.of} of this file"
        gap = Gap("file", Cause.LIMIT, f"{reason}; nothing of {which} was assessed", files[task.path].source("file"))
        if worker.batch:
            waiting.appendleft(worker.batch)
        yield task, Part(coverage=Coverage(gaps=(gap,)))


def _work(make: Callable[[], Scanner], connection: Connection) -> None:
    """A worker's life: portions of tasks in, parts out, until the pipe closes."""
    gc.freeze()  # what is shared with the parent stays shared: a collection would write to all of it
    scanner = make()
    try:
        while True:
            for task in connection.recv():
                connection.send((task, scanner.work(task)))
    except (EOFError, OSError, KeyboardInterrupt):
        os._exit(0)


def private_memory(pid: int | None) -> int:
    """Bytes that only this process uses (USS); resident bytes where the system does not tell; 0 when it is gone."""
    import psutil

    if pid is None:
        return 0
    try:
        process = psutil.Process(pid)
        resident = int(process.memory_info().rss)
        if resident < 256 << 20:
            return resident  # USS is dearer to ask for, and never more than this
        return int(process.memory_full_info().uss)
    except (psutil.Error, OSError):
        return 0
