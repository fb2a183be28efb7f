"""Processes below one that a test started: they may end between being listed and being asked."""

import psutil


def raylets(pid: int) -> list[psutil.Process]:
    """The Ray nodes below a process. A worker has its node's name until it runs Python: it is none."""
    named = [each for each in psutil.Process(pid).children(recursive=True) if name_of(each) == "raylet"]
    nodes = {each.pid for each in named}
    return [each for each in named if parent_of(each) not in nodes]


def name_of(process: psutil.Process) -> str:
    """A process's name; "" if it has ended."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def parent_of(process: psutil.Process) -> int:
    """The id of a process's parent; 0 if it has ended."""
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return 0


def listened_on(pid: int) -> set[str]:
    """The addresses at which a process and those below it listen."""
    family = (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
    return {address for process in family for address in addresses_of(process)}


def addresses_of(process: psutil.Process) -> set[str]:
    """The addresses at which a process listens; none if it has ended."""
    try:
        return {each.laddr.ip for each in process.net_connections() if each.status == "LISTEN"}
    except psutil.NoSuchProcess:
        return set()
