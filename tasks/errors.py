"""Bad input: an error that lists every problem with its file and place, not only the first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Answer = TypeVar("Answer")
MOST_PROBLEMS_SHOWN = 50


class BadInputError(Exception):
    """Input that cannot be used. Nothing has been written when this is raised; commands exit with 2.

    `problems` says of each: what is wrong, where (file, row, column, gene or cell line), what was expected
    and what to do; in one line, or with further lines that help.
    """

    def __init__(self, problems: Sequence[str] | str) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__(self.text())

    def __reduce__(self) -> tuple[type["BadInputError"], tuple[tuple[str, ...]]]:
        return type(self), (self.problems,)

    def shown(self) -> list[str]:
        """The problems, at most `MOST_PROBLEMS_SHOWN`, with a count of the rest."""
        left = len(self.problems) - MOST_PROBLEMS_SHOWN
        more = [f"... and {left} more problems"] if left > 0 else []
        return [*self.problems[:MOST_PROBLEMS_SHOWN], *more]

    def text(self) -> str:
        """The same as lines of text."""
        return "\n".join(self.shown())


@dataclass
class Problems:
    """Collects what several checks find wrong, so that all of it is told at once."""

    found: list[str] = field(default_factory=list)

    def of(self, check: Callable[[], Answer], otherwise: Answer) -> Answer:
        """What a check answers, or `otherwise` where it raises BadInputError."""
        try:
            return check()
        except BadInputError as error:
            self.found += error.problems
            return otherwise
