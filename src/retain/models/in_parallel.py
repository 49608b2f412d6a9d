"""Calls of one function, a bounded number at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def in_parallel(function: Callable[[A], B], arguments: Sequence[A], workers: int) -> Iterator[tuple[int, B]]:
    """(place, result) of every call, as they finish; the first error of a call is raised and no further call begun.

    The threads are daemons: an interrupted program does not wait for the requests that are still on their way, as
    it would with ``concurrent.futures``.

    Args:
        function: called in several threads.
        arguments: what it is called with, one each.
        workers: how many calls run at a time, at most.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Future[B]]] = queue.SimpleQueue()
    stopped = threading.Event()
    for place in range(len(arguments)):
        waiting.put(place)

    def work() -> None:
        while not stopped.is_set():
            try:
                place = waiting.get_nowait()
            except queue.Empty:
                return
            call: Future[B] = Future()
            try:
                call.set_result(function(arguments[place]))
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                stopped.set()
                call.set_exception(error)
            done.put((place, call))

    for _ in range(min(workers, len(arguments))):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _ in arguments:
            place, call = done.get()
            yield place, call.result()
    finally:
        stopped.set()
