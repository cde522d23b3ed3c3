"""Folders and files that appear whole or not at all: made beside their place, then renamed into it."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(place: Path) -> Iterator[None]:
    """Hold the lock of a place for as long as the block runs; a second audit of the same place waits.

    The kernel lets go of the lock however its holder ends, so a killed audit leaves none behind.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f".{place.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def begin(place: Path) -> Path:
    """A new empty folder beside a place, for what is to stand there; what a killed audit left there is removed.

    Raises `NotADirectoryError` where the place is a link, since what is written there would stand elsewhere, or a file.
    """
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        kind = "a link" if place.is_symlink() else "a file"
        raise NotADirectoryError(f"{place} is {kind}, and a folder is to stand there; remove it")
    if _old(place).is_dir() and not place.exists():
        _old(place).rename(place)  # killed between the two renames of `publish`: nothing that stood there is lost
    beside = place.with_name(f".{place.name}.new")
    for left in (beside, _old(place)):
        shutil.rmtree(left, ignore_errors=True)
    _new_file(place).unlink(missing_ok=True)
    beside.mkdir(parents=True)
    return beside


def publish(place: Path) -> None:
    """Put the folder that `begin` made in its place, and remove what stood there before."""
    if place.is_dir():
        place.rename(_old(place))
    place.with_name(f".{place.name}.new").rename(place)
    shutil.rmtree(_old(place), ignore_errors=True)


def replace_file(place: Path, file: Path, content: bytes) -> None:
    """Write a file of a place, or one beside it, whole or not at all; what it held before is gone."""
    _new_file(place).write_bytes(content)
    _new_file(place).replace(file)


def _new_file(place: Path) -> Path:
    return place.with_name(f".{place.name}.file")


def _old(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")
