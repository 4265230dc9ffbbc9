"""What a run never trains on, the same to its end.

`HoldOut` is for `train`: photos, evenly spread over all there are, by their names. `by_content` is
for `finetune`: photos and saved masks by the hash of their content, so that nothing that a run was
trained on is held out by the next one as a dataset grows.

Both write down in the run's folder what they hold out. So it stays out when photos have come or
gone since, and when a rule below should ever change. Without that record a run does not go on.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from lama.files import write_atomic

RECORD = "held_out.json"  # in the folder of a run of `train`: names of photos
DIGESTS = "held.json"  # in that of `finetune`: digests of masks and photos
KINDS = ("masks", "photos")
DEFAULT = 48
SHARE = 0.2  # of few things that is held out by their content


def evenly(total: int, asked: int) -> list[int]:
    """Indices at even distances: as many as are asked for, at most all of `total`."""
    number = min(asked, total)
    return [i * total // number for i in range(number)]


class HoldOut:
    """Which photos are held out.

    Args:
        asked: how many.
        record: what the folder of a run that goes on says, or None.

    Attributes:
        chosen: what they are called in the record; None for a stream, which has them at its front.
    """

    def __init__(self, asked: int, record: dict[str, Any] | None = None) -> None:
        if asked < 0:
            raise ValueError(f"{asked} photos cannot be held out")
        self.asked, self.record = asked, record
        self.chosen: list[str] | None = None

    @classmethod
    def of(cls, run_dir: Path, asked: int | None, going_on: bool) -> HoldOut:
        """For a run in a folder: one that goes on holds out what it did before.

        Args:
            run_dir: of the run.
            asked: how many, or None for `DEFAULT` or as many as before.
            going_on: whether it is an old run.

        Raises:
            ValueError: Another number than before, or a record that cannot be read.
        """
        if not going_on:
            return cls(DEFAULT if asked is None else asked)
        record = _read(run_dir / RECORD, _named)
        before = record["asked"]
        if asked not in (None, before):
            raise ValueError(
                f"the run in {run_dir} holds out {before} photos, not {asked}, and has learned "
                "from the others: leave --holdout out"
            )
        return cls(before, record)

    def front(self) -> int:
        """How many to leave at the front of a stream."""
        if self.record is not None and self.record["photos"] is not None:
            raise ValueError("the run did not read its photos as a stream: leave --stream out")
        return self.asked

    def choose(self, labels: Sequence[str]) -> list[int]:
        """Which of some photos: as many as were asked for, at most half, at even distances.

        Args:
            labels: what each is called in the record, wherever it lies now. Those with the same
                label are the same photo, and on the same side.

        Returns:
            The places of all that are held out.

        Raises:
            ValueError: There are too few, or none of those that were held out before.
        """
        names = list(dict.fromkeys(labels))
        if self.record is None:
            if self.asked and len(names) < 2:
                raise ValueError(f"{len(names)} photos are too few to hold some out: --holdout 0")
            most = len(names) // 2  # the other half is trained on
            out = {names[i] for i in evenly(len(names), min(self.asked, most))}
        elif self.record["photos"] is None:
            raise ValueError("the run read its photos as a stream: add --stream")
        else:
            before = set(self.record["photos"])
            out = before.intersection(names)
            if before and not out:
                raise ValueError(
                    "none of the photos that the run holds out is there, for example "
                    f"{min(before)}: give the --photos that it began with"
                )
        self.chosen = [name for name in names if name in out]
        return [i for i, label in enumerate(labels) if label in out]

    def write(self, run_dir: Path) -> None:
        """Put on record what was chosen."""
        record = {"asked": self.asked, "photos": self.chosen}
        write_atomic(run_dir / RECORD, json.dumps(record, indent=1).encode())


def by_content(
    digests: Sequence[str], most: int, before: Collection[str] | None = None
) -> tuple[list[int], list[int]]:
    """Which of some things are kept from training: about a fifth, by their content alone.

    Each has a place by its own digest, and the lowest ones are held out. Where things are added,
    places of others only rise: what was trained on before is never held out, since a model that was
    fine-tuned on it may be the base of the next run.

    Args:
        digests: hex SHA-256 of each; equal ones count once.
        most: at most so many are held out.
        before: digests that were held out already, or None for a new run. Those that are still
            there are held out again, and nothing else is, because it may have been trained on.

    Returns:
        What to train on and what is held out, as indices of the first of its kind.

    Raises:
        ValueError: Fewer than two different ones, or none left of those held out before.
    """
    first: dict[str, int] = {}
    for index, digest in enumerate(digests):
        first.setdefault(digest, index)
    if len(first) < 2:
        raise ValueError(f"{len(first)} is too few: one has to be held out, one trained on")
    # Hashed once more: in the order of the digests themselves, one list would explain the other.
    order = sorted(first, key=_place)
    if before is None:
        kept = [d for d in order[:-1] if _place(d) < SHARE][:most] or order[:1]
    else:
        kept = [d for d in order if d in before]
    if not kept or len(kept) == len(order):
        raise ValueError("what was held out is gone, or all that is left: start a new run")
    rest = sorted(first[digest] for digest in set(order).difference(kept))
    return rest, [first[digest] for digest in kept]


def _place(digest: str) -> float:
    """Where a digest lies between 0 and 1, all places alike."""
    return int(hashlib.sha256(digest.encode()).hexdigest()[:16], 16) / 16**16


def read_digests(run_dir: Path) -> dict[str, list[str]]:
    """What a run of `finetune` held out: digests of `masks` and of `photos`.

    Raises:
        ValueError: There is no record of it, or it cannot be read.
    """
    return _read(run_dir / DIGESTS, lambda record: {k: _texts(record[k]) for k in KINDS})


def write_digests(run_dir: Path, held: dict[str, list[str]]) -> None:
    """Put on record what `finetune` holds out."""
    write_atomic(run_dir / DIGESTS, json.dumps(held).encode())


def told_apart(labels: Sequence[str]) -> list[str]:
    """The labels made unique by a number: folders may share a name, and so may files in them."""
    seen: Counter[str] = Counter()
    found = []
    for label in labels:
        seen[label] += 1
        found.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return found


def _read(path: Path, form: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """A record, or ValueError: held out anew, a run would be judged by what it was trained on."""
    try:
        return form(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be read ({error}): put a copy of it back") from error


def _named(record: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    photos = record["photos"]
    return {"asked": int(record["asked"]), "photos": None if photos is None else _texts(photos)}


def _texts(values: Any) -> list[str]:  # noqa: ANN401 - JSON
    if not isinstance(values, list):
        raise TypeError(f"a list is wanted, not {values!r}")
    return list(map(str, values))
