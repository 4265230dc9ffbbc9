"""What copies of a deleted record look like, kept in its tombstone until the last one is gone.

The store removes what is its own. The app beside it keeps more: uploads, photos that are open,
results. Finding those takes the digests of what was sent, which go with the record's row; so the
transaction that deletes the row writes them into the tombstone, and whoever has removed the copies
crosses them out. A crash in between, or a file that refuses to go, only puts that off.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from space.store.core import Core
from space.store.errors import StoreError, SubmissionError
from space.store.pictures import decode_mask


@dataclass(frozen=True)
class MaskLook:
    """A mask by its pixels: whoever sent it had them in another file."""

    width: int
    height: int
    sha256: str

    def fits(self, mask: np.ndarray) -> bool:
        """Whether a mask, bool (H, W), is this one."""
        return mask.shape == (self.height, self.width) and _digest(mask) == self.sha256


@dataclass(frozen=True)
class Traces:
    """What is to be looked for after a deletion."""

    record_id: str
    photos: Mapping[str, int]
    """sha256 and bytes of the photo's file as it was sent, and as it was stored."""
    mask: MaskLook | None
    """None where another record has the same mask."""


def traces_of(core: Core, row: sqlite3.Row) -> str:
    """What a tombstone keeps of a record that is about to be deleted, as JSON."""
    photos = {row["source_sha256"]: row["source_bytes"]} if row["source_sha256"] else {}
    query = "SELECT * FROM objects WHERE kind = ? AND sha256 = ?"
    if stored := core.index.get(query, ("originals", row["image_sha256"])):
        photos[stored["sha256"]] = stored["bytes"]
    mask = core.index.get(query, ("masks", row["mask_sha256"]))
    only = mask is not None and mask["uses"] == 1
    return json.dumps({"photos": photos, "mask": _look(core, row) if only else None})


def _look(core: Core, row: sqlite3.Row) -> dict[str, Any] | None:
    try:
        mask = decode_mask(core.objects.read("masks", row["mask_sha256"]))
    except (StoreError, SubmissionError):
        return None  # missing or damaged: it must be possible to delete the record all the same
    return asdict(MaskLook(mask.shape[1], mask.shape[0], _digest(mask)))


def _digest(mask: np.ndarray) -> str:
    return hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()


def pending(core: Core) -> list[Traces]:
    """The deletions whose copies are not known to be gone."""
    rows = core.index.all("SELECT id, copies FROM tombstones WHERE copies IS NOT NULL ORDER BY id")
    found = []
    for row in rows:
        facts = json.loads(row["copies"])
        mask = None if facts["mask"] is None else MaskLook(**facts["mask"])
        found.append(Traces(row["id"], facts["photos"], mask))
    return found


def cross_out(core: Core, record_id: str) -> None:
    """The copies are gone: nothing but the id stays of the record."""
    with core.index.transaction() as run:
        run.execute("UPDATE tombstones SET copies = NULL WHERE id = ?", (record_id,))
    core.index.forget_deleted()


def is_used(core: Core, sha256: str) -> bool:
    """Whether a record that is still here has this photo, as it was sent or as it is stored."""
    query = "SELECT 1 FROM records WHERE image_sha256 = ?1 OR source_sha256 = ?1"
    return core.index.get(query, (sha256,)) is not None


def newest_deletion(core: Core) -> int:
    """When the last record was deleted, in microseconds since 1970 UTC; 0 if none ever was."""
    row = core.index.get("SELECT max(deleted_at) AS at FROM tombstones")
    return 0 if row is None else row["at"] or 0
