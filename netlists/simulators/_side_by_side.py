"""Tasks side by side in threads that wait for processes."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any

from ._process import Cancellation


def side_by_side(
    tasks: Sequence[Callable[[], Any]],
    workers: int | None,
    cancellation: Cancellation,
    done: Callable[[int], None] | None = None,
) -> list[Any]:
    """Results of the tasks in order. An error or Ctrl-C ends the others: the threads only wait for processes."""
    with ThreadPoolExecutor(max_workers=workers or os.cpu_count() or 1) as pool:
        try:
            futures: dict[Future[Any], int] = {pool.submit(task): k for k, task in enumerate(tasks)}
            for future in as_completed(futures):
                future.result()
                if done is not None:
                    done(futures[future])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            cancellation.cancel()
            raise
    return [future.result() for future in futures]
