"""What goes into the store, what comes back for it, and what can be asked of it."""

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from space.store.errors import SubmissionError
from space.store.schema import (
    DRAWN,
    FEATURES,
    LICENCES,
    PRIVATE,
    SCALARS,
    SCHEMA_VERSION,
    STATUSES,
)

MAX_NOTE = 2_000
MAX_MODEL = 255  # the longest name of a file
MAX_STROKES = 8 * 2**20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[\w.:+-]{1,64}", re.ASCII)
_ID = re.compile(r"[0-9a-zA-Z_-]{1,64}")
_LATEST = 250_000_000_000_000_000  # microseconds; what is much later has no year of four digits
_TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "float32": (float, int),
    "int32": (int,),
    "string": (str,),
    "timestamp[us, tz=UTC]": (int,),
}


@dataclass(frozen=True)
class Submission:
    """A photo and a mask that someone wants to have stored."""

    image_bytes: bytes  # the photo's file, untouched
    mask: np.ndarray  # bool (H, W), True = hole, of the upright photo's size
    licence: str
    consent: bool
    strategy: str = DRAWN
    strokes: str = ""  # JSON, or empty
    contributor: str = "anonymous"
    note: str = ""
    model: str = ""

    def check(self) -> None:
        """Refuse what cannot be stored for other reasons than its pixels.

        Raises:
            SubmissionError: The first thing that is wrong, and what would be accepted.
        """
        _check_said(
            self.consent, self.licence, self.strategy, self.contributor, self.model, self.strokes
        )
        if len(self.note) > MAX_NOTE:
            raise SubmissionError(
                f"The note has {len(self.note):,} characters; at most {MAX_NOTE:,} are stored."
            )
        if not _can_be_written(self.note):
            raise SubmissionError("The note holds half a character. Type it anew.")


def _check_said(
    consent: object, licence: str, strategy: str, contributor: str, model: str, strokes: str
) -> None:
    """Refuse what is said about a photo and a mask, if it cannot be stored.

    Raises:
        SubmissionError: The first thing that is wrong, and what would be accepted.
    """
    if consent is not True:
        raise SubmissionError(
            "Nothing is stored without consent. Agree to the consent sentence to save."
        )
    if licence not in LICENCES:
        raise SubmissionError(
            f"The licence {licence[:80]!r} is not known. Choose one of {', '.join(LICENCES)}."
        )
    if not _WORD.fullmatch(contributor):
        raise SubmissionError(
            f"The contributor has to be one short word; got {contributor[:80]!r}."
        )
    if len(model) > MAX_MODEL or not model.isprintable():
        raise SubmissionError(
            f"The model's name has to be one line of at most {MAX_MODEL} characters; got "
            f"{model[:80]!r}."
        )
    check_drawing(strategy, strokes)


def check_drawing(strategy: str, strokes: str) -> None:
    """Refuse what is said about how a mask came about, if it cannot be stored.

    Raises:
        SubmissionError: The first thing that is wrong, and what would be accepted.
    """
    if not _WORD.fullmatch(strategy):
        raise SubmissionError(f"The strategy has to be one short word; got {strategy[:80]!r}.")
    if len(strokes) > MAX_STROKES:
        raise SubmissionError(f"The strokes are larger than {MAX_STROKES / 2**20:.0f} MB.")
    if strokes:
        try:
            json.loads(strokes)
        except (ValueError, RecursionError) as error:
            raise SubmissionError(f"The strokes are not valid JSON ({error}).") from error
        if not _can_be_written(strokes):
            raise SubmissionError("The strokes are not valid JSON (they hold half a character).")


def _can_be_written(text: str) -> bool:
    """Whether a text has no half of a surrogate pair, for which there is no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_row(row: Mapping[str, Any]) -> None:
    """Refuse a published row that cannot be a record; its pixels are not looked at.

    It comes from a file that anybody may have changed, and what is in it is shown, decided on and
    published like all others.

    Args:
        row: With every published column; `image` and `mask` need not be there.

    Raises:
        SubmissionError: The first thing that is wrong.
    """
    if not isinstance(row["id"], str) or not _ID.fullmatch(row["id"]):  # files are named after it
        raise SubmissionError(f"{str(row['id'])[:80]!r} cannot be the id of a record.")
    try:
        _check_columns(row)
    except SubmissionError as error:
        raise SubmissionError(f"The record {row['id']} cannot be taken in. {error}") from error


def _check_columns(row: Mapping[str, Any]) -> None:
    if row["schema_version"] != SCHEMA_VERSION:
        raise SubmissionError(f"It is of schema version {str(row['schema_version'])[:80]}.")
    for name in (*SCALARS, "strokes"):
        if type(row[name]) not in _TYPES[FEATURES[name].dtype]:
            raise SubmissionError(f"Its {name} is not of the type {FEATURES[name].dtype}.")
    _check_said(
        row["consent"],
        row["licence"],
        row["strategy"],
        row["contributor"],
        row["model"],
        row["strokes"],
    )
    if row["status"] not in STATUSES:
        raise SubmissionError(f"It has the unknown status {row['status'][:80]!r}.")
    if row["width"] < 1 or row["height"] < 1 or not 0 <= row["hole_fraction"] <= 1:
        raise SubmissionError("Its width, height or hole_fraction is out of range.")
    if not 0 <= row["created_at"] < _LATEST:
        raise SubmissionError("Its created_at is out of range.")
    _check_extra(row["extra"])


def _check_extra(text: str) -> None:
    """Refuse what cannot be a record's `extra`.

    Raises:
        SubmissionError: What is wrong with it.
    """
    try:
        extra = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SubmissionError(f"Its extra is not valid JSON ({error}).") from error
    if not isinstance(extra, dict):
        raise SubmissionError("Its extra is not a JSON object.")
    if not _can_be_written(json.dumps(extra, ensure_ascii=False)):
        raise SubmissionError("Its extra holds half a character.")
    receipt, note = extra.get("receipt_sha256"), extra.get("note", "")
    if not isinstance(receipt, str) or not _SHA256.fullmatch(receipt):
        raise SubmissionError("Its extra has no receipt_sha256 of 64 hexadecimal digits.")
    if not isinstance(note, str) or len(note) > MAX_NOTE:
        raise SubmissionError(f"Its note is not a text of at most {MAX_NOTE:,} characters.")
    for name in ("reviews", "earlier_masks"):
        entries = extra.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise SubmissionError(f"Its {name} are not a list of objects.")


@dataclass(frozen=True)
class Receipt:
    """The answer to a save: with it, and only with it, the record can be deleted again."""

    record_id: str
    token: str  # known to nobody else: the store keeps a hash of it
    metadata_removed: bool = False  # whether camera or place data was taken out of the photo
    lookalikes: int = 0  # other photos in the dataset that look much like this one


@dataclass(frozen=True)
class Filters:
    """Which records to list; the defaults let everything through."""

    strategy: str | None = None
    status: str | None = None
    licence: str | None = None
    min_area: float = 0.0
    max_area: float = 1.0
    private: bool = True  # whether records that are not to leave this machine are among them

    def where(self) -> tuple[str, tuple[Any, ...]]:
        """The condition in SQL, and its values."""
        if self.status is not None and self.status not in STATUSES:
            raise SubmissionError(f"The status is one of {', '.join(STATUSES)}.")
        parts = ["hole_fraction BETWEEN ? AND ?"]
        values: list[Any] = [self.min_area, self.max_area]
        for column in ("strategy", "status", "licence"):
            if getattr(self, column) is not None:
                parts.append(f"{column} = ?")
                values.append(getattr(self, column))
        if not self.private:
            parts.append("licence != ?")
            values.append(PRIVATE)
        return " AND ".join(parts), tuple(values)


@dataclass(frozen=True)
class Record:
    """A stored record without its pixels (see `Store.thumbnail` and `Store.mask`)."""

    id: str
    strategy: str
    width: int
    height: int
    hole_fraction: float
    image_sha256: str
    mask_sha256: str
    licence: str
    contributor: str
    status: str
    model: str
    created_at: datetime
    extra: dict[str, Any] = field(default_factory=dict)
    # Of the photo's file as it was sent, to find copies of it; empty when not known.
    source_sha256: str = ""
    source_bytes: int = 0

    @property
    def note(self) -> str:
        """What the contributor wrote beside it."""
        return str(self.extra.get("note", ""))


def record_of(row: sqlite3.Row) -> Record:
    """A record from its row in the index."""
    same = (
        *("id", "strategy", "width", "height", "hole_fraction", "image_sha256", "mask_sha256"),
        *("licence", "contributor", "status", "model", "source_sha256", "source_bytes"),
    )
    return Record(
        **{name: row[name] for name in same},
        created_at=_EPOCH + timedelta(microseconds=row["created_at"]),
        extra=json.loads(row["extra"]),
    )


def microseconds(moment: datetime) -> int:
    """A moment as whole microseconds since 1970 UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def shelf_of(licence: str, status: str) -> str:
    """Partition of a record: only records of one licence class and status share a shard.

    So a shard goes to the Hub as a whole or not at all.
    """
    return f"{'private' if licence == PRIVATE else 'open'}/{status}"


def by_shelf(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Records, each with `licence` and `status`, by the shelf that they may lie on."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(shelf_of(row["licence"], row["status"]), []).append(row)
    return dict(sorted(found.items()))
