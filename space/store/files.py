"""Files that are either whole and on the disk, or not there: fsync, rename, fsync the directory."""

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from space.store.errors import StoreError

RESERVE_BYTES = 32 * 2**20  # of the disk that saving leaves free
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV)


def has_room(directory: Path, size: int) -> bool:
    """Whether the disk of a directory has so many bytes left."""
    return shutil.disk_usage(directory).free >= size


def on_one_disk(one: Path, other: Path) -> bool:
    """Whether two directories share their room."""
    return one.stat().st_dev == other.stat().st_dev


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable: a rename is lost in a power cut without this."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the content of a file durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes, workshop: Path, mode: int = 0o666) -> None:
    """Write a file that appears under its name only when all of it is on the disk.

    Args:
        path: Where it goes; an existing file is replaced.
        data: Its content.
        workshop: A directory on the same file system for the unfinished file, swept after a
            crash, so that half a file never lies beside whole ones.
        mode: Who may read it, within what the system lets them.
    """
    unfinished = workshop / f"{secrets.token_hex(8)}.tmp"
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def point(link: Path, target: str, workshop: Path) -> None:
    """Let a symbolic link point at `target` from one moment to the next."""
    unfinished = workshop / f"{secrets.token_hex(8)}.tmp"
    unfinished.symlink_to(target)
    unfinished.replace(link)
    sync_directory(link.parent)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; a copy where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        target.write_bytes(source.read_bytes())
        sync_file(target)


def name_anew(finished: Path, name: Path) -> None:
    """Give a file or directory its name, unless something has that name: renaming would replace it.

    Args:
        finished: On the same file system; of a file, this name is left over.
        name: The new one.

    Raises:
        FileExistsError: The name is taken.
    """
    if finished.is_file():
        try:
            os.link(finished, name)
            return
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
    if os.path.lexists(name):  # as close as can be where there are no links, and for directories
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(name))
    finished.rename(name)


@contextlib.contextmanager
def locked(path: Path, timeout: float = 60.0) -> Iterator[None]:
    """Hold an exclusive lock that works between threads and between processes.

    The kernel lets go of it when the process dies, however it dies.

    Args:
        path: The lock file; it is created and stays.
        timeout: Seconds to wait for whoever holds it.

    Raises:
        StoreError: It was not free in time.
    """
    with _lock_file(path) as handle:
        deadline = time.monotonic() + timeout
        while not _take(handle):
            if time.monotonic() > deadline:
                raise StoreError(
                    f"The dataset has been busy for {timeout:.0f} s. Try again in a moment."
                )
            time.sleep(0.002)
        yield


@contextlib.contextmanager
def working(path: Path) -> Iterator[None]:
    """Hold a lock that others may hold as well: `try_lock` on it tells whether nobody does.

    Args:
        path: The lock file; it is created and stays.
    """
    with _lock_file(path) as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock if nobody else does; yields whether it is held.

    Args:
        path: The lock file; it is created and stays.
    """
    with _lock_file(path) as handle:
        yield _take(handle)


@contextlib.contextmanager
def _lock_file(path: Path) -> Iterator[int]:
    """Open a lock file; to close it is to let go of the lock."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield handle
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    """Take the exclusive lock without waiting; false if somebody else holds it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
