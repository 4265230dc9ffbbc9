"""The Dataset tab: five figures, the newest masks, how to use the data, and how to take it back."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import gradio as gr

from space import contributions
from space.dataset import downloads, drawers_panel, health_panel
from space.dataset import record as dataset_record
from space.dataset.view import grid_html, push_html, summary_html, use_html
from space.pieces import COPY, QUIET, error_html, html, status_html
from space.review.reviewers import Sight, sight
from space.services import Services
from space.store import STATUSES, Filters, Record, Store, StoreError

PAGE = 24
ANY = "any"
APPROVED = "approved"
AREAS = {
    ANY: (0.0, 1.0),
    "up to 5 %": (0.0, 0.05),
    "5 to 10 %": (0.05, 0.10),
    "10 to 20 %": (0.10, 0.20),
    "20 to 40 %": (0.20, 0.40),
    "over 40 %": (0.40, 1.0),
}
_NOT_APPROVED = """<div class="ds-empty"><p><b>Nothing is approved yet.</b> What people save is seen
by reviewers first, and here once they have approved it.</p></div>"""
_log = logging.getLogger(__name__)


def build(services: Services, events: Sequence[Callable]) -> None:
    """Lay the tab out inside the Blocks that is being built.

    Args:
        services: The app's parts.
        events: The tab is brought up to date whenever one of them happens, e.g. `page.select`.
    """
    with gr.Column(elem_id="dataset-tab"):
        summary = html("dataset-summary", summary_html(services.store.info()))
        condition = html("dataset-health", health_panel.show(services))
        pushed = _push_button(services)
        with gr.Row(elem_id="dataset-filters"):
            strategy = gr.Dropdown([ANY], value=ANY, label="Strategy", min_width=120)
            status = gr.Dropdown([ANY, *STATUSES], value=ANY, label="Status", min_width=120)
            area = gr.Dropdown(list(AREAS), value=ANY, label="Hole area", min_width=120)
        filters = [strategy, status, area]
        gallery = dataset_record.grid(services)
        more = gr.Button("Show more", elem_id="dataset-more", visible=False)
        shown = gr.State(PAGE)
        drawers_panel.build(services, filters, chosen_filters)
        with gr.Row():
            with gr.Column(min_width=300):
                card = _use_it(services, filters)
            with gr.Column(min_width=300):
                delete, receipt, deleted = _take_back()

    def show(
        strategy: str, status: str, area: str, request: gr.Request, profile: gr.OAuthProfile | None
    ) -> tuple:
        sees = sight(services.settings, request, profile)
        return view(services, strategy, status, area, PAGE, sees)

    def show_more(
        strategy: str, status: str, area: str, shown: int,
        request: gr.Request, profile: gr.OAuthProfile | None,
    ) -> tuple:  # fmt: skip
        sees = sight(services.settings, request, profile)
        return view(services, strategy, status, area, shown + PAGE, sees)

    def on_delete(receipt: str) -> tuple[str, str]:
        return delete_with(services, receipt)

    outputs = [summary, gallery, more, shown, strategy, card, condition]
    whenever = [*events, *(choice.input for choice in filters)]
    gr.on(whenever, show, filters, outputs, **QUIET, trigger_mode="always_last")
    more.click(show_more, [*filters, shown], outputs, **QUIET)
    delete.click(on_delete, receipt, [deleted, receipt], api_visibility="private").then(
        show, filters, outputs, **QUIET
    )
    if pushed is not None:
        pushed(show, filters, outputs, **QUIET)


def _push_button(services: Services) -> Callable | None:
    """Pushes to the Hub at once, where the app pushes at all; what happens when it has."""
    if services.sync is None:
        return None
    with gr.Row(elem_id="push-row"):
        button = gr.Button("Push now", elem_id="push-now", min_width=120, scale=0)
        status = html("push-status")

    def push(request: gr.Request, profile: gr.OAuthProfile | None) -> str:
        return health_panel.push_now(services, request, profile)

    done = button.click(
        push,
        None,
        status,
        api_visibility="private",
        concurrency_id="push",
        concurrency_limit=1,
    )
    return cast("Callable", done.then)


def _use_it(services: Services, filters: Sequence[gr.components.Component]) -> gr.Markdown:
    """How to load the data, downloads of what the filters let through, and the card."""
    gr.Markdown("## Use it", elem_classes="part")
    settings = services.settings
    html("dataset-code", use_html(str(services.store.dataset_dir)), COPY)
    if settings.hub_dataset:
        gr.Markdown(f"What is approved goes to `{settings.hub_dataset}` on its own, or with:")
        html("push-code", push_html(settings.hub_dataset, settings.data_dir), COPY)
    with gr.Row():
        as_zip = gr.Button("Make ZIP", elem_id="export-zip", min_width=120)
        as_parquet = gr.Button("Make Parquet", elem_id="export-parquet", min_width=120)
    status = html("export-status")
    file = gr.File(label="Download", visible=False, elem_id="export-file")

    def writer(kind: str) -> Callable[..., tuple[Any, str]]:
        def write(
            strategy: str, status: str, area: str,
            request: gr.Request, profile: gr.OAuthProfile | None,
        ) -> tuple[Any, str]:  # fmt: skip
            sees = sight(services.settings, request, profile)
            return downloads.make(services, kind, chosen_filters(strategy, status, area, sees))

        return write

    for button, kind in ((as_zip, "zip"), (as_parquet, "parquet")):
        button.click(
            writer(kind),
            filters,
            [file, status],
            api_visibility="private",
            concurrency_id="export",
            concurrency_limit=1,
        )
    with gr.Accordion("Dataset card", open=False):
        return gr.Markdown(elem_id="dataset-card")


def _take_back() -> tuple[gr.Button, gr.Textbox, gr.HTML]:
    """The form for deleting a record."""
    gr.Markdown("## Delete a record", elem_classes="part")
    receipt = gr.Textbox(
        "",
        label="Receipt",
        placeholder="Paste the receipt: id and key",
        elem_id="delete-receipt",
        max_lines=1,
    )
    delete = gr.Button("Delete this record", variant="stop", elem_id="delete-record")
    return delete, receipt, html("delete-status")


def view(
    services: Services, strategy: str, status: str, area: str, count: int, sees: Sight
) -> tuple:
    """Everything that changes with the data: figures, grid, buttons, choices and card."""
    store, filters = services.store, chosen_filters(strategy, status, area, sees)
    try:
        info, used = store.info(), store.strategies()
        records = store.newest(count + 1, filters)
    except (ValueError, StoreError) as error:
        _log.warning("the dataset cannot be shown: %s", error)
        words = "The dataset cannot be read just now. Open this tab once more in a moment."
        return (error_html(words), *(gr.skip() for _ in range(6)))
    now = datetime.now(UTC)
    drawn = [(record, _thumbnail(store, record)) for record in records[:count]]
    grid = grid_html(drawn, now, any_at_all=info["records"] > 0)
    if info["records"] and not info["approved"] and not sees.unreviewed:
        grid = _NOT_APPROVED
    return (
        summary_html(info),
        grid,
        gr.Button(visible=len(records) > count),
        count,
        # Not the value: what was chosen while this was being made would be set back.
        gr.Dropdown([ANY, *sorted({*used, strategy} - {ANY})]),
        _card(store),
        health_panel.health_html(info, services.sync is not None, now),
    )


def chosen_filters(strategy: str, status: str, area: str, sees: Sight) -> Filters:
    """What the three choices on the page stand for, within what somebody may see."""
    low, high = AREAS.get(area, AREAS[ANY])
    wanted = None if status == ANY else status
    if not sees.unreviewed:
        if wanted not in (None, APPROVED):
            low, high = 1.0, 0.0  # nothing is between these
        wanted = APPROVED
    return Filters(
        strategy=None if strategy == ANY else strategy,
        status=wanted,
        min_area=low,
        max_area=high,
        private=sees.private,
    )


def _thumbnail(store: Store, record: Record) -> bytes | None:
    try:
        return store.thumbnail(record)
    except (ValueError, StoreError, OSError) as error:  # also: deleted a moment ago
        _log.warning("no picture of record %s: %s", record.id, error)
        return None


def _card(store: Store) -> str:
    """The card without its YAML."""
    try:
        text = (store.dataset_dir / "README.md").read_text(encoding="utf-8")
    except OSError:
        return ""
    return text.split("---\n", 2)[-1]


def delete_with(services: Services, receipt: str) -> tuple[str, Any]:
    """Delete the record of a pasted receipt; updates for the line about it and the form."""
    words = (receipt or "").split()
    if len(words) != 2:
        message = "Paste the whole receipt: the record's id, a space, and its key."
        return error_html(message), gr.skip()
    try:
        contributions.delete(services.store, words[0], words[1], services.photos)
    except (ValueError, StoreError) as error:
        return error_html(error), gr.skip()
    hub = contributions.on_the_hub(services.store, services.settings.hub_dataset)
    return status_html("done", f"Deleted. Nothing of this record is kept here. {hub}".strip()), ""
