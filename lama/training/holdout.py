"""Photos that a run never trains on: evenly spread over all there are, and the same to its end.

Which ones they are stands in the run's folder. So they stay out when photos have come or gone
since, and when the rule below should ever change.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lama.files import write_atomic

RECORD = "held_out.json"  # in a run's folder
DEFAULT = 48


def evenly(total: int, asked: int) -> list[int]:
    """So many of `total` things as are asked for, but at most half, at even distances."""
    number = min(asked, total // 2)
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
        path = run_dir / RECORD
        if not going_on:
            return cls(DEFAULT if asked is None else asked)
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            before = int(record["asked"])
            if record["photos"] is not None:
                record["photos"] = list(map(str, record["photos"]))
        except (OSError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f"{path} cannot be read ({error}): put a copy of it back") from error
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
        """Which of some photos.

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
            out = {names[i] for i in evenly(len(names), self.asked)}
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


def told_apart(labels: Sequence[str]) -> list[str]:
    """Labels of which no two are the same: folders may share a name, and files in them."""
    seen: Counter[str] = Counter()
    found = []
    for label in labels:
        seen[label] += 1
        found.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return found
