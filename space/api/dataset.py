"""The endpoints /log_mask, /delete_record and /dataset_info: plain files and words in and out."""

from typing import Any

import gradio as gr

from lama.photo import open_mask, open_photo
from space import contributions
from space.pieces import plainly
from space.services import Services
from space.store import DRAWN, Submission
from space.strategies import known_strategy
from space.uploads import sent
from space.visitors import visitor

_NO_MASK = "Send a mask: a picture of the image's size, black where there is no hole."


def register(services: Services) -> None:
    """Add the endpoints to the Blocks that is being built."""

    def log_mask(
        image: str, mask: str, licence: str, consent: bool, strategy: str, note: str,
        request: gr.Request, profile: gr.OAuthProfile | None,
    ) -> tuple[str, str]:  # fmt: skip
        who = visitor(services.settings, request, profile)
        with plainly():
            services.pace.keep(who)
            alias = contributions.contributor(services.store, who.name)
        return run_log_mask(services, image, mask, licence, consent, strategy, note, alias)

    def delete_record(record_id: str, receipt: str) -> str:
        return run_delete(services, record_id, receipt)

    def dataset_info() -> dict[str, Any]:
        with plainly():
            return services.store.info()

    with gr.Row(visible=False):  # a value makes a parameter optional
        image, mask = gr.File(label="image"), gr.File(label="mask")
        licence = gr.Textbox("", label="licence")
        consent = gr.Checkbox(False, label="consent")
        strategy, note = gr.Textbox(DRAWN, label="strategy"), gr.Textbox("", label="note")
        record_id, receipt = gr.Textbox("", label="record_id"), gr.Textbox("", label="receipt")
        status, info = gr.Textbox(label="status"), gr.JSON(label="info")
        log, delete, ask = gr.Button(), gr.Button(), gr.Button()
    log.click(
        log_mask,
        [image, mask, licence, consent, strategy, note],
        [record_id, receipt],
        api_name="log_mask",
        api_description="Save a photo and its mask into the dataset. Hole is what is not black in "
        "the mask, or, where parts of it are transparent, what is not. Needs consent and a "
        "licence: cc0-1.0, cc-by-4.0 or private. Answers with the record's id and its receipt, "
        "which deletes it again.",
    )
    delete.click(
        delete_record,
        [record_id, receipt],
        status,
        api_name="delete_record",
        api_description="Delete a record for good, with the receipt from saving it.",
    )
    ask.click(
        dataset_info,
        None,
        info,
        api_name="dataset_info",
        api_description="How many records and photos there are, their status, and bytes on disk.",
    )


def run_log_mask(
    services: Services,
    image: str | None,
    mask: str | None,
    licence: str,
    consent: bool,
    strategy: str,
    note: str,
    contributor: str = "anonymous",
) -> tuple[str, str]:
    """Save the files of a photo and a mask.

    Args:
        services: The app's parts.
        image: Path of the photo.
        mask: Path of the mask, of the photo's upright size; what is not black or clear is hole.
        licence: See `space.store.LICENCES`.
        consent: Has to be true.
        strategy: `drawn`, or the name of a strategy of `masks`.
        note: Anything worth knowing, or empty.
        contributor: A pseudonym.

    Returns:
        The record's id and its receipt's token.
    """
    with plainly():
        photo = sent(image, "Send an image.")
        drawn = sent(mask, _NO_MASK)
        name = known_strategy(strategy, DRAWN, DRAWN)
        most = services.photos.max_pixels
        size = open_photo(photo, max_pixels=most).size
        submission = Submission(
            image_bytes=photo.read_bytes(),
            mask=open_mask(drawn, size, most),
            licence=(licence or "").strip().lower(),
            consent=consent is True,
            strategy=name,
            contributor=contributor,
            note=note or "",
        )
        receipt = contributions.save(services, submission)
    return receipt.record_id, receipt.token


def run_delete(services: Services, record_id: str, receipt: str) -> str:
    """Delete a record; returns a sentence that says so."""
    with plainly():
        words = ((record_id or "").strip(), (receipt or "").strip())
        contributions.delete(services.store, *words, services.photos)
    hub = contributions.on_the_hub(services.store, services.settings.hub_dataset)
    return f"The record {record_id.strip()} is deleted. {hub}".strip()
