"""`verify`: check every byte of a store, and move what is bad aside."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from cluster.analyses.records import Result
from cluster.errors import MissingFileError, StorageError
from cluster.maintenance.checks import (
    Problem,
    check_attempt,
    check_cell_lines,
    check_estimate,
    check_files,
    check_lease,
    check_plan,
    check_quarantine,
    check_sealed,
    check_training,
    needed_training,
    read_commit,
    sealed_body,
)
from cluster.maintenance.packed import look_at_packs, pack_problems
from cluster.maintenance.results import check_results
from cluster.store import layout
from cluster.store.body import digest_of
from cluster.store.filesystem import FileSystem
from cluster.store.packs import names_of_packs
from cluster.store.records import Commit, unpack_units
from cluster.store.units import Unit
from cluster.store.versions import is_newer, is_older, what_to_install
from cluster.store.writer import move_aside
from tasks.errors import BadInputError

# What mends the store, once a file of such a folder was moved aside.
THEN = {
    layout.COMMITS: "run `knockcast resume STORE`: it does the work of the commits moved aside again",
    layout.PACKS: "run `knockcast resume STORE`: it does again what has no older files to fall back on",
    layout.PLANS: "repeat the original `knockcast run`: its plan was moved aside; committed work is kept",
    layout.TARGETS: "run `knockcast resume STORE`: it writes the targets file again",
    layout.TRAINING: "run `knockcast resume STORE`: it writes the training expression again",
    layout.ANALYSES: "repeat the commands whose results were moved aside; the run itself is whole",
    layout.ESTIMATES: "nothing else: the next run estimates again",
    layout.CELL_LINES: "run `knockcast resume STORE`: it writes the cell lines again",
}


@dataclass(frozen=True)
class Versions:
    """How many good files are of other versions of their tables than this release writes.

    `older` read with nulls. Of `newer` the bytes are checked and not the rows; `tables` names their tables,
    `releases` what wrote them.
    """

    older: int = 0
    newer: int = 0
    tables: tuple[str, ...] = ()
    releases: tuple[str | None, ...] = ()

    def lines(self) -> list[str]:
        """One line for each kind that there is."""
        older = f"{_files(self.older)} of older table versions, read with nulls in columns added since"
        newer = f"{_files(self.newer)} of newer table versions ({', '.join(self.tables)}), bytes checked, "
        return [older] * bool(self.older) + [newer + what_to_install(self.releases)] * bool(self.newer)


@dataclass(frozen=True)
class Report:
    """What `verify` found; `moved` lists the files now under aside/, and where they were.

    `results` are the commands whose results were checked, one word a result.
    """

    problems: tuple[Problem, ...]
    commits: int
    files: int
    size: int
    moved: tuple[tuple[str, str], ...] = ()
    versions: Versions = field(default_factory=Versions)
    results: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.problems

    @property
    def left(self) -> tuple[Problem, ...]:
        """The problems another `verify` would meet: what was not moved, and what is missing once it was."""
        still_missing = (layout.PLANS, layout.TARGETS, layout.TRAINING)
        gone = {source for source, _ in self.moved if not source.startswith(still_missing)}
        return tuple(problem for problem in self.problems if problem.culprit not in gone)

    def lines(self) -> list[str]:
        """The report for people, one line a problem."""
        head = f"{self.commits} commits, {self.files} files, {self.size} bytes checked"
        problems = [f"{problem.path}: {problem.what}" for problem in self.problems]
        moved = [f"moved aside: {source} -> {destination}" for source, destination in self.moved]
        return [
            f"{head}: {len(problems)} problems" if problems else f"{head}: all is well",
            *self._results(),
            *self.versions.lines(),
            *problems,
            *moved,
            *self._advice(),
        ]

    def _results(self) -> list[str]:
        counts = (f"{name} {count}" for name, count in sorted(Counter(self.results).items()))
        return [f"results of commands, checked: {', '.join(counts)}"] * bool(self.results)

    def _advice(self) -> list[str]:
        sources = [source for source, _ in self.moved]
        if not sources and any(problem.culprit for problem in self.problems):
            return ["run `knockcast verify STORE --repair`: it moves what is bad aside and deletes nothing"]
        return [text for folder, text in THEN.items() if any(s.startswith(folder) for s in sources)]


def verify(fs: FileSystem, repair: bool = False) -> Report:
    """Check every file against what was recorded of it.

    With `repair`, what is bad is moved under aside/ (nothing is deleted), so that `resume` does that work
    again. What an older or newer release wrote is not bad, and is never moved. Raises BadInputError where
    there is no store.
    """
    if not fs.exists(layout.RUN):
        raise BadInputError(f"{fs.name}: not a store (no {layout.RUN})")
    run = sealed_body(fs, layout.RUN, "")
    if isinstance(run, Problem):
        if run.is_newer:
            return Report((run,), 0, 0, 0)
        run = replace(run, what=f"{run.what}; restore it from a backup, or run again into a new store")
        return Report((run,), 0, 0, 0)
    digest = digest_of(run)
    seen = _look(fs, digest, run.get("targets_sha256"))
    if seen.problems:  # a run that goes on may have written between two of our questions
        again = _look(fs, digest, run.get("targets_sha256"))
        lasting = frozenset(seen.problems)
        seen = replace(again, problems=tuple(problem for problem in again.problems if problem in lasting))
    problems, commits, results = seen.problems, seen.commits, seen.results
    moved = _set_aside(fs, problems) if repair else ()
    sizes = {file.path: file.size for commit in commits for file in commit.files}
    commands = tuple(result.command for result in results)
    return Report(
        problems, seen.found, len(sizes), sum(sizes.values()), moved, _versions(commits, results), commands
    )


@dataclass(frozen=True)
class _Seen:
    """What one look at every file found; `found` counts commits, the damaged ones too."""

    problems: tuple[Problem, ...]
    commits: tuple[Commit, ...]
    results: tuple[Result, ...]
    found: int


def _look(fs: FileSystem, digest: str, targets: str | None) -> _Seen:
    sealed = _read_success(fs)
    listed = fs.paths(layout.COMMITS)
    folded, problems = _packs(
        fs, digest, frozenset(listed)
    )  # after the others: they go once their pack is there
    own = [path for path in listed if layout.key_of_commit(path) not in folded and path != layout.SIGNPOST]
    found = [read_commit(fs, path, digest) for path in own]
    commits = [commit for commit in found if isinstance(commit, Commit)]
    problems += [problem for problem in found if isinstance(problem, Problem)]
    problems += [problem for commit in commits for problem in check_files(fs, commit)]
    commits += folded.values()
    problems += [*_records(fs, digest), *_targets(fs, targets)]
    problems += [*_training(fs, commits), *_unwanted(fs, commits)]
    if not any(problem.is_newer for problem in problems):  # else not every commit is known
        problems += _success(fs, commits, sealed)
    results, wrong_results = check_results(fs, digest)
    return _Seen((*problems, *wrong_results), tuple(commits), tuple(results), len(found) + len(folded))


def _packs(fs: FileSystem, digest: str, listed: frozenset[str]) -> tuple[dict[str, Commit], list[Problem]]:
    """The commits in packs by key, and the problems of packs; `listed` are the paths of other commits."""
    packs, problems = look_at_packs(fs, digest, names_of_packs(fs))
    for pack in packs:
        replaces = all(layout.commit_path(key) in listed for key in pack.commits)
        problems += pack_problems(fs, pack, replaces)
    if layout.SIGNPOST in listed:
        problems += check_sealed(fs, layout.SIGNPOST, lambda body: body["packs"] == layout.PACKS)
    folded: dict[str, Commit] = {}
    for pack in reversed(packs):
        folded |= pack.commits
    return folded, problems


def _versions(commits: Sequence[Commit], results: Sequence[Result]) -> Versions:
    by_path = {file.path: (commit.release, file) for commit in commits for file in commit.files}
    written = [*by_path.values(), *((result.release, file) for result in results for file in result.files)]
    newer = [(release, file) for release, file in written if is_newer(file)]
    return Versions(
        older=sum(is_older(file) for _, file in written),
        newer=len(newer),
        tables=tuple(sorted({file.table or "" for _, file in newer})),
        releases=tuple({release: None for release, _ in newer}),
    )


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _records(fs: FileSystem, run: str) -> Iterator[Problem]:
    for path in fs.paths(layout.PLANS):
        yield from check_plan(fs, path, run)
    for path in fs.paths(layout.ATTEMPTS):
        yield from check_attempt(fs, path)
    for path in fs.paths(layout.QUARANTINE):
        yield from check_quarantine(fs, path)
    for path in fs.paths(layout.CELL_LINES):
        yield from check_cell_lines(fs, path)
    for path in fs.paths(layout.LEASES):
        yield from check_lease(fs, path, run)
    for path in fs.paths(layout.ESTIMATES):
        yield from check_estimate(fs, path, run)


def _targets(fs: FileSystem, digest: str | None) -> Iterator[Problem]:
    if digest is None:
        return
    path = layout.targets_path(digest)
    planned = bool(fs.paths(layout.PLANS))  # a run writes them between run.json and its plan
    if not fs.exists(path):
        if not planned:
            return
        yield Problem(path, "missing; `knockcast resume STORE` writes it again")
        return
    body = sealed_body(fs, path, path)
    if isinstance(body, Problem):
        yield body
    elif digest_of(body) != digest:
        yield Problem(path, "its body is not the one run.json names", path)


def _training(fs: FileSystem, commits: list[Commit]) -> Iterator[Problem]:
    here = fs.paths(layout.TRAINING)
    for path in here:
        yield from check_training(fs, path)
    seen: set[str] = set()
    needed = {path for commit in commits for path in needed_training(fs, commit, seen)}
    for path in sorted(needed.difference(here)):
        yield Problem(path, "missing; `knockcast resume STORE` writes it again")


def _unwanted(fs: FileSystem, commits: list[Commit]) -> Iterator[Problem]:
    """Commits of units that no plan wants (nothing to mend: `run` with that plan makes them wanted again)."""
    bodies = [sealed_body(fs, path, path) for path in fs.paths(layout.PLANS)]
    if any(isinstance(body, Problem) for body in bodies):
        return  # their units are not known; the damaged plan is reported already
    wanted: set[Unit] = {u for body in bodies if isinstance(body, dict) for u in unpack_units(body["units"])}
    for commit in commits:
        if unknown := set(commit.units) - wanted:
            yield Problem(
                layout.commit_path(commit.key),
                f"no plan wants {min(unknown)}; repeat the `knockcast run` that did",
            )


def _read_success(fs: FileSystem) -> bytes | None:
    try:
        return fs.read(layout.SUCCESS)
    except MissingFileError:
        return None


def _success(fs: FileSystem, commits: list[Commit], sealed: bytes | None) -> Iterator[Problem]:
    """Whether _SUCCESS lists the commits: only one that stood while they were listed promises it."""
    if sealed is None or _read_success(fs) != sealed:
        return
    body = sealed_body(fs, layout.SUCCESS, layout.SUCCESS)
    if isinstance(body, Problem):
        yield body
    elif body["commits"] != sorted([commit.key, commit.sha256] for commit in commits):
        yield Problem(layout.SUCCESS, "does not list the commits that are here", layout.SUCCESS)


def _set_aside(fs: FileSystem, problems: Sequence[Problem]) -> tuple[tuple[str, str], ...]:
    """Move every culprit aside, _SUCCESS first: it must not stand while a commit it lists is gone.

    It stands where only commands' results are bad, or packs whose commits are still there by themselves.
    """
    culprits = {problem.culprit for problem in problems if problem.culprit}
    replaceable = {problem.culprit for problem in problems if problem.is_replaceable}
    of_the_run = {path for path in culprits - replaceable if not path.startswith(layout.ANALYSES)}
    if of_the_run and fs.exists(layout.SUCCESS):
        culprits.add(layout.SUCCESS)
    moved = []
    for path in sorted(culprits, key=lambda path: (path != layout.SUCCESS, path)):
        if not fs.exists(path):
            raise StorageError(f"{path}: vanished while the store was repaired; is a run going on?")
        moved.append((path, move_aside(fs, path)))
    return tuple(moved)
