"""The Review tab's pieces of HTML: the photo with its mask, its facts, and how review goes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

import numpy as np

import masks
from space.pieces import jpeg_url
from space.store import Record, Store, thumbnails
from space.store.agreement import Agreement
from space.store.queue import Queue
from space.store.thumbnails import Pair
from space.words import ago, percent

LONG_SIDE = 1280
_ENOUGH = 10  # decisions; the pace of fewer is chance


def pair_of(store: Store, record: Record) -> Pair:
    """The upright photo and the mask of a record, small enough for a page.

    Raises:
        StoreError: A file is missing or damaged.
    """
    return thumbnails.pair_of(store.core, record, LONG_SIDE)


def picture_html(record: Record, pair: Pair) -> str:
    """The photo under its mask; the page shows one or the other."""
    share = percent(record.hole_fraction, 1)
    height, width = pair.mask.shape
    described = f"Mask over {share} of a photo of {record.width} by {record.height} pixels"
    under, over = jpeg_url(pair.rgb), jpeg_url(masks.overlay(pair.rgb, pair.mask))
    shape = f"--w:{width};--h:{height}"
    return (
        f'<figure class="rv-picture" data-record="{record.id}" style="{shape}">'
        f'<img class="rv-plain" alt="The photo without its mask" src="{under}" />'
        f'<img class="rv-overlay" alt="{described}" src="{over}" /></figure>'
    )


def filled_html(record: Record, rgb: np.ndarray, model: str) -> str:
    """What a model makes of it; the page shows that only while it shows the record."""
    height, width = rgb.shape[:2]
    return (
        f'<figure class="rv-filled" data-record="{record.id}" style="--w:{width};--h:{height}">'
        f'<img alt="Filled by {escape(model)}" src="{jpeg_url(rgb)}" />'
        f"<figcaption>Filled by {escape(model)}; P brings the mask back</figcaption></figure>"
    )


def facts_html(record: Record, pair: Pair, more: Sequence[tuple[str, str]] = ()) -> str:
    """What is known of a record, without what another reviewer said of it.

    Args:
        record: The record.
        pair: Its photo and mask.
        more: Names and values that come last.
    """
    found = masks.describe(pair.mask) if 0 < pair.mask.sum() < pair.mask.size else None
    facts = [
        ("drawn by", record.contributor),
        ("strategy", record.strategy),
        ("hole", percent(record.hole_fraction, 1)),
        ("holes", str(found.components) if found else "1"),
        ("photo", f"{record.width} × {record.height} px"),
        ("licence", record.licence),
        ("saved", ago(record.created_at, datetime.now(UTC))),
    ]
    if record.note:
        facts.append(("note", record.note))
    if record.extra.get("earlier_masks"):
        facts.append(("mended", f"{len(record.extra['earlier_masks'])} times before"))
    facts += more
    rows = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return f'<dl class="rv-facts">{rows}</dl>'


def damaged_html(record: Record) -> str:
    """What is said of a record whose photo or mask cannot be read."""
    words = "<b>The photo or the mask of this record is missing or damaged.</b> "
    words += "Skip it: the next start of the app puts it back if it can; if not, a backup can."
    return f'<div class="ds-empty rv-nothing" data-record="{record.id}"><p>{words}</p></div>'


def nothing_html(left: Queue, second: bool) -> str:
    """What is said when there is nothing to review."""
    if left.skipped:
        words = f"<b>Nothing but what you skipped is left</b> ({left.skipped:,}). Show it again?"
    elif second:
        words = "<b>No second opinion is missing.</b> Each record here was decided by you, by two "
        words += "people, or by nobody yet."
    elif left.waiting:
        words = "<b>Nothing left for you.</b> What still waits is open at another reviewer, or "
        words += "waits for somebody who has not decided on it yet."
    else:
        words = "<b>Everything is reviewed.</b> New masks come here as soon as they are saved."
    return f'<div class="ds-empty rv-nothing" data-record=""><p>{words}</p></div>'


def progress_html(left: Queue, found: Agreement, name: str) -> str:
    """What waits, how quickly it goes, and how far two reviewers agree."""
    pace = _pace(sum(one.decided for one in found.reviewers), found.per_hour)
    figures = [
        ("waiting", f"{max(0, left.waiting - left.skipped):,}", "Not decided yet, nor put off"),
        ("skipped", f"{left.skipped:,}", "Put off by you"),
        ("per hour", pace, "Decisions in an hour of looking, pauses left out"),
    ]
    if found.doubled:
        figures += [
            ("seen twice", _share(found.doubled, found.reviewed), "Decided by two reviewers"),
            ("agreement", _share(found.agreed, found.doubled), "Of those, with the same answer"),
        ]
    if found.kappa is not None:
        title = "Cohen's kappa: agreement beyond chance, 1 is perfect"
        figures.append(("kappa", f"{found.kappa:.2f}", title))
    cells = "".join(
        f'<div title="{title}"><dt>{label}</dt><dd data-review="{label}">{value}</dd></div>'
        for label, value, title in figures
    )
    rows = "".join(
        f"<tr{' class=rv-me' if one.name == name else ''}><td>{escape(one.name)}</td>"
        f"<td>{one.decided:,}</td><td>{_share(one.approved, one.decided)}</td>"
        f"<td>{one.fixed:,}</td><td>{_pace(one.decided, one.per_hour)}</td></tr>"
        for one in found.reviewers
    )
    table = (
        '<table class="rv-people"><thead><tr><th>reviewer</th><th>decided</th><th>accepted</th>'
        f"<th>fixed</th><th>per hour</th></tr></thead><tbody>{rows}</tbody></table>"
    )
    return f'<dl class="ds-health rv-figures">{cells}</dl>{table if rows else ""}'


def _pace(decided: int, per_hour: float) -> str:
    """Decisions per hour, once there are enough of them to say so."""
    return f"{per_hour:,.0f}" if decided >= _ENOUGH else "-"


def _share(part: int, whole: int) -> str:
    return percent(part / whole, 0) if whole else "-"
