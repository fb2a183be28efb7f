"""A progress bar for work of a minute, on the terminal alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def steps_shown() -> Iterator[Callable[[str, float], None]]:
    """Gives a function to call with what begins and the share that is done, 0 to 1.

    The bar is drawn on standard error where that is a terminal, and is gone when the work ends.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda begins, done: progress.update(task, description=begins, completed=done)
