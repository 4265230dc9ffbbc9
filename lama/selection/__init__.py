"""Selecting objects with networks: the small one that comes along, and others on request."""

from pathlib import Path

from masks.opencv_selectors import FloodFill, GrabCut, Regions
from masks.selection import Provider

OFFLINE = ("default", "regions", "grabcut", "flood-fill")


def default() -> Provider:
    """Return the best provider that needs no download: the network, or else OpenCV alone."""
    from lama.selection.clicks import WEIGHTS, Clicks  # noqa: PLC0415 - torch loads slowly

    return Clicks() if WEIGHTS.is_file() else Regions()


def get(name: str = "default") -> Provider:
    """Return a provider by name: one of `OFFLINE`, one of the Hub's (`hub.MODELS`), or a folder.

    Raises:
        ValueError: the name is unknown.
    """
    plain: dict[str, type[Regions | GrabCut | FloodFill]] = {
        "regions": Regions,
        "grabcut": GrabCut,
        "flood-fill": FloodFill,
    }
    if name == "default":
        return default()
    if name in plain:
        return plain[name]()
    from lama.selection import hub  # noqa: PLC0415 - torch loads slowly

    if name not in hub.MODELS and not Path(name).is_dir():
        known = ", ".join((*OFFLINE, *hub.MODELS))
        raise ValueError(f"there is no selector {name!r}; there are {known}, and folders")
    return hub.provider(name)
