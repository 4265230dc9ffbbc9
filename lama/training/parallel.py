"""Several processes that train as one: their step is the step of one process with the whole batch.

Every process takes an equal share of the batch. Batch-norm statistics are those of the whole batch,
gradients are averaged, and a loss that divides by something counted in the batch divides by the
average of it over the processes, so that the average of the losses is the loss of the whole.

Gradients are averaged here and not by DistributedDataParallel, which allows one forward pass
before a backward pass: the discriminator has up to three, and R1 differentiates twice.

Without a process group, or with one process in it, everything here does nothing.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, distributed, nn


def world_size() -> int:
    """How many processes train together."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 1
    return distributed.get_world_size()


def rank() -> int:
    """This process's number, from 0."""
    return distributed.get_rank() if world_size() > 1 else 0


def leave_at_exit() -> None:
    """Leave the process group before Python ends, however the program does.

    Gloo's threads may still hold the tensors of the last exchange. If they let go of them while
    Python is being torn down, a run that ended well ends in SIGABRT and its launcher says failed.
    Other backends are left to end with the process: theirs may wait for a process that failed.
    """
    if world_size() > 1 and "gloo" in distributed.get_backend():
        atexit.unregister(_leave)  # two runs in one program leave once
        atexit.register(_leave)


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


class _SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes. Its gradient is the same sum, so twice is fine."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401 - torch's own type is Any
        total = x.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]  # noqa: ANN401
        return _SumOverProcesses.apply(gradient)


def mean_over_processes(x: Tensor) -> Tensor:
    """Average a tensor of the same shape over all processes, differentiably."""
    return x if world_size() == 1 else _SumOverProcesses.apply(x) / world_size()


class WholeBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the batch of all processes, on any device, twice differentiable.

    `nn.SyncBatchNorm` is for GPUs alone and cannot be differentiated twice, which R1 needs. Mean
    and variance take one exchange each: the difference of two large sums would cost digits.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - as torch calls it
        """Normalise (B, C, H, W); every process has the same shape."""
        if not self.training or world_size() == 1:
            return super().forward(input)
        x = input.float()
        mean = mean_over_processes(x.mean((0, 2, 3)))
        centred = x - mean.view(1, -1, 1, 1)
        variance = mean_over_processes(centred.square().mean((0, 2, 3)))
        self._remember(mean.detach(), variance.detach(), x.numel() // x.shape[1] * world_size())
        scale = torch.rsqrt(variance + self.eps) * self.weight
        out = centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return out.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        # The running variance is the unbiased one, as in torch.
        self.running_var.lerp_(variance * count / (count - 1), self.momentum)


def share_batch_norm(module: nn.Module) -> nn.Module:
    """Replace every batch norm below a module by one over all processes; parameters stay."""
    if world_size() > 1:
        for parent in list(module.modules()):
            for name, child in list(parent.named_children()):
                if type(child) is nn.BatchNorm2d:
                    setattr(parent, name, _whole(child))
    return module


def _whole(norm: nn.BatchNorm2d) -> WholeBatchNorm2d:
    whole = WholeBatchNorm2d(norm.num_features, norm.eps, norm.momentum)
    whole.weight, whole.bias = norm.weight, norm.bias
    for name, buffer in norm.named_buffers():
        setattr(whole, name, buffer)
    return whole.train(norm.training)


@torch.no_grad()
def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Average the gradients over the processes, in one exchange for each type of number."""
    if world_size() == 1:
        return
    kinds: dict[torch.dtype, list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            kinds.setdefault(parameter.grad.dtype, []).append(parameter.grad)
    for gradients in kinds.values():
        flat = torch.cat([g.flatten() for g in gradients])
        distributed.all_reduce(flat)
        flat /= world_size()
        for gradient, part in zip(
            gradients, flat.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(part.view(gradient.shape))


@torch.no_grad()
def gather(x: Tensor) -> Tensor:
    """The rows of every process, the first one's first; all have equally many."""
    if world_size() == 1:
        return x
    parts = [torch.empty_like(x) for _ in range(world_size())]
    distributed.all_gather(parts, x.contiguous())
    return torch.cat(parts)


@torch.no_grad()
def copy_from_first(module: nn.Module) -> None:
    """Give every process the first one's parameters and buffers."""
    if world_size() > 1:
        for tensor in module.state_dict().values():
            # Collectives want dense rows; weights are laid out channels last.
            dense = tensor.contiguous()
            distributed.broadcast(dense, 0)
            tensor.copy_(dense)


def in_any_process(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set anywhere: what one process decides, all do in the same step."""
    if world_size() == 1:
        return flag
    value = torch.tensor(float(flag), device=device)
    distributed.all_reduce(value, op=distributed.ReduceOp.MAX)
    return bool(value.item())
