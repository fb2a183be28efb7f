import io
from dataclasses import replace

from rich.console import Console

from cluster.observing.events import Event, Several, Silent
from cluster.observing.lines import SECONDS_BETWEEN_LINES, ProgressLines
from cluster.observing.snapshot import FoldProgress, Snapshot, time_left
from cluster.observing.terminal import MOST_METHODS, Terminal, observer_for

HALF = Snapshot((FoldProgress("modifiers", 0, 60, 60), FoldProgress("modifiers", 1, 40, 10)))
WHOLE = Snapshot((FoldProgress("modifiers", 0, 60, 60), FoldProgress("modifiers", 1, 40, 40)))
NONE = Snapshot((FoldProgress("modifiers", 0, 60, 0), FoldProgress("kernel", -1, 40, 0)))
A_UNIT = "a unit is one target in one fold, or one fold as a whole"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def begun(units: int = 100) -> tuple[io.StringIO, Clock, ProgressLines]:
    out, clock = io.StringIO(), Clock()
    lines = ProgressLines(out, clock)
    lines.begin(units)
    return out, clock, lines


def drawn(*snapshots: Snapshot, said: str = "") -> str:
    """What a terminal is sent, to the end."""
    out = io.StringIO()
    terminal = Terminal(Console(file=out, force_terminal=True, width=140))
    terminal.begin(100)
    for snapshot in snapshots:
        terminal.show(snapshot)
    if said:
        terminal.take(Event("note", more={"text": said}))
    terminal.close()
    return out.getvalue()


def test_a_line_comes_once_a_minute_and_at_the_end() -> None:
    out, clock, lines = begun()
    for _ in range(50):
        clock.now += 1
        lines.show(HALF)
    clock.now += SECONDS_BETWEEN_LINES - 50
    lines.show(replace(HALF, failures=2, quarantined=1, left=100.0))
    lines.show(HALF)
    clock.now += 1
    lines.show(replace(WHOLE, failures=3, quarantined=1, left=0.0))
    lines.close()
    assert out.getvalue().splitlines() == [
        f"100 units to do ({A_UNIT})",
        "70 of 100 units done, 1.2/s, about 1 min 40 s left, 2 failed attempts, 1 quarantined"
        " | modifiers: 1 of 2 folds done; fold 1 25 %",
        "100 of 100 units done, 1.6/s, 3 failed attempts, 1 quarantined | modifiers: 2 of 2 folds done",
    ]


def test_the_last_line_is_not_printed_twice() -> None:
    out, clock, lines = begun()
    clock.now += SECONDS_BETWEEN_LINES
    lines.show(WHOLE)
    lines.close()
    assert len(out.getvalue().splitlines()) == 2


def test_long_times_are_given_in_hours() -> None:
    out, clock, lines = begun()
    clock.now += SECONDS_BETWEEN_LINES
    lines.show(replace(HALF, left=9900.0))
    assert "about 2 h 45 min left" in out.getvalue()


def test_with_nothing_done_a_line_says_what_goes_on() -> None:
    out, clock, lines = begun()
    for snapshot in (
        replace(NONE, compiling=True, running=2),
        replace(NONE, preparing=("fold 0 of modifiers",)),
        replace(NONE, running=2),
        replace(NONE, compiling=None),
        replace(NONE, compiling=None, running=2),
    ):
        clock.now += SECONDS_BETWEEN_LINES
        lines.show(snapshot)
    compiling, preparing, working, waiting, elsewhere = out.getvalue().splitlines()[1:]
    assert compiling.startswith("compiling numerical code")
    assert preparing == "preparing fold 0 of modifiers"
    assert working == "the first shards are at work"
    assert waiting == "waiting for a node of the cluster to take the work"
    assert elsewhere.startswith("the first shards are at work; where Knockcast is new to a node, it compiles")


def test_what_takes_longer_than_thought_is_not_said_to_be_done_at_once() -> None:
    assert time_left(replace(HALF, left=0.2)) == "the last takes longer than thought"
    assert time_left(replace(HALF, left=1.0)) == "about 1 s left"


def test_a_note_is_printed_at_once_and_other_events_are_not() -> None:
    out, _, lines = begun()
    lines.take(Event("attempt sent", "modifiers", 0, "0" * 64, 1))
    lines.take(Event("note", more={"text": "node n is left out"}))
    assert out.getvalue().splitlines()[1:] == ["node n is left out"]


def test_trainings_are_in_the_line() -> None:
    out, clock, lines = begun()
    clock.now += SECONDS_BETWEEN_LINES
    lines.show(replace(HALF, trainings=("fold 0 of latent: network code, epoch 10",)))
    assert out.getvalue().splitlines()[1].endswith(" | fold 0 of latent: network code, epoch 10")


def test_a_terminal_shows_counts_methods_folds_and_trouble() -> None:
    shown = drawn(HALF, replace(HALF, failures=1, left=30.0), said="node n is left out")
    assert f"100 units to do ({A_UNIT})" in shown
    assert "node n is left out" in shown
    assert "70/100" in shown
    assert "about 30 s left, 1 failed attempts" in shown
    assert "modifiers  1 of 2 folds done; fold 1 25 %" in shown


def test_a_terminal_says_compiling_instead_of_no_unit() -> None:
    assert "compiling numerical code" in drawn(replace(NONE, compiling=True))


def test_a_terminal_is_not_filled_by_many_methods() -> None:
    many = Snapshot(tuple(FoldProgress(f"method{i:02}", 0, 2, 1) for i in range(MOST_METHODS + 3)))
    shown = drawn(many)
    assert "3 methods more" in shown
    assert "method10" not in shown


def test_a_file_gets_lines() -> None:
    assert isinstance(observer_for(io.StringIO()), ProgressLines)


def test_several_are_all_told() -> None:
    (out, _, one), (other_out, _, other) = begun(), begun()
    both = Several([one, Silent(), other])
    both.begin(3)
    both.take(Event("note", more={"text": "said"}))
    both.show(HALF)
    both.close()
    assert out.getvalue() == other_out.getvalue()
    assert out.getvalue().splitlines()[1:3] == [f"3 units to do ({A_UNIT})", "said"]
