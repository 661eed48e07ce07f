"""What a person sees while a run is under way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def fold_progress(title: str, console: Console | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that disappears at the end; the callback takes folds done, and of how many."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("folds"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console or Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def done(folds: int, total: int) -> None:
            bar.update(task, completed=folds, total=total)

        yield done
