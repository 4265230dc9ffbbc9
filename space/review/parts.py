"""The components of the Review tab, and of the bar over the canvas while a mask is being mended."""

from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block


@dataclass(frozen=True)
class FixBar:
    """The bar over the canvas while a mask is being mended."""

    group: gr.Column
    words: gr.HTML
    accept: gr.Button
    back: gr.Button
    record_id: gr.State
    named: gr.Textbox  # the same on the page, which outlives a restart of the app

    @property
    def changing(self) -> list[Block]:
        """What changes as the bar comes and goes."""
        return [self.group, self.words, self.record_id, self.named]


@dataclass(frozen=True)
class Parts:
    """The components of the tab."""

    picture: gr.HTML
    filled: gr.HTML
    facts: gr.HTML
    progress: gr.HTML
    status: gr.HTML
    current: gr.State
    second: gr.Checkbox
    buttons: dict[str, gr.Button]
    seen: gr.Textbox  # the record that the page shows, filled in by the page
    go: gr.Textbox  # the tab that the page goes to next

    @property
    def shown(self) -> list[Block]:
        """What changes with every record."""
        return [
            *(self.picture, self.filled, self.facts, self.progress, self.current, self.status),
            *self.buttons.values(),
            self.second,
        ]
