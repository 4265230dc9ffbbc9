"""Throws away what the app kept for a while, once a minute: nothing of it grows without bound.

Pages sweep a little whenever they put something down; but nobody may come for days, and whatever
a crash or an earlier run left is nobody's. Several processes may sweep one data directory.
"""

import contextlib
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path

from lama.files import names_in
from space import contributions
from space.exports import SECONDS, Exports
from space.forgetting import (
    EXPORT_PREFIX,
    forget_run_pictures,
    forget_unfinished_exports,
    remove_if,
    uploads,
)
from space.photos import PhotoShelf
from space.services import Services
from space.store.traces import newest_deletion

UPLOAD_SECONDS = 6 * 3600
_PAUSE = 60.0
_IN_USE_SECONDS = 120.0  # what is younger may be on its way to somebody
_log = logging.getLogger(__name__)


class Sweeper:
    """Sweeps the cache of one app."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._folders = services.settings.folders
        self._stopped = threading.Event()
        self._said: set[str] = set()

    def sweep(self) -> None:
        """Sweep everything once; what cannot go stops nothing else, and is said once."""
        services, exports = self._services, self._services.exports
        for step in (
            lambda: contributions.forget(services.store, services.photos),
            exports.sweep,
            services.photos.sweep,
            self._old_exports,
            self._outdated_pictures,
            lambda: sweep_uploads(self._folders.uploads),
            lambda: trim(
                services.photos,
                exports,
                self._folders.uploads,
                services.settings.cache_mb * 1_000_000,
            ),
        ):
            try:
                step()
            except Exception as error:  # noqa: BLE001 - the next minute comes whatever went wrong
                if str(error) not in self._said:
                    self._said.add(str(error))
                    _log.warning("The cache could not be swept: %s", error)

    def _old_exports(self) -> None:
        """Dataset downloads of more than an hour ago, and those from before a deletion.

        Whoever deletes a record removes them too, but Gradio may be copying one just then.
        """
        hour_ago = time.time() - SECONDS
        deleted = newest_deletion(self._services.store.core) / 1e6
        folder = self._folders.dataset_exports

        def outdated(path: Path, facts: os.stat_result) -> bool:
            limit = max(deleted, hour_ago) if path.parent == folder else deleted
            return path.name.startswith(EXPORT_PREFIX) and facts.st_mtime < limit

        remove_if((self._folders.cache, *uploads(self._services.store.core)), outdated)
        forget_unfinished_exports((folder,), self._services.store.core)

    def _outdated_pictures(self) -> None:
        """Pictures of runs that began before a deletion: they may show what was held out then."""
        deleted = newest_deletion(self._services.store.core) / 1e6
        for run in names_in(self._folders.runs):
            plan = run / "plan.json"
            if plan.is_file() and plan.stat().st_mtime < deleted:
                forget_run_pictures(run.parent, run)

    def run(self) -> None:
        """Sweep until stopped."""
        while not self._stopped.is_set():
            self.sweep()
            self._stopped.wait(_PAUSE)

    def stop(self) -> None:
        """End after the sweep that is under way."""
        self._stopped.set()


@contextlib.contextmanager
def sweeping(services: Services) -> Iterator[None]:
    """Sweep as long as the block lasts; the first time is at once."""
    sweeper = Sweeper(services)
    threading.Thread(target=sweeper.run, name="sweep", daemon=True).start()
    try:
        yield
    finally:
        sweeper.stop()


def sweep_uploads(folder: Path) -> None:
    """Remove uploads that came more than six hours ago, whichever run of the app took them.

    The time is that of the directory entry: a copy may bear the date of what it was made from.
    """
    limit = time.time() - UPLOAD_SECONDS
    remove_if((folder,), lambda _, facts: facts.st_ctime < limit)
    for root, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):  # something is in it, or comes in just now
            if root != str(folder) and Path(root).stat().st_ctime < limit:
                Path(root).rmdir()


def trim(photos: PhotoShelf, exports: Exports, uploaded: Path, limit: int) -> None:
    """Throw away photos, results and uploads, longest unused first, until all are within a limit.

    Dataset downloads are not counted and stay: they may be large, are at most two
    (`space.dataset.downloads`), and go after their hour.

    Args:
        photos: The shelf of open photos.
        exports: Results and other files to be fetched.
        uploaded: The folder of uploads; what was opened from there is on the shelf by itself.
        limit: Bytes.
    """
    kept: list[tuple[float, int, Path, Callable[[Path], object]]] = []
    kept += [(*entry, lambda path: photos.forget(path.name)) for entry in photos.kept()]
    kept += [(*entry, exports.remove) for entry in exports.kept() if not _holds_dataset(entry[2])]
    kept += [(*entry, lambda path: path.unlink(missing_ok=True)) for entry in _files(uploaded)]
    total = sum(size for _, size, _, _ in kept)
    newest = time.time() - _IN_USE_SECONDS
    for used, size, path, forget in sorted(kept, key=itemgetter(0, 1, 2)):
        if total <= limit or used > newest:
            break
        forget(path)
        total -= size


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """What is below a folder: when it came, how many bytes it has, and its path."""
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            facts = path.lstat()
            if stat.S_ISREG(facts.st_mode):
                yield facts.st_ctime, facts.st_size, path


def _holds_dataset(place: Path) -> bool:
    return any(path.name.startswith(EXPORT_PREFIX) for path in names_in(place))
