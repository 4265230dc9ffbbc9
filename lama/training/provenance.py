"""Where a checkpoint comes from, written into its metadata: data, code, seed, and its ancestors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lama.checkpoint import read_meta
from lama.files import code_digest, sha256_file
from lama.foreign import weights_file

ROOMS = ("lama", "masks")  # what decides what a run does


@dataclass(frozen=True)
class Origin:
    """What a run started from; all zero for new weights."""

    sha256: str = ""  # of the file
    steps: int = 0  # of it and all of its ancestors
    samples: int = 0
    ancestors: tuple[str, ...] = ()  # sha256 of the files before it, oldest first

    @classmethod
    def of(cls, path: Path) -> Origin:
        """Of a weights file or folder; foreign ones do not say how they were made."""
        digest = sha256_file(weights_file(path))
        meta = read_meta(path) if path.suffix == ".safetensors" else {}
        found = meta.get("provenance", {})
        # Files from before provenance was written tell their own steps and no more.
        batch = meta.get("training", {}).get("batch", 0)
        steps = found.get("total_steps", meta.get("step", 0))
        samples = found.get("total_samples", meta.get("step", 0) * batch)
        before = found.get("origin") or {}
        ancestors = (*before.get("ancestors", ()), before.get("sha256", ""))
        return cls(digest, steps, samples, tuple(filter(None, ancestors)))

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**asdict(self), "ancestors": list(self.ancestors)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Origin:
        """Inverse of `to_json`."""
        return cls(**{**values, "ancestors": tuple(values["ancestors"])})


@dataclass(frozen=True)
class Data:
    """What a run was trained on. Folders by their last name alone: paths are nobody's business."""

    sources: tuple[str, ...] = ()
    photos: int | None = None  # None for a stream
    masks_from: str = ""
    saved_masks: int = 0

    def after(self, before: Data) -> Data:
        """Everything that a resumed run was trained on.

        Photos and masks of the same sources are the same ones: the larger number counts. Those of
        other sources are added.

        Args:
            before: what it was trained on until it was saved; this is what it goes on with.
        """
        sources = tuple(dict.fromkeys((*before.sources, *self.sources)))
        streamed = self.photos is None or before.photos is None
        grown = len(sources) in (len(self.sources), len(before.sources))
        drawn = dict.fromkeys(filter(None, (*before.masks_from.split(", "), self.masks_from)))
        known = self.masks_from in before.masks_from.split(", ")
        return Data(
            sources,
            None if streamed else _both(self.photos or 0, before.photos or 0, grown),
            ", ".join(drawn),
            _both(self.saved_masks, before.saved_masks, known),
        )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Data:
        """Inverse of `asdict`."""
        return cls(**{**values, "sources": tuple(values["sources"])})


def _both(now: int, before: int, same: bool) -> int:
    """The size of two sets together: the larger one if they are the same things, else the sum."""
    return max(now, before) if same else now + before


@dataclass(frozen=True)
class Provenance:
    """Everything that the metadata says besides the options."""

    data: Data = field(default_factory=Data)
    origin: Origin = field(default_factory=Origin)

    def describe(self, seed: int, steps: int, samples: int) -> dict[str, Any]:
        """For a checkpoint after so many steps and samples of this run."""
        return {
            "data": asdict(self.data),
            "origin": self.origin.to_json(),
            "seed": seed,
            "total_steps": self.origin.steps + steps,
            "total_samples": self.origin.samples + samples,
            "code": code_digest(*ROOMS),
            "torch": version("torch"),
        }


def named(source: str) -> str:
    """A source without what only its owner needs to know: a local path becomes its last name."""
    prefix = "hf:" if source.startswith("hf:") else ""
    place, colon, rest = source.removeprefix(prefix).partition(":")
    if Path(place).expanduser().exists():
        place = Path(place).expanduser().absolute().name
    return f"{prefix}{place}{colon}{rest}"


def data_of(sources: Sequence[str], photos: object, masks_from: str, saved_masks: int) -> Data:
    """What a run is trained on, from its sources as given and what they turned out to be."""
    count = len(photos) if hasattr(photos, "__len__") else None
    return Data(
        tuple(map(named, sources)), count, named(masks_from) if masks_from else "", saved_masks
    )
