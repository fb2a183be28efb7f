"""The folder of a Ray of our own: made for one driver, removed with it or, where it was killed, later."""

import os
import shutil
import tempfile
import time
from pathlib import Path

FOLDER, OWNER = "knockcast-ray-", "driver"  # folders of a Ray of our own; in each, the process it is of
LEFT_SECONDS = 600.0  # after which the Ray of a killed driver has long ended
LONGEST_FOLDER, SHORT_FOLDER = 16, "/tmp"  # noqa: S108 - only we can enter what is made in it
REMOVALS = 20  # tries, a tenth of a second apart


def own_folder() -> str:
    """A new folder for sockets and logs of a Ray of our own, which no other user of the machine can enter.

    Ray's own choice, /tmp/ray, is open to all. A socket's path may hold 107 bytes; Ray takes some 65.
    """
    usual = tempfile.gettempdir()
    within = usual if len(usual) <= LONGEST_FOLDER else SHORT_FOLDER
    for left in Path(within).glob(f"{FOLDER}*"):
        if _is_left_behind(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=FOLDER, dir=within)
    (Path(folder) / OWNER).write_text(str(os.getpid()))
    return folder


def _is_left_behind(folder: Path) -> bool:
    """Whether a driver of ours that was killed has left it, long enough ago that its Ray has ended, too."""
    try:
        found = folder.lstat()
        if found.st_uid != os.getuid() or folder.is_symlink() or time.time() - found.st_mtime < LEFT_SECONDS:
            return False
        if not (folder / OWNER).exists():  # a worker that started late has made it anew
            return not any(names for _, _, names in os.walk(folder))
        os.kill(int((folder / OWNER).read_text()), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):  # not ours to read or to ask for
        return False
    return False


def remove(folder: str) -> None:
    """Remove what a Ray that has ended left; its last processes may still write for a moment.

    A worker that was only starting finds out ten seconds later, and may leave an empty folder of that name,
    which a later run removes.
    """
    for _ in range(REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not Path(folder).exists():
            return
        time.sleep(0.1)
