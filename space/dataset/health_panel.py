"""The Dataset tab's health line: what waits, what failed, when the Hub was told and will be."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

import gradio as gr

from space.pieces import error_html, status_html
from space.review.reviewers import reviewer
from space.services import Services
from space.store import StoreError, health
from space.store.errors import HubError
from space.words import ago, counted, file_size, waiting_time

_log = logging.getLogger(__name__)


def health_html(info: Mapping[str, Any], syncing: bool, now: datetime) -> str:
    """The state of files and Hub as a list of facts.

    Args:
        info: From `Store.info`.
        syncing: Whether this app pushes on its own.
        now: To tell how long ago and how soon.
    """
    facts = [
        ("rejected", f"{info['rejected']:,}", "Records that a reviewer refused"),
        ("size", file_size(info["bytes"]), "Photos, masks and Parquet files"),
        ("shards", f"{info['shards']:,}", "Parquet files; small ones are merged"),
    ]
    if info["hub_dataset"] or syncing:
        facts += [
            ("waiting", f"{info['waiting']:,}", "Approved, and not on the Hub yet"),
            ("failed", f"{info['failed']:,}", "Waiting records that the last push failed to send"),
            ("last push", _then(info["last_push"], now, "never"), "When the Hub was last told"),
            ("next push", _then(info["next_push"], now, "by hand"), "When it will be told next"),
        ]
    cells = "".join(
        f'<div title="{title}"><dt>{name}</dt><dd data-health="{name}">{escape(value)}</dd></div>'
        for name, value, title in facts
    )
    trouble = ""
    if info["last_error"]:
        next_try = ": it is tried again" if syncing else ""
        trouble = (
            '<p class="ds-trouble" role="alert"><b>The last push failed.</b> '
            f"{escape(info['last_error'])} Nothing is lost{next_try}.</p>"
        )
    return f'<dl class="ds-health" aria-label="Health">{cells}</dl>{trouble}'


def _then(moment: str | None, now: datetime, never: str) -> str:
    """A moment as a distance from now."""
    if moment is None:
        return never
    then = datetime.fromisoformat(moment)
    seconds = (then - now).total_seconds()
    if seconds <= 0:
        return ago(then, now)
    return f"in {seconds / 60:.0f} min" if seconds >= 90 else f"in {seconds:.0f} s"


def show(services: Services) -> str:
    """The health line as it is now."""
    return health_html(services.store.info(), services.sync is not None, datetime.now(UTC))


def push_now(
    services: Services, request: gr.Request, profile: gr.OAuthProfile | None = None
) -> str:
    """Push what waits, for a reviewer; a line that says what came of it."""
    sync = services.sync
    if sync is None:
        return error_html("The app was started without --hub-dataset.")
    if reviewer(services.settings, request, profile) is None:
        words = "Only reviewers of this app can push. What is approved goes up on its own."
        return error_html(words)
    try:
        if (left := sync.pause_left()) > 0:
            words = f"The Hub asked for a pause. Try again in {waiting_time(left)}, or let the app"
            return error_html(f"{words} do it.")
        core = services.store.core
        if services.store.info()["last_push"] and not health.due(core, sync.statuses):
            return status_html("done", "Everything that is approved is on the Hub.")
        done = sync.push_now()
    except (ValueError, StoreError) as error:
        _log.warning("%s", error)
        again = " It is tried again on its own." if isinstance(error, HubError) else ""
        return error_html(f"{error}{again}")
    words = f"{counted(done.records, 'record')} pushed"
    if done.withdrawn:
        words += f", {counted(done.withdrawn, 'shard')} withdrawn"
    return status_html("done", f"{words}; {done.on_hub:,} are on {escape(sync.repository)}.")
