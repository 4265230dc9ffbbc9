"""The page: a slim header and the tabs. Composition only; each tab lives in its own module."""

from html import escape
from pathlib import Path

import gradio as gr

from space import inpaint_tab, masks_tab, text
from space.api import dataset as api_dataset
from space.api import inpaint as api_inpaint
from space.api import masks as api_masks
from space.api import select as api_select
from space.dataset import tab as dataset_tab
from space.inside import tab as inside_tab
from space.origin import LocalBlocks
from space.review import tab as review_tab
from space.services import Services
from space.settings import Settings
from space.train import tab as train_tab

SAMPLES = Path(__file__).parent.parent / "assets" / "samples"


def build(services: Services) -> gr.Blocks:
    """The whole page over the given services."""
    with LocalBlocks(
        title="LaMa: paint over it, it is gone",
        analytics_enabled=False,
        delete_cache=(3600, 6 * 3600),
    ) as demo:
        gr.HTML(_header(services.settings.model), elem_id="head", js_on_load=None)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Inpaint", id="inpaint"):
                mending = review_tab.fix_bar()
                canvas = inpaint_tab.build(services, SAMPLES)
            with gr.Tab("Masks", id="masks"):
                masks_tab.build(services, canvas, SAMPLES)
            with gr.Tab("Dataset", id="dataset") as page:
                dataset_tab.build(services, [page.select, demo.load])
            with gr.Tab("Review", id="review") as page:
                review_tab.build(services, canvas, mending, [page.select])
            with gr.Tab("Train", id="train") as page:
                train_tab.build(services, canvas, [page.select])
            with gr.Tab("Inside", id="inside") as page:
                inside_tab.build(services, canvas, SAMPLES, [page.select])
        api_inpaint.register(services)
        api_masks.register(services)
        api_select.register(services)
        api_dataset.register(services)
    return demo


def served_folders(settings: Settings) -> list[str]:
    """Folders whose files a browser may fetch by their address."""
    exports = settings.folders.exports
    exports.mkdir(parents=True, exist_ok=True)
    return [str(exports.resolve()), str(SAMPLES.resolve())]


def _header(model: str) -> str:
    return f"""
<header class="lama-head">
  <h1 class="lama-head-name">{text.NAME}</h1><p class="lama-head-line">{text.LINE}</p>
  <span class="lama-model" id="model-in-use">{escape(Path(model).name)}</span>
  <button id="theme-toggle" type="button" aria-label="Change between light and dark">
    <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 3v18M12 3a9 9 0 0 1 0 18" /><circle
      cx="12" cy="12" r="9" /><path d="M12 7h4M12 11h7M12 15h6" /></svg>
  </button>
</header>"""
