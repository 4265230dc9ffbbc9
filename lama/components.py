"""Principal components, by which patches of a picture are compared in a few numbers each."""

from __future__ import annotations

import torch
from torch import Tensor

ITERATIONS = 6  # of the subspace
SAMPLE = 2000  # patches that components are taken from, about


def sampled(patches: Tensor) -> Tensor:
    """Evenly spread ones of (N, ...), or of what stands for them: enough for their components."""
    return patches[:: max(1, len(patches) // SAMPLE)]


def principal_components(samples: Tensor, count: int) -> Tensor:
    """(D, count) orthonormal directions in which (N, D) samples vary most."""
    samples = samples - samples.mean(0)
    covariance = samples.t() @ samples
    # By subspace iteration: any basis of the components' space does, and it always ends, which
    # eigenvalue solvers do not for some flat pictures.
    source = torch.Generator().manual_seed(0)
    basis = torch.randn((len(covariance), count), generator=source).to(covariance)
    for _ in range(ITERATIONS):
        basis = torch.linalg.qr(covariance @ basis).Q
    return basis
