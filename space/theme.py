"""How the app looks: Gradio's own variables, one accent, system fonts; nothing from elsewhere."""

from pathlib import Path

import gradio as gr

from space.pieces import joined

_HERE = Path(__file__).parent
_STYLES = (
    "page.css",
    "plots.css",
    "canvas/canvas.css",
    "canvas/panel.css",
    "mask_lab/lab.css",
    "save_sheet.css",
    "dataset/dataset.css",
    "review/review.css",
    "train/train.css",
    "inside/inside.css",
)


def head() -> str:
    """What goes into the page's head: our styles, untouched by Gradio's scoping, and the script."""
    css = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _STYLES)
    # In a function, so that nothing of it is the page's.
    return f"<style>{css}</style><script>(() => {{\n{joined(_HERE / 'page.js')}\n}})();</script>"


_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "DejaVu Sans Mono", "monospace")


def theme() -> gr.themes.Base:
    """Gradio's base theme in neutral greys with one accent."""
    accent = gr.themes.Color(
        name="pine",
        c50="#ecfaf6", c100="#d2f3ea", c200="#a8e6d6", c300="#72d2bd", c400="#3fb59f",
        c500="#1f9a86", c600="#0f7a6b", c700="#0d6257", c800="#0e4e46", c900="#0d403a",
        c950="#052521",
    )  # fmt: skip
    return gr.themes.Base(
        primary_hue=accent,
        secondary_hue=accent,
        neutral_hue=gr.themes.colors.zinc,
        radius_size=gr.themes.sizes.radius_md,
        font=_FONTS,
        font_mono=_MONO,
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_text_color="white",
        slider_color="*primary_600",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        button_cancel_text_color="#991b1b",
        button_cancel_text_color_dark="#fecaca",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
        block_shadow="none",
        block_label_background_fill="transparent",
    )
