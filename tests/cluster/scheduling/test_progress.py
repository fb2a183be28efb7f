import io

from rich.console import Console

from cluster.scheduling.progress import (
    SECONDS_BETWEEN_LINES,
    ProgressBar,
    ProgressLines,
    Silent,
    progress_for,
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_lines_come_at_most_every_few_seconds_and_once_at_the_end() -> None:
    out, clock = io.StringIO(), Clock()
    lines = ProgressLines(out, clock)
    lines.start(100)
    for done in range(50):
        lines.update(done, 0, 0)
    clock.now += SECONDS_BETWEEN_LINES
    lines.update(50, 2, 1)
    lines.update(60, 2, 1)
    clock.now += 1
    lines.update(100, 3, 1)
    lines.close()
    assert out.getvalue().splitlines() == [
        "100 units to do (a unit is one target in one fold, or one fold as a whole)",
        "50 of 100 units done, 10.0/s, about 5 s left, 2 failed attempts, 1 quarantined",
        "100 of 100 units done, 16.7/s, 3 failed attempts, 1 quarantined",
    ]


def test_the_last_line_is_not_printed_twice() -> None:
    out, clock = io.StringIO(), Clock()
    lines = ProgressLines(out, clock)
    lines.start(2)
    clock.now += SECONDS_BETWEEN_LINES
    lines.update(2, 0, 0)
    lines.close()
    assert len(out.getvalue().splitlines()) == 2


def test_long_times_are_given_in_hours() -> None:
    out, clock = io.StringIO(), Clock()
    lines = ProgressLines(out, clock)
    lines.start(10_000)
    clock.now += 100
    lines.update(100, 0, 0)
    assert "about 2 h 45 min left" in out.getvalue()


def test_a_terminal_gets_a_bar_with_counts_and_trouble() -> None:
    out = io.StringIO()
    bar = ProgressBar(Console(file=out, force_terminal=True, width=120))
    bar.start(40)
    bar.update(10, 1, 0)
    bar.update(40, 1, 1)
    bar.close()
    assert out.getvalue().startswith("40 units to do (a unit is one target in one fold")
    assert "40/40" in out.getvalue()
    assert "1 failed attempts, 1 quarantined" in out.getvalue()


def test_a_file_gets_lines() -> None:
    assert isinstance(progress_for(io.StringIO()), ProgressLines)


def test_silent_progress_prints_nothing(capsys) -> None:  # type: ignore[no-untyped-def]
    silent = Silent()
    silent.start(1)
    silent.update(1, 0, 0)
    silent.close()
    assert capsys.readouterr() == ("", "")


def test_the_status_of_trainings_comes_with_the_line_and_no_time_left_is_guessed() -> None:
    out, clock = io.StringIO(), Clock()
    lines = ProgressLines(out, clock)
    lines.start(100)
    clock.now += SECONDS_BETWEEN_LINES
    lines.report_status(["fold 0 of latent: network code, epoch 10"])
    lines.update(50, 0, 0)
    assert out.getvalue().splitlines()[1:] == [
        "  fold 0 of latent: network code, epoch 10",
        "50 of 100 units done, 10.0/s",
    ]
