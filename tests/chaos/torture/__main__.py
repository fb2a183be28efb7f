"""`python -m tests.chaos.torture --minutes 20 --seed 0`: rounds for so long, and what was done, as counts."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from cluster.execution.run import run
from tasks.importing.importer import import_release
from tasks.simulation.simulate import simulate_release
from tests.chaos.torture.driver import left_over
from tests.chaos.torture.nodes import coming_and_going
from tests.chaos.torture.places import every_kind, folders
from tests.chaos.torture.rounds import Torture, say_counts
from tests.stores import table_bytes


def main() -> int:
    """0 where every round held, else 1, with what did not hold and where the store lies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="no round begins after so long")
    parser.add_argument("--seed", type=int, default=0, help="another seed tortures in another order")
    parser.add_argument("--kills", type=int, default=3, help="of the driver, in each round")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2], help="numbers to choose from")
    asked = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="knockcast-torture-"))
    began, number, torture = time.monotonic(), 0, prepared(work, asked.kills, tuple(asked.workers))
    try:
        with every_kind(work) as places, coming_and_going(work) as on_nodes:
            torture.places = (*places, on_nodes)
            while number == 0 or time.monotonic() < began + 60 * asked.minutes:
                torture.round(number, asked.seed)
                number += 1
        left = left_over(torture.family)
        assert not left, f"processes left: {left}"
    except AssertionError as error:
        print(f"seed {asked.seed}: {error}\nthe stores and the log are in {work}")
        return 1
    finally:
        spent = (time.monotonic() - began) / 60
        print(f"seed {asked.seed}, {number} whole rounds in {spent:.1f} minutes:")
        say_counts(torture.done, print)
    print("nothing committed was lost, changed or begun again; no process and no temp file was left")
    return 0


def prepared(work: Path, kills: int, workers: tuple[int, ...] = (0, 1, 2)) -> Torture:
    """A small simulated Dataset and its undisturbed run, in `work`, for stores in folders there."""
    simulate_release(work / "release", cell_lines=80, genes=60, layout="24Q4", seed=3)
    import_release(work / "release", out=work / "dataset")
    run(work / "dataset", work / "undisturbed", methods="modifiers", preset="ols", workers=0)
    return Torture(
        work / "dataset", table_bytes(work / "undisturbed"), work, (folders(work),), kills, workers
    )


if __name__ == "__main__":
    sys.exit(main())
