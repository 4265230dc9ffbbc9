"""The Dataset tab's pieces of HTML: figures, the grid of masks, and how to use the data."""

import json
import shlex
from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from space.pieces import data_url
from space.store import Record
from space.words import ago, percent

_FIGURES = (
    ("records", "records", "Masks saved"),
    ("images", "photos", "Different photos; each is kept once"),
    ("pending", "pending", "Not reviewed yet"),
    ("approved", "approved", "Reviewed and good to train on"),
    ("synced", "synced", "On the Hugging Face Hub"),
)
_LICENCES = {"cc0-1.0": "CC0", "cc-by-4.0": "CC BY", "private": "private"}
_EMPTY = """<div class="ds-empty"><p><b>No masks yet.</b> Paint over something in
<a href="#inpaint">Inpaint</a>, open <i>Save mask to dataset</i>, and it is here.</p></div>"""
_NO_MATCH = '<div class="ds-empty"><p>No mask matches these filters.</p></div>'


def summary_html(info: dict[str, int]) -> str:
    """The five figures.

    Args:
        info: From `Store.info`.
    """
    cells = "".join(
        f'<div title="{title}"><dd data-figure="{name}">{info[key]:,}</dd><dt>{name}</dt></div>'
        for key, name, title in _FIGURES
    )
    return f'<dl class="ds-figures">{cells}</dl>'


def grid_html(
    records: Sequence[tuple[Record, bytes | None]], now: datetime, any_at_all: bool
) -> str:
    """The masks over their photos, in the order given.

    Args:
        records: Each with its thumbnail (JPEG), None where it cannot be drawn.
        now: To tell how long ago each was saved.
        any_at_all: Whether there would be some without filters.
    """
    if not records:
        return _NO_MATCH if any_at_all else _EMPTY
    cells = "".join(_cell(record, picture, now) for record, picture in records)
    return f'<ul class="ds-grid" role="list">{cells}</ul>'


def _cell(record: Record, picture: bytes | None, now: datetime) -> str:
    share = percent(record.hole_fraction)
    described = (
        f"Mask {escape(record.strategy)}, {share} of a photo of "
        f"{record.width} by {record.height} pixels"
    )
    if picture is None:
        drawn = '<span class="ds-broken">cannot be shown</span>'
    else:
        drawn = f'<img src="{data_url(picture, "jpeg")}" alt="{described}" />'
    status, licence = escape(record.status), _LICENCES.get(record.licence, escape(record.licence))
    note = f"\n{escape(record.note)}" if record.note else ""
    title = f"{record.id}\n{record.created_at:%Y-%m-%d %H:%M} UTC{note}"
    return f"""<li data-record="{record.id}" title="{title}" ><button type="button"
class="ds-picture" aria-label="Show large: {described}">{drawn}</button>
<p><b>{escape(record.strategy)}</b><span>{share}</span></p>
<p class="ds-fine"><span class="ds-status" data-status="{status}">{status}</span
><span>{licence}</span><span>{ago(record.created_at, now)}</span></p></li>"""


def use_html(place: str) -> str:
    """The lines that load the data, with a button that copies them."""
    return _code_html(
        "from datasets import load_dataset\n"
        f'masks = load_dataset({json.dumps(place)}, split="train")'
    )


def push_html(repository: str, data_dir: Path) -> str:
    """The command that publishes the approved records to the operator's Hub dataset."""
    return _code_html(
        "python -m space dataset push"
        f" --hub-dataset {shlex.quote(repository)} --data-dir {shlex.quote(str(data_dir))}"
    )


def _code_html(code: str) -> str:
    return (
        f'<div class="ds-code"><pre><code>{escape(code)}</code></pre>'
        f'<button type="button" data-copy="{escape(code)}">Copy</button></div>'
    )
