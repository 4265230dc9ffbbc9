"""Winograd's 3x3 convolution (Lavin and Gray 2016): a quarter of the multiplications.

Tiles of 6x6 pixels that overlap by two become 4x4 outputs: rows and columns are transformed by
small matrices, each of the 36 numbers of a tile gets a matrix product over channels of its own,
and what comes out is transformed back. Notation of arXiv 1509.09308: Y = A^T [U * (B^T d B)] A.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lama.compiled.convolution import Codes, Convolution, Geometry, convolve, pack

_TILE, _STEP = 6, 4  # pixels of a tile, outputs of a tile
# With 0, +-1, +-2 rounding errors are four times as large.
_POINTS = (0.0, math.sqrt(0.5), -math.sqrt(0.5), math.sqrt(2), -math.sqrt(2))
_LEAST_CHANNELS = 96  # below that the transforms cost more than they save
_AT_ONCE = 1 << 22  # numbers in a strip of transformed tiles: 16 MB, a share of the L3 cache


class WinogradConvolution(Convolution):
    """A 3x3 convolution of stride 1 by F(4x4, 3x3), in float32; any size of map.

    Args: as `Convolution`.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, geometry: Geometry, relu: bool, dtype: torch.dtype
    ) -> None:
        super().__init__(weight, bias, geometry, relu, dtype)
        del self.weight
        self.outputs, self.inputs = weight.shape[:2]
        forth, kernel, back = transforms()
        self.register_buffer("forth", forth.float())
        self.register_buffer("back", back.float())
        tiles = torch.einsum("ai,bj,kcij->abkc", kernel, kernel, weight.double())
        # A constant over the tile is this in front of the back transform.
        one = torch.linalg.lstsq(back, torch.ones(_STEP, 1, dtype=back.dtype)).solution[:, 0]
        biases = torch.einsum("a,b,k->abk", one, one, bias.double())
        self.register_buffer("bias", biases.flatten(1).float())
        hint = (1, _TILE * self.inputs, 16, 16)
        # Packed weights have no storage that could be copied or moved, so they are no buffers.
        self.packed = [
            pack(row.flatten(0, 1)[..., None, None].float(), hint, groups=_TILE) for row in tiles
        ]

    @staticmethod
    def pays(weight: Tensor, geometry: Geometry, dtype: torch.dtype) -> bool:
        """Whether it is quicker for this weight (C_out, C_in, k, k)."""
        plain = geometry.stride == geometry.dilation == geometry.padding == (1, 1)
        wide = min(weight.shape[:2]) >= _LEAST_CHANNELS
        return plain and wide and weight.shape[2:] == (3, 3) and dtype == torch.float32

    def forward(self, x: Tensor | Codes, add: Tensor | None = None) -> Tensor:
        """See `Convolution.forward`."""
        x = (x.real() if isinstance(x, Codes) else x).to(self.dtype)
        B, _, H, W = x.shape
        y = torch.empty((B, H, W, self.outputs))
        rows, columns = -(-H // _STEP), -(-W // _STEP) + 1
        wide = max(self.inputs, self.outputs)
        strips = -(-rows * columns * _TILE**2 * wide // _AT_ONCE)
        step = -(-rows // strips)
        for picture, out in zip(x.permute(0, 2, 3, 1), y, strict=True):
            padded = self._padded(picture, rows, columns)
            for first in range(0, rows, step):
                tiles = min(step, rows - first)
                strip = padded[_STEP * first : _STEP * (first + tiles) + _TILE - _STEP]
                part = out[_STEP * first : _STEP * (first + tiles)]
                found = self._strip(strip, tiles, columns)[: len(part), :W]
                if add is None and self.relu:
                    torch.clamp_min(found, 0, out=part)
                else:
                    part.copy_(found)
        result = y.permute(0, 3, 1, 2)
        if add is not None:
            result += add
            return result.relu_() if self.relu else result
        return result

    def _padded(self, picture: Tensor, rows: int, columns: int) -> Tensor:
        """(H, W, C) with its border, up to whole tiles; a tile's width more than they need."""
        H, W, C = picture.shape
        padded = torch.empty((_STEP * rows + _TILE - _STEP, _STEP * columns, C))
        padded[1 : H + 1, 1 : W + 1] = picture
        padded[H + 2 :] = 0
        padded[:, W + 2 :] = 0
        if self.geometry.reflect:
            padded[0, 1 : W + 1], padded[H + 1, 1 : W + 1] = picture[1], picture[H - 2]
            padded[: H + 2, 0], padded[: H + 2, W + 1] = padded[: H + 2, 2], padded[: H + 2, W - 1]
        else:
            padded[0] = padded[H + 1] = 0
            padded[:, 0] = padded[:, W + 1] = 0
        return padded

    def _strip(self, padded: Tensor, rows: int, columns: int) -> Tensor:
        """Padded rows (4 rows + 2, 4 columns, C_in) to (4 rows, 4 columns, C_out).

        A row of tiles starts a multiple of four pixels after the one above it, so that all tiles
        of the strip are one strided view; the last tile of each row is none and not looked at.
        """
        forth, back = self.get_buffer("forth"), self.get_buffer("back")
        C, line = self.inputs, _STEP * columns * self.inputs
        beyond = (_TILE - _STEP) * C  # the last tile's view ends after the last row
        memory = torch.empty(_TILE * rows * line + beyond)
        memory[-beyond:] = 0
        by_row = memory[:-beyond].view(_TILE, rows, line)
        for i in range(rows):
            tile = padded[_STEP * i : _STEP * i + _TILE].view(_TILE, line)
            torch.mm(forth, tile, out=by_row[:, i])
        tiles = rows * columns
        views = memory.as_strided((_TILE * tiles, _TILE, C), (_STEP * C, C, 1))
        d = torch.bmm(forth.expand(len(views), -1, -1), views).view(_TILE, rows, columns, -1)
        by_column = torch.empty((_TILE, tiles, _STEP, self.outputs))
        back_of_each = back.expand(tiles, -1, -1)
        for given, packed, bias, out in zip(
            d.permute(0, 3, 1, 2), self.packed, self.get_buffer("bias"), by_column, strict=True
        ):
            m = convolve(given[None], packed, bias, groups=_TILE).permute(0, 2, 3, 1)
            torch.bmm(back_of_each, m.view(tiles, _TILE, self.outputs), out=out)
        y = torch.empty((rows, _STEP, _STEP * columns * self.outputs))
        for i, out in enumerate(y):
            torch.mm(back, by_column.view(_TILE, rows, -1)[:, i], out=out)
        return y.view(_STEP * rows, _STEP * columns, self.outputs)


def transforms() -> tuple[Tensor, Tensor, Tensor]:
    """B^T (6, 6) for pixels, G (6, 3) for kernels and A^T (4, 6) for what comes out, float64.

    Polynomials through five points and infinity, multiplied (Toom and Cook); transposed.
    """
    points = torch.tensor(_POINTS, dtype=torch.float64)
    forth = torch.zeros(_TILE, _TILE, dtype=torch.float64)
    for i in range(len(points)):
        others = torch.cat([points[:i], points[i + 1 :]])
        forth[i, : len(points)] = _polynomial(others) / (points[i] - others).prod()
    forth[-1] = _polynomial(points)
    infinity = torch.zeros(_TILE, 1, dtype=torch.float64)
    infinity[-1] = 1
    powers = points[:, None] ** torch.arange(_STEP)
    kernel = torch.zeros(_TILE, 3, dtype=torch.float64)
    kernel[:-1], kernel[-1, -1] = powers[:, :3], 1
    back = torch.zeros(_STEP, _TILE, dtype=torch.float64)
    back[:, :-1], back[-1, -1] = powers.t(), 1
    return forth, kernel, back


def _polynomial(roots: Tensor) -> Tensor:
    """Coefficients of the product of (x - root), the constant first."""
    coefficients = torch.ones(1, dtype=torch.float64)
    for root in roots:
        higher = torch.nn.functional.pad(coefficients, (1, 0))
        coefficients = higher - root * torch.nn.functional.pad(coefficients, (0, 1))
    return coefficients
