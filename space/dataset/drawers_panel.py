"""The Dataset tab's fold 'Who draws what': plots on demand, and a strategy like the users."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr

import masks
from space.dataset import drawers
from space.pieces import error_html, html, status_html
from space.review.reviewers import Sight, sight
from space.services import Services
from space.store import Filters, StoreError

LIKE_USERS = "like my users"
_Chosen = Callable[[str, str, str, Sight], Filters]


def build(services: Services, filters: Sequence[gr.components.Component], chosen: _Chosen) -> None:
    """Lay the fold out inside the Blocks that is being built.

    Args:
        services: The app's parts.
        filters: Strategy, status and area, as the tab's choices have them.
        chosen: What these stand for, for somebody who may see so much.
    """
    with gr.Accordion("Who draws what", open=False, elem_id="who-draws"):
        with gr.Row(equal_height=True, elem_id="who-draws-row"):
            strategy = gr.Dropdown(
                [*masks.names(), LIKE_USERS],
                value="training",
                label="Compare the masks above with",
                elem_id="who-draws-strategy",
            )
            look = gr.Button("Look", elem_id="who-draws-look", min_width=120)
        plots = html("who-draws-plots")
        note = html("who-draws-note")
        file = gr.File(label="A strategy that draws like this", visible=False, elem_id="like-users")

    def on_look(
        name: str, strategy: str, status: str, area: str,
        request: gr.Request, profile: gr.OAuthProfile | None,
    ) -> tuple[Any, Any, Any]:  # fmt: skip
        sees = sight(services.settings, request, profile)
        return compare(services, name, chosen(strategy, status, area, sees))

    look.click(
        on_look,
        [strategy, *filters],
        [plots, note, file],
        api_visibility="private",
        concurrency_id="who-draws",
        concurrency_limit=1,
    )


def compare(services: Services, name: str, filters: Filters) -> tuple[Any, Any, Any]:
    """Updates for plots, the line under them, and the file."""
    try:
        found = drawers.users(services.store, filters)
        other = (
            drawers.fitted_look(found.examples)
            if name == LIKE_USERS
            else drawers.strategy_look(name)
        )
        served = drawers.keep(found.examples, services.exports.place())
        if filters.private:  # at the machine itself, which trains with what all have drawn
            kept = drawers.keep(found.examples, services.settings.folders.dataset_exports)
    except (ValueError, StoreError, OSError) as error:
        return "", error_html(error), gr.File(visible=False)
    words = (
        f"Fitted to {found.examples.masks:,} masks. Use it as a strategy anywhere: "
        '<code>masks.get("fitted:masks-like-users.json")</code>'
    )
    if filters.private:
        words += f"; here it is <code>fitted:{escape(str(kept.resolve()))}</code>"
    return (
        drawers.plots_html(found.look, other, name),
        status_html("done", words + "."),
        gr.File(str(served), visible=True),
    )
