"""What a person sees while a run is under way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def fold_progress(title: str, console: Console | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that disappears at the end; the callback takes folds done, and of how many."""
    with _bar(title, "folds", console) as done:
        yield done


@contextmanager
def candle_progress(title: str, console: Console | None = None) -> Iterator[Callable[[int, int], None]]:
    """The same; the callback takes candles gone through, and of how many."""
    with _bar(title, "candles", console) as done:
        yield done


@contextmanager
def _bar(title: str, unit: str, console: Console | None) -> Iterator[Callable[[int, int], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console or Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def done(count: int, total: int) -> None:
            bar.update(task, completed=count, total=total)

        yield done
