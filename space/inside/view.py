"""The Inside tab's HTML: heat maps of reach, levels of the fill, branches of the blocks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import cv2
import numpy as np

from space.pieces import png_url
from space.words import percent

if TYPE_CHECKING:
    from lama.inside import Inside, Level, Reach

_DECADES = 4
"""Influence is shown over so many powers of ten."""
_CHROMA = 32.0


def inside_html(found: Inside, model: str, source: str) -> str:
    """Everything that was found, in three sections.

    Args:
        found: What `lama.inside.look` says.
        model: Its title.
        source: What photo it is, for a line above.
    """
    height, width = found.hole.shape
    words = f"{escape(source)} {escape(model)} in 32 bits, looking at {width} x {height} pixels."
    parts = [f'<p class="in-source" role="status">{words}</p>', _reach_section(found)]
    if found.levels:
        parts.append(_levels_section(found))
    if found.blocks:
        parts.append(_blocks_section(found))
    return f'<div class="in-view">{"".join(parts)}</div>'


def _reach_section(found: Inside) -> str:
    x, y = found.point
    crop, (height, width) = found.crop, found.hole.shape
    asked = (
        f'<div class="in-ask" tabindex="0" role="application" data-left="{crop.left}" '
        f'data-top="{crop.top}" data-width="{crop.width}" data-height="{crop.height}" '
        f'aria-label="The hole. Arrow keys move the cross, Enter asks about the pixel under it.">'
        f"{_image(marked(found), 'The part of the photo around the hole')}"
        f'<i class="in-cross" style="left:{100 * (x + 0.5) / width:.2f}%;'
        f'top:{100 * (y + 0.5) / height:.2f}%"></i></div>'
    )
    figures = [
        _figure(asked, "<b>The pixel asked about.</b> Click another one in the hole."),
        _figure(
            _image(heat(found.rgb, found.reach), "Influence with Fourier units"),
            f"<b>What decides it:</b> a tenth comes from farther than {found.reach.radius:.0f} "
            "pixels away.",
        ),
    ]
    if found.silenced is not None:
        figures.append(
            _figure(
                _image(heat(found.rgb, found.silenced), "Influence without Fourier units"),
                f"<b>Fourier units silenced:</b> from farther than {found.silenced.radius:.0f} "
                "pixels. What is left goes through convolutions.",
            )
        )
    scale = '<p class="in-scale"><span>a ten-thousandth</span><i></i><span>strongest</span></p>'
    return _section("What one pixel of the fill looks at", _row(figures) + scale)


def _levels_section(found: Inside) -> str:
    rows = [_level(level, first=not number) for number, level in enumerate(found.levels)]
    done = _figure(_image(found.result, "The filled picture"), "<b>Filled.</b>")
    return _section("From coarse to fine", "".join(rows) + _row([done]))


def _level(level: Level, first: bool) -> str:
    height, width = level.hole.shape
    guess = "smooth colours" if first else "its own coarser answer, enlarged"
    given = f"<b>{width} x {height} pixels.</b> The first guess: {guess}."
    figures = [_figure(_image(level.guess, "The first guess"), given)]
    if level.copied is not None and level.share is not None:
        mean = float(level.share[level.hole].mean()) if level.hole.any() else 0.0
        share = np.repeat((level.share * 255).astype(np.uint8)[..., None], 3, axis=2)
        figures += [
            _figure(
                _image(level.copied, "The hole filled from patches of the photo"),
                "<b>A copy</b> put together from patches of the photo.",
            ),
            _figure(
                _image(share, "How much of the copy is taken"),
                f"<b>{percent(mean, 0)} of it is taken;</b> white: all of it.",
            ),
        ]
    return _row(figures)


def _blocks_section(found: Inside) -> str:
    columns = []
    for number, block in enumerate(found.blocks, start=1):
        before, after = spectra(block.before, block.after)
        pictures = "".join(
            _image(picture, f"{what} of block {number}")
            for what, picture in (
                ("Local branch", colours(block.local)),
                ("Global branch", colours(block.broad)),
                ("Spectrum before the Fourier unit", before),
                ("Spectrum after the Fourier unit", after),
            )
        )
        columns.append(
            f"<li><h3>Block {number}</h3>{pictures}<p>{percent(block.share, 0)} through</p></li>"
        )
    names = ("Local branch", "Global branch", "Spectrum in", "Spectrum out")
    side = "".join(f"<span>{name}</span>" for name in names)
    words = (
        "The three strongest patterns of each branch as brightness and two colours, and the mean "
        "amplitude at each frequency (0 in the middle) before and after the block's Fourier unit. "
        "Below: how much of the global path went through the unit, by power."
    )
    height, width = found.blocks[0].before.shape
    grid = (
        f'<div class="in-blocks" style="--shape:{height / width:.4f}">'
        f'<div class="in-names">{side}</div><ol>{"".join(columns)}</ol>'
    )
    return _section("Block by block", f"<p>{words}</p>{grid}</div>")


def marked(found: Inside) -> np.ndarray:
    """The part of the photo with its hole in red."""
    picture = found.rgb.copy()
    picture[found.hole] = (186, 66, 58)
    return picture


def heat(rgb: np.ndarray, reach: Reach) -> np.ndarray:
    """Influence as colours over the darkened picture, uint8 (h, w, 3).

    The colours run over four powers of ten, since a few near pixels weigh most.
    """
    smooth = cv2.GaussianBlur(reach.influence, (0, 0), 1.0)
    strongest = float(smooth.max()) or 1.0
    level = 1 + np.log10(np.maximum(smooth / strongest, 1e-12)) / _DECADES
    level = np.clip(level, 0, 1)
    colour = cv2.applyColorMap((level * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None] * 0.35
    share = np.clip(level * 1.4, 0, 0.9)[..., None]
    return (grey * (1 - share) + colour * share).astype(np.uint8)


def colours(maps: np.ndarray) -> np.ndarray:
    """Maps (C, h, w) by their three principal components: brightness and two colours."""
    channels, height, width = maps.shape
    values = maps.reshape(channels, -1).astype(np.float64)
    values -= values.mean(1, keepdims=True)
    _, vectors = np.linalg.eigh(values @ values.T)
    basis = vectors[:, ::-1][:, :3]
    basis = basis * np.where(basis.sum(0) < 0, -1, 1)  # a sign that does not flip by chance
    parts = basis.T @ values
    parts /= parts.std(1, keepdims=True) + 1e-9
    lab = np.full((3, height * width), 0, np.float32)
    lab[0] = np.clip(50 + 24 * parts[0], 0, 100)
    lab[1 : len(parts)] = np.clip(_CHROMA * parts[1:], -90, 90)
    rgb = cv2.cvtColor(lab.T.reshape(height, width, 3), cv2.COLOR_LAB2RGB)
    return (np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def spectra(before: np.ndarray, after: np.ndarray) -> list[np.ndarray]:
    """Two spectra on one scale of logarithms, as colours."""
    logs = [np.log10(np.maximum(x, 1e-6)) for x in (before, after)]
    low, high = np.quantile(np.stack(logs), [0.02, 0.999])
    scaled = [np.clip((x - low) / max(high - low, 1e-6), 0, 1) * 255 for x in logs]
    return [
        cv2.applyColorMap(x.astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1].copy()
        for x in scaled
    ]


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>"


def _row(figures: list[str]) -> str:
    return f'<div class="in-row">{"".join(figures)}</div>'


def _figure(picture: str, words: str) -> str:
    return f"<figure>{picture}<figcaption>{words}</figcaption></figure>"


def _image(pixels: np.ndarray, alt: str) -> str:
    height, width = pixels.shape[:2]
    return f'<img alt="{escape(alt)}" width="{width}" height="{height}" src="{png_url(pixels)}" />'
