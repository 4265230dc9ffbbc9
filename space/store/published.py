"""The dataset folder as readers see it: always one consistent state.

`DATA_DIR/dataset` is a symbolic link to a numbered directory under `DATA_DIR/published`.
`load_dataset` resolves the link once, at its start, and then lists and opens files below the
directory it found. Two kinds of change follow from that:

* A new record is one more shard, renamed into the current directory. A reader sees it or not.
* Taking shards away (merging small ones, deleting a record) would pull files from under a reader
  or show a record twice. So a new directory is made from hard links, which costs no copying, and
  the link is moved over. Whoever began before goes on in the old directory, which is swept only
  after a time of grace.
"""

import contextlib
import errno
import logging
import shutil
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from space.store import shards
from space.store.files import (
    RESERVE_BYTES,
    has_room,
    link_or_copy,
    point,
    sync_directory,
    write_atomically,
)

GRACE_SECONDS = 900.0
# The time of grace where earlier readers' shards alone take more than the bytes below: a morning of
# reviewing must not fill the disk. It is long enough for whoever opens a dataset now.
SHORT_GRACE_SECONDS = 60.0
RETIRED_BYTES = 2**30
_log = logging.getLogger(__name__)


class Published:
    """The numbered directories of a data directory and the link to the current one."""

    def __init__(self, data_dir: Path, workshop: Path) -> None:
        self.link = data_dir / "dataset"
        self._root = data_dir / "published"
        self._workshop = workshop
        self._weights: dict[str, int] = {}

    @property
    def number(self) -> int:
        """The current directory's number; 0 when nothing has been published yet."""
        try:
            return int(self.link.readlink().name)
        except (FileNotFoundError, ValueError):
            return 0
        except OSError as error:
            if error.errno != errno.EINVAL:  # a directory, from a copy that followed links
                raise
            return 0

    def newest(self) -> int:
        """The highest number of a directory that is complete; 0 if there is none.

        It was the current one where the link was lost, and the index that knew it.
        """
        whole = [path for path in self._root.glob("[0-9]*") if (path / "README.md").is_file()]
        return max((int(path.name) for path in whole if path.name.isdigit()), default=0)

    @property
    def data(self) -> Path:
        """Where the current shards are."""
        return self._directory(self.number) / "data"

    def _directory(self, number: int) -> Path:
        return self._root / f"{number:08d}"

    def shard_files(self) -> set[str]:
        """The names of the shards that a reader would find now, without the empty one."""
        return {path.name for path in self.data.glob("train-*.parquet")} - {shards.EMPTY_NAME}

    def begin(self, number: int, shards_now: Iterable[Path], card: bytes) -> None:
        """Make a directory, complete and durable, that no reader sees yet.

        Args:
            number: Its number; what an interrupted attempt left under it is removed.
            shards_now: Every shard that belongs in it, wherever it lies now.
            card: The README.
        """
        directory = self._directory(number)
        shutil.rmtree(directory, ignore_errors=True)
        (directory / "data").mkdir(parents=True)
        for path in shards_now:
            link_or_copy(path, directory / "data" / path.name)
        # Carries the columns when there is no record yet.
        shards.write_shard(directory / "data" / shards.EMPTY_NAME, (), "")
        write_atomically(directory / "README.md", card, self._workshop)
        for made in (directory / "data", directory, self._root, self._root.parent):
            sync_directory(made)

    def switch(self, number: int) -> None:
        """Make a directory the current one, from one moment to the next."""
        before = self.number
        if self.link.is_dir() and not self.link.is_symlink():
            self._take_aside(number)
        point(self.link, f"published/{number:08d}", self._workshop)
        if before not in (0, number):
            with contextlib.suppress(FileNotFoundError):
                self._directory(before).touch()  # its time of grace begins now

    def _take_aside(self, number: int) -> None:
        """Make place for the link where a copy of the data directory has a directory instead.

        It is a copy of some directory below `published`, mostly of the current one. What is not in
        that moves there, for `recovery.reconcile` to look at; the rest becomes an earlier reader's
        directory, so that deletions reach it and its time ends.
        """
        target, aside = self._directory(number) / "data", self._directory(0)
        for path in (self.link / "data").glob("train-*.parquet"):
            if not (target / path.name).exists():
                path.replace(target / path.name)
        sync_directory(target)
        shutil.rmtree(aside, ignore_errors=True)
        self.link.replace(aside)
        aside.touch()
        sync_directory(self._root)
        _log.warning(
            "%s was a directory, as copies have it that follow links. It is a link again.",
            self.link,
        )

    def exists(self, number: int) -> bool:
        """Whether `begin` has been called with this number."""
        return self._directory(number).is_dir()

    def write_card(self, card: bytes) -> None:
        """Replace the current README."""
        write_atomically(self._directory(self.number) / "README.md", card, self._workshop)

    def add(self, prepared: Path) -> None:
        """Move a finished shard in among the current ones."""
        prepared.replace(self.data / prepared.name)
        sync_directory(self.data)

    def sweep(self, grace: float = GRACE_SECONDS) -> None:
        """Remove directories that no reader can still be in, and attempts that came to nothing."""
        number = self.number
        earlier = []
        for directory in self._retired():
            if int(directory.name) > number:
                shutil.rmtree(directory, ignore_errors=True)
            else:
                earlier.append(directory)
        pairs = pairwise([*earlier, self._directory(number)])
        weights = [self._weight(*pair) for pair in pairs]
        held = sum(weights)
        for directory, weight in zip(earlier, weights, strict=True):
            allowed = min(grace, SHORT_GRACE_SECONDS) if held > RETIRED_BYTES else grace
            if time.time() - directory.stat().st_mtime > allowed:
                shutil.rmtree(directory, ignore_errors=True)
                held -= weight

    def _weight(self, directory: Path, following: Path) -> int:
        """The bytes that are free once a directory and all before it are gone."""
        if directory.name not in self._weights:  # looked up once: there may be hundreds
            there = {path.name for path in (following / "data").glob("*")}
            self._weights[directory.name] = sum(
                path.stat().st_size
                for path in (directory / "data").glob("*")
                if path.name not in there
            )
        return self._weights[directory.name]

    def purge(self, *record_ids: str) -> None:
        """Take records out of the directories of earlier readers as well."""
        current = self.shard_files()
        named: dict[int, list[Path]] = {}  # by inode: one file has a name in many directories
        for directory in self._retired():
            for path in (directory / "data").glob("train-*.parquet"):
                if path.name not in current:
                    named.setdefault(path.stat().st_ino, []).append(path)
        for paths in named.values():  # one after the other: each gives its room back
            replacement = self._without(paths[0], set(record_ids))
            if replacement is None:
                continue
            for path in paths:
                fresh = replacement.with_suffix(".link.tmp")
                link_or_copy(replacement, fresh)
                fresh.replace(path)
                sync_directory(path.parent)
            replacement.unlink()

    def _without(self, path: Path, gone: set[str]) -> Path | None:
        """A shard without some records, in the workshop; None if none of them is in it.

        It is empty where what the shard holds cannot be told, or where the disk has no room for the
        rest of it: only earlier readers miss that, and a deletion comes before them.
        """
        # In a directory that was copied, one shard is as many files as it has names.
        cleaned = self._workshop / f"{path.name}.{path.stat().st_ino}.tmp"
        try:
            if gone.isdisjoint(shards.read_ids(path)):
                return None
            if has_room(self._workshop, path.stat().st_size + RESERVE_BYTES):
                shards.rewrite(path, cleaned, lambda found: found not in gone)
                return cleaned
        except ValueError as error:
            _log.warning("Earlier readers lose a shard in which something was deleted: %s", error)
        shards.write_shard(cleaned, (), "")
        return cleaned

    def _retired(self) -> list[Path]:
        """The directories that are not the current one."""
        current = f"{self.number:08d}"
        found = [path for path in self._root.glob("[0-9]*") if path.name.isdigit()]
        return [path for path in sorted(found) if path.name != current]
