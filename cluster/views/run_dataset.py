"""The Dataset that a store's runs were made from, where it still lies unchanged."""

from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError


def dataset_of(reader: StoreReader, place: str | None = None, verify: bool = True) -> Dataset | None:
    """The Dataset of the runs, if it lies where a run found it (or at `place`) and is the same to the bit.

    Not to `verify` takes what a recorded one says of itself for true: its matrices are not hashed again.
    Raises BadInputError where `place` is given and holds another one.
    """
    if place is not None:
        dataset = Dataset.open(place)
        if dataset.content_hash != reader.run.get("dataset_hash"):
            raise BadInputError(
                f"--dataset {place}: not the Dataset that {reader.fs.name} was made from (its content hash "
                "differs); give that one, or leave the option out"
            )
        return dataset
    name = f"dataset{', verified' if verify else ''}"
    return reader.remember(name, lambda: _recorded(reader, verify))


def _recorded(reader: StoreReader, verify: bool) -> Dataset | None:
    for recorded in reader.datasets():
        try:
            dataset = Dataset.open(recorded)
            if dataset.content_hash == reader.run.get("dataset_hash"):
                if verify:
                    dataset.verify()
                return dataset
        except (BadInputError, OSError):
            continue
    return None
