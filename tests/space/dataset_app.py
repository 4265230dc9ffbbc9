"""Services with a real store and no network, and a small page with what this room has to show."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from space import save_sheet, theme
from space.api import dataset as api_dataset
from space.dataset import tab as dataset_tab
from space.engine import Engine, InpaintResult, ModelInfo
from space.photos import PhotoShelf
from space.services import Services
from space.settings import Settings
from space.store import Store

if TYPE_CHECKING:
    from lama.inside import Inside


class NoEngine(Engine):
    """Nothing here inpaints."""

    def models(self) -> tuple[ModelInfo, ...]:
        return ()

    def _inpaint(self, *_: object) -> InpaintResult:
        raise NotImplementedError

    def _inside(self, *_: object) -> "Inside":
        raise NotImplementedError

    def download(self, *_: object) -> None:
        raise NotImplementedError


def make_services(data_dir: Path, **settings: object) -> Services:
    chosen = Settings(data_dir=data_dir, **settings)
    return Services(NoEngine(), Store.open(data_dir), chosen, PhotoShelf(chosen.folders.photos))


def build(services: Services) -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as demo:
        canvas = gr.HTML(value=None, elem_id="inpaint-canvas")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Inpaint", id="inpaint"):
                save_sheet.build(services, canvas)
            with gr.Tab("Dataset", id="dataset") as tab:
                dataset_tab.build(services, [tab.select, demo.load])
        api_dataset.register(services)
    return demo


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--port", type=int)
    given = parser.parse_args()
    build(make_services(given.data_dir)).launch(
        server_port=given.port, theme=theme.theme(), head=theme.head()
    )
