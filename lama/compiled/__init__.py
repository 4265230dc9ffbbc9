"""The quick form of a generator: fewer and cheaper operations, the same weights and answers.

Made from any loaded generator when it is loaded: batch norm folded into convolutions, FFC's local
paths in one convolution, Fourier units with planar spectra and matrix products instead of layout
changes; in 32 bits, in bf16, or with 8-bit convolutions on CPUs that have instructions for them.
"""

from __future__ import annotations

from lama.compiled.check import agreement
from lama.compiled.convolution import int8_works
from lama.compiled.rewrite import compile_generator

__all__ = ["agreement", "compile_generator", "int8_works"]
