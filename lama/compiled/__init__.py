"""The compiled form of a generator: fewer and cheaper operations, the same weights and answers.

Made from any loaded generator when it is loaded: batch norm folded into convolutions, FFC's local
paths in one convolution, wide 3x3 convolutions by Winograd's algorithm, few changes of layout in
Fourier units; in 32 bits, in bf16, or with 8-bit convolutions on CPUs that have instructions for
them.
"""

from __future__ import annotations

from lama.compiled.check import agreement
from lama.compiled.convolution import int8_works
from lama.compiled.rewrite import compile_generator

__all__ = ["agreement", "compile_generator", "int8_works"]
