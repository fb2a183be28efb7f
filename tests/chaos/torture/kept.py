"""What is committed at one moment, and whether it is so at another, untouched and begun by nobody again."""

from dataclasses import dataclass

from cluster.store import layout
from cluster.store.body import sha256
from cluster.store.filesystem import FileSystem
from cluster.store.reader import StoreReader


@dataclass(frozen=True)
class Kept:
    """Of each committed shard: the sha256 of its commit and of its files, and the attempts begun on it."""

    files: dict[str, dict[str, str]]
    attempts: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, fs: FileSystem) -> "Kept":
        """What a store holds now; nothing where there is no run yet."""
        files, attempts = {}, {}
        for commit in StoreReader(fs).commits() if fs.exists(layout.RUN) else []:
            paths = [layout.commit_path(commit.key), *(file.path for file in commit.files)]
            files[commit.key] = {path: sha256(fs.read(path)) for path in paths}
            attempts[commit.key] = tuple(fs.paths(f"{layout.ATTEMPTS}{commit.key}/"))
        return cls(files, attempts)

    def changed(self, fs: FileSystem) -> list[str]:
        """What a later look at the store finds lost, changed or begun again."""
        later = Kept.of(fs)
        lost = [f"{key}: lost" for key in self.files if key not in later.files]
        both = [key for key in self.files if key in later.files]
        changed = [f"{key}: other bytes" for key in both if self.files[key] != later.files[key]]
        again = [
            f"{key}: attempts were {self.attempts[key]}, are {later.attempts[key]}"
            for key in both
            if self.attempts[key] != later.attempts[key]
        ]
        return lost + changed + again
