"""One record of the Dataset tab, large: what opens when a mask of the grid is pressed."""

import secrets
from pathlib import Path
from typing import Any

import gradio as gr

import masks
from space.pieces import QUIET, error_html, html, jpeg_url
from space.review.reviewers import Sight, sight
from space.review.view import facts_html, pair_of
from space.services import Services
from space.store import StoreError

_HERE = Path(__file__).parent


def grid(services: Services) -> gr.HTML:
    """The grid of masks, with the record that is pressed over it."""
    gallery = html("dataset-gallery", script=_HERE / "grid.js")
    record = html("dataset-record", script=_HERE / "record.js")

    def look(event: gr.EventData, request: gr.Request, profile: gr.OAuthProfile | None) -> str:
        sees = sight(services.settings, request, profile)
        return record_html(services, getattr(event, "record", None), sees)

    gallery.click(look, None, record, **QUIET)
    return gallery


def record_html(services: Services, record_id: Any, sees: Sight) -> str:  # noqa: ANN401
    """Photo, mask and facts of a record, for somebody who may see it.

    Args:
        services: The app's parts.
        record_id: As the page sent it.
        sees: What this visitor may see.
    """
    try:
        record = services.store.get(str(record_id))
        hidden = record.licence == "private" and not sees.private
        if hidden or (record.status != "approved" and not sees.unreviewed):
            raise StoreError("This record cannot be shown here.")
        pair = pair_of(services.store, record)
    except (ValueError, StoreError, OSError) as error:
        content = error_html(error)
    else:
        described = f"A mask over a photo of {record.width} by {record.height} pixels"
        picture = jpeg_url(masks.overlay(pair.rgb, pair.mask))
        known = [("status", record.status), ("id", record.id)]
        image = f'<img alt="{described}" src="{picture}" />'
        content = f"{image}{facts_html(record, pair, known)}"
    close = '<form method="dialog"><button>Close</button></form>'
    turn = secrets.token_hex(4)  # the same record a second time is a new answer all the same
    return (
        f'<dialog class="ds-record" aria-label="Record" data-turn="{turn}">'
        f"{content}{close}</dialog>"
    )
