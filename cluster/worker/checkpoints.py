"""Checkpoints of a training, kept in the store until its networks are committed: the last two.

A checkpoint is no result: no reader sees it, and where one is damaged the one before it is used.
"""

from safetensors.numpy import load, save

from cluster.errors import StorageError
from cluster.store import layout
from cluster.store.body import sha256
from cluster.store.filesystem import FileSystem
from modeling.networks.shared_networks import TrainingCheckpoint

KEPT = 2


class Checkpoints:
    """The checkpoints of one shard."""

    def __init__(self, fs: FileSystem, key: str) -> None:
        self._fs = fs
        self._key = key

    def last(self) -> TrainingCheckpoint | None:
        """The furthest checkpoint that is not damaged; None where training has to start at the beginning."""
        for path in reversed(self._paths()):
            named = layout.checkpoint_of(path)
            try:
                data = self._fs.read(path)
            except StorageError:
                continue  # another trainer of the same shard has just removed it
            if named is not None and sha256(data) == named[2]:
                return TrainingCheckpoint.from_arrays(load(data))
        return None

    def write(self, network: str, checkpoint: TrainingCheckpoint) -> None:
        """Write a checkpoint durably, and remove all but the last two."""
        data = save(checkpoint.arrays())
        name = f"{checkpoint.epochs:06d}-{len(checkpoint.done)}-{network}"
        self._fs.create(layout.checkpoint_path(self._key, name, sha256(data)), data)
        for path in self._paths()[:-KEPT]:
            self._fs.delete(path)

    def clear(self) -> None:
        """Remove all, once the networks are committed."""
        for path in self._paths():
            self._fs.delete(path)

    def _paths(self) -> list[str]:
        return self._fs.paths(layout.checkpoints_of(self._key))


def trainings(fs: FileSystem) -> dict[str, str]:
    """How far each training is, in words, by shard key: as of its last checkpoint."""
    named = [layout.checkpoint_of(path) for path in fs.paths(layout.CHECKPOINTS)]
    return {key: _in_words(name) for key, name, _ in filter(None, named)}


def _in_words(name: str) -> str:
    epochs, done, network = name.split("-")
    return f"network {network}, {int(epochs)} epochs in all, {done} networks done"
