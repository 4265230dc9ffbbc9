"""The dataset store: save, delete, list and count records, safe against crashes and each other.

A record is in three places: its files by content (`objects`), its row in the index, and its row
in a published shard. A save goes through them in this order, under a lock that a dying process
lets go of:

1. *prepare*: the finished shard, with photo, mask and every column, durable in `incoming/`.
2. *keep*: photo and mask durable under their hashes.
3. *commit*: one SQLite transaction. Before it there is no record, after it there is one.
4. *publish*: the shard is renamed into the folder that `load_dataset` reads.
5. The card's figures are brought up to date, and the receipt is handed out.

Killed before 3, the record has never existed: whoever takes the lock next finds the shard in
`incoming/`, not in the index, and removes it together with the files it names. Killed after 3,
the same look finds it in the index and publishes it. Since the shard is prepared first, there is
no file anywhere that could not be traced, and no scan is needed to trace it. A full disk shows in
1 or 2, where nothing is visible yet; 3 is all or nothing; 4 needs no space.

Deleting is the same the other way round. A shard without the record and a directory with it are
prepared; one transaction removes the row, writes a tombstone and names the new directory; then
the link moves, and the tombstone keeps the list of files to remove until they are gone. Merging
small shards (`compaction`) uses the same exchange.

Readers never wait: see `published` for why they always find one consistent state.
"""

import hashlib
import hmac
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from space.store import compaction, health, recovery, removing, thumbnails, verification
from space.store.core import Core, add_whole_shard, prepare_shard, silent
from space.store.entry import hash_of, new_entry, new_token
from space.store.errors import IndexTroubleError, StoreError, SubmissionError, explained
from space.store.lookalikes import lookalikes
from space.store.pictures import MAX_PIXELS, StoredPicture, decode_mask, encode_mask, prepare_photo
from space.store.records import Filters, Receipt, Record, Submission, record_of, shelf_of
from space.store.verification import Report

_log = logging.getLogger(__name__)


class Store:
    """The records of one data directory. Threads and processes may share it freely."""

    def __init__(self, core: Core, max_pixels: int = MAX_PIXELS) -> None:
        self.core = core
        self._max_pixels = max_pixels

    @classmethod
    def open(
        cls,
        data_dir: str | Path,
        *,
        max_pixels: int = MAX_PIXELS,
        on_step: Callable[[str], None] = silent,
    ) -> "Store":
        """Open a data directory, making it if need be, and mend what a crash left in it.

        Args:
            data_dir: The directory; nothing outside of it is touched.
            max_pixels: Photos with more pixels are refused.
            on_step: Called with the name of each step of an operation once it is durable.

        Raises:
            StoreError: It cannot be written to, or its index is damaged.
        """
        try:
            core = Core(Path(data_dir).expanduser().resolve(), on_step)
            with core.lock():
                recovery.reconcile(core)
                core.published.write_card(core.card())
        except (OSError, IndexTroubleError) as error:
            raise explained(error, f"open the dataset in {data_dir}") from error
        compaction.soon(core)
        return cls(core, max_pixels)

    @property
    def dataset_dir(self) -> Path:
        """What to call `load_dataset` with."""
        return self.core.published.link

    def save(self, submission: Submission) -> Receipt:
        """Store a photo and a mask; when this returns, they survive a power cut.

        Args:
            submission: What to store. Camera and place data are taken out of the photo.

        Raises:
            SubmissionError: It cannot be accepted; nothing is stored.
            StoreError: The disk or the index refused; nothing is stored.
        """
        submission.check()
        photo = prepare_photo(submission.image_bytes, self._max_pixels)
        mask = encode_mask(submission.mask, photo.width, photo.height)
        token = new_token()
        entry = new_entry(submission, photo, mask, token)
        row = {**entry, "image": photo.data, "mask": mask}
        try:
            with self.core.lock():
                recovery.settle(self.core)
                size = len(photo.data) + len(mask)
                self.core.make_room(2 * size + self.core.reserve(size))
                self._commit(row, entry)
        except (OSError, IndexTroubleError) as error:
            if not recovery.committed(self.core, lambda: self._has(entry["id"])):
                raise explained(error, "save this mask") from error
        compaction.soon(self.core)
        return Receipt(entry["id"], token, photo.metadata_removed, self._lookalikes(photo))

    def _lookalikes(self, photo: StoredPicture) -> int:
        """A hint, so nothing that goes wrong here may spoil a save that is done."""
        try:
            return lookalikes(self.core, photo.look, photo.sha256)
        except StoreError as error:
            _log.warning("Photos that look alike could not be looked up: %s", error)
            return 0

    def _commit(self, row: dict[str, Any], entry: dict[str, Any]) -> None:
        """Steps 1 to 5 of a save."""
        core = self.core
        shelf = shelf_of(entry["licence"], entry["status"])
        prepared, shard = prepare_shard(core, [row], shelf)
        core.step("prepared")
        core.objects.put("originals", entry["image_sha256"], row["image"])
        core.objects.put("masks", entry["mask_sha256"], row["mask"])
        core.step("kept")
        with core.index.transaction() as run:
            add_whole_shard(run, shard, [entry])
        core.step("committed")
        core.published.add(prepared)
        core.step("published")
        core.published.write_card(core.card())
        core.step("described")

    def _has(self, record_id: str) -> bool:
        return self.core.index.get("SELECT 1 FROM records WHERE id = ?", (record_id,)) is not None

    def delete(self, record_id: str, token: str, *, copies: bool = False) -> Record:
        """Delete a record for good: from index, files, shards and the card's figures.

        Args:
            record_id: From its receipt.
            token: From its receipt.
            copies: Whether the app's own copies are to go as well: the tombstone then says what
                they look like until `space.contributions.forget` has removed them.

        Returns:
            What it was.

        Raises:
            SubmissionError: There is no such record, or the receipt is another's.
            StoreError: The disk or the index refused; the record is still whole.
        """
        row = None
        try:
            with self.core.lock():
                recovery.settle(self.core)
                found = self.core.index.get("SELECT * FROM records WHERE id = ?", (record_id,))
                row = self._with_receipt(record_id, token, found)
                removing.take_out(self.core, [row], copies=copies)
        except (OSError, IndexTroubleError) as error:
            done = recovery.committed(self.core, lambda: recovery.is_gone(self.core, record_id))
            if row is None or not done:
                raise explained(error, "delete this record") from error
        compaction.soon(self.core)
        return record_of(row)

    def _with_receipt(self, record_id: str, token: str, row: sqlite3.Row | None) -> sqlite3.Row:
        if row is None:
            if recovery.is_gone(self.core, record_id):
                raise SubmissionError(f"The record {record_id} has been deleted already.")
            raise SubmissionError(f"There is no record {record_id!r}. Check the id.")
        if not hmac.compare_digest(hash_of(token), row["receipt_sha256"]):
            raise SubmissionError(
                "This receipt does not belong to this record. Paste it as it was shown on saving."
            )
        return row

    def info(self) -> dict[str, Any]:
        """How much there is, and how it stands with the Hub; see `space.store.health.info`."""
        return health.info(self.core)

    def strategies(self) -> dict[str, int]:
        """How many records each strategy has."""
        return self.core.index.counts("strategy")

    def pseudonym(self, name: str) -> str:
        """A short name for a contributor: the same each time, and not to be turned back."""
        key = self.core.index.secret("pseudonym_key")
        return "user-" + hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:12]

    def thumbnail(self, record: Record) -> bytes:
        """A small JPEG of the photo with its mask in red; made once, then kept."""
        return thumbnails.thumbnail(self.core, record)

    def newest(self, limit: int = 24, filters: Filters | None = None) -> list[Record]:
        """Records from the newest to the oldest.

        Args:
            limit: How many at most.
            filters: Which ones; all if not given.
        """
        where, values = (filters or Filters()).where()
        rows = self.core.index.all(
            f"SELECT * FROM records WHERE {where} ORDER BY id DESC LIMIT ?", (*values, limit)
        )
        return [record_of(row) for row in rows]

    def get(self, record_id: str) -> Record:
        """One record.

        Raises:
            SubmissionError: There is none with this id.
        """
        row = self.core.index.get("SELECT * FROM records WHERE id = ?", (record_id,))
        if row is None:
            raise SubmissionError(f"There is no record {record_id!r}. Check the id.")
        return record_of(row)

    def mask(self, record: Record) -> np.ndarray:
        """A record's mask, bool (H, W), True = hole."""
        return decode_mask(self.core.objects.path("masks", record.mask_sha256).read_bytes())

    def verify(self) -> Report:
        """Check every byte; see `space.store.verification`."""
        return verification.verify(self.core)

    def close(self) -> None:
        """Let go of the index."""
        with self.core.compacting:
            self.core.index.close()
