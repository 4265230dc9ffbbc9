"""The sample photos that come with the app, as the pages show them."""

import html
import json
from pathlib import Path

from space.exports import address_of


def listed(folder: Path) -> list[dict[str, str]]:
    """Sample photos with their licence, from the folder's own list; none where there is no list.

    Args:
        folder: Holds the photos and `samples.json`.

    Returns:
        For each the list's own words, fit for HTML, and `url`, its address for the page.
    """
    path = folder / "samples.json"
    if not path.is_file():
        return []
    return [
        {key: html.escape(text) for key, text in sample.items()}
        | {"url": address_of(folder / sample["file"])}
        for sample in json.loads(path.read_text(encoding="utf-8"))
    ]
