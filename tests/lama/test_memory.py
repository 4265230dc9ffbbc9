import threading
import time

import numpy as np
import psutil
import pytest
import torch

from lama import memory, scaled
from lama.inference import Inpainter
from lama.scaled import SCALING

CPU = torch.device("cpu")


@pytest.fixture
def free(monkeypatch):
    """Says how many bytes are free."""

    def say(count: int) -> None:
        monkeypatch.setattr(memory, "free_bytes", lambda device: count)

    return say


def test_a_container_has_what_its_limit_leaves(tmp_path, monkeypatch):
    machine = psutil.virtual_memory().available
    (tmp_path / "max").write_text("300000000\n")
    (tmp_path / "current").write_text("100000000\n")
    monkeypatch.setattr(memory, "_LIMIT", tmp_path / "max")
    monkeypatch.setattr(memory, "_USED", tmp_path / "current")
    assert memory.free_bytes(CPU) == min(200_000_000, machine)
    (tmp_path / "stat").write_text("anon 5\ninactive_file 40000000\nactive_file 7\n")
    monkeypatch.setattr(memory, "_STATE", tmp_path / "stat")
    assert memory.free_bytes(CPU) == min(240_000_000, machine), "files read before give way"
    (tmp_path / "max").write_text("max\n")
    assert memory.free_bytes(CPU) > 0.5 * machine
    monkeypatch.setattr(memory, "_LIMIT", tmp_path / "nothing")
    assert memory.free_bytes(CPU) > 0.5 * machine


def test_what_torch_keeps_of_a_gpu_is_free_for_the_next_run(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2_000_000_000, 12_000_000_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 8_000_000_000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 500_000_000)
    gpu = torch.device("cuda")
    assert memory.free_bytes(gpu) == 9_500_000_000
    assert memory.affordable_pixels(1000, 10, gpu, besides=10**12) == 7_600_000


def test_what_fits_is_a_share_of_what_is_free(free):
    free(1_000_000_000)
    assert memory.affordable_pixels(1000, 10, CPU) == 800_000
    assert memory.affordable_pixels(1000, 10, CPU, besides=300_000_000) == 500_000


def test_too_little_is_said_with_figures(free):
    free(50_000_000)
    with pytest.raises(ValueError, match="about 82 MB of memory and 50 MB are free"):
        memory.affordable_pixels(1000, 256 * 256, CPU)


def test_a_crop_that_does_not_fit_is_filled_smaller(free, small_unet, monkeypatch):
    inpainter = Inpainter(small_unet, precision="fp32")
    seen = []
    original = inpainter._fill_tensor
    monkeypatch.setattr(
        inpainter, "_fill_tensor", lambda i, m: seen.append(max(i.shape[-2:])) or original(i, m)
    )
    rgb = np.zeros((503, 601, 3), np.uint8)
    mask = np.zeros((503, 601), bool)
    mask[60:400, 50:500] = True
    inpainter.fill(rgb, mask)
    free(int(300 * 300 * small_unet.bytes_a_pixel / 0.8) + int(rgb.nbytes / 0.8) + 2)
    inpainter.fill(rgb, mask)
    assert seen == [601, 328], "328 x 274 are as many pixels"
    free(10_000_000)
    with pytest.raises(ValueError, match="Close other programs"):
        inpainter.fill(rgb, mask)
    with pytest.raises(ValueError, match="MB of memory"):
        inpainter.fill(rgb, mask, quality="refined")


def test_a_long_crop_whose_area_fits_keeps_its_size(free, small_unet, monkeypatch):
    inpainter = Inpainter(small_unet, precision="fp32")
    seen = []
    monkeypatch.setattr(inpainter, "_fill_tensor", lambda i, m: seen.append(i.shape[-2:]) or i)
    rgb, mask = np.zeros((64, 800, 3), np.uint8), np.zeros((64, 800), bool)
    mask[10:50, 50:700] = True
    free(int((256 * 256 * small_unet.bytes_a_pixel + rgb.nbytes) / 0.8) + 2)
    inpainter.fill(rgb, mask)
    assert seen == [(64, 800)]


@pytest.mark.parametrize("workers", [1, 2])
def test_who_finds_too_little_free_waits_for_others_instead_of_filling_smaller(
    free, small_unet, monkeypatch, workers
):
    monkeypatch.setattr(torch, "get_num_threads", lambda: workers)
    inpainter = Inpainter(small_unet, precision="fp32")
    inpainter.share_cores()
    rgb, mask = np.zeros((400, 400, 3), np.uint8), np.zeros((400, 400), bool)
    mask[60:300, 50:350] = True
    enough = int((400 * 400 * small_unet.bytes_a_pixel + workers * rgb.nbytes) / 0.8) + 2
    free(enough)
    running, seen, done = threading.Event(), [], []

    def enter(_module: object, given: tuple[torch.Tensor, ...]) -> None:
        seen.append(tuple(given[0].shape[-2:]))
        free(10_000_000)
        running.set()
        time.sleep(0.3)

    def leave(*_: object) -> None:
        free(enough)

    inpainter._compiled.register_forward_pre_hook(enter)
    inpainter._compiled.register_forward_hook(leave)
    monkeypatch.setattr(type(inpainter._compiled), "first_guess", lambda _s, image, *_: image)

    def fill() -> None:
        done.append(inpainter.fill(rgb, mask))

    first, second = threading.Thread(target=fill), threading.Thread(target=fill)
    first.start()
    assert running.wait(30)
    second.start()
    first.join(30)
    second.join(30)
    assert len(done) == 2
    assert seen == [(400, 400)] * 2


def test_making_a_large_crop_small_takes_memory_too(free, small_unet, monkeypatch):
    inpainter = Inpainter(small_unet, precision="fp32")
    monkeypatch.setattr(inpainter.generator, "largest", 300)
    mask = np.zeros((1503, 1601), bool)
    mask[60:1400, 50:1500] = True
    rgb = np.zeros((*mask.shape, 3), np.uint8)
    needed = 256 * 256 * small_unet.bytes_a_pixel + rgb.nbytes
    free(int((needed + SCALING * mask.size) / 0.8) + 2)
    monkeypatch.setattr(inpainter, "_fill_tensor", lambda i, m: i)
    inpainter.fill(rgb, mask)
    free(int((needed + SCALING * mask.size / 2) / 0.8))
    with pytest.raises(ValueError, match="MB of memory"):
        inpainter.fill(rgb, mask)


@pytest.mark.parametrize(("room", "most"), [(1.2, 1), (2.2, 2), (50, 4)])
def test_shared_cores_share_the_memory_too(free, small_unet, monkeypatch, room, most):
    """`room` is how many of the crops fit in memory."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    inpainter = Inpainter(small_unet, precision="fp32")
    workers, _ = inpainter.share_cores()
    assert workers == 4
    rgb, mask = np.zeros((257, 300, 3), np.uint8), np.zeros((257, 300), bool)
    mask[60:200, 50:250] = True
    padded = 264 * 304
    free(int(room * padded * small_unet.bytes_a_pixel / 0.8) + 4 * rgb.nbytes)
    lock, running, seen = threading.Lock(), [0], []

    def enter(*_: object) -> None:
        with lock:
            running[0] += 1
            seen.append(running[0])
        time.sleep(0.03)

    def leave(*_: object) -> None:
        with lock:
            running[0] -= 1

    inpainter._compiled.register_forward_pre_hook(enter)
    inpainter._compiled.register_forward_hook(leave)
    monkeypatch.setattr(type(inpainter._compiled), "first_guess", lambda _s, image, *_: image)
    threads = [threading.Thread(target=inpainter.fill, args=(rgb, mask)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert max(seen) == most
    assert len(seen) == 6


def test_scaling_takes_turns_where_memory_is_short(free, small_unet, monkeypatch):
    """Many cores do not multiply what one large crop needs: the others wait for it."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    inpainter = Inpainter(small_unet, precision="fp32")
    inpainter.share_cores()
    monkeypatch.setattr(inpainter.generator, "largest", 300)
    monkeypatch.setattr(inpainter.generator, "bytes_a_pixel", 600)  # less than scaling takes
    monkeypatch.setattr(inpainter, "_fill_tensor", lambda i, m: i)
    mask = np.zeros((1503, 1601), bool)
    mask[60:1400, 50:1500] = True
    rgb = np.zeros((*mask.shape, 3), np.uint8)
    run = 300 * 300 * small_unet.bytes_a_pixel
    free(int((run + SCALING * mask.size + 4 * rgb.nbytes) / 0.8) + 2)
    lock, at_work, seen = threading.Lock(), [0], []
    shrink = scaled.shrink

    def watched(*what: object) -> object:
        with lock:
            at_work[0] += 1
            seen.append(at_work[0])
        try:
            time.sleep(0.02)
            return shrink(*what)
        finally:
            with lock:
                at_work[0] -= 1

    monkeypatch.setattr(scaled, "shrink", watched)
    threads = [threading.Thread(target=inpainter.fill, args=(rgb, mask)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert max(seen) <= 2, "more would not fit"
    free(10**12)
    seen.clear()
    threads = [threading.Thread(target=inpainter.fill, args=(rgb, mask)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert max(seen) > 2, "with memory to spare nobody waits"


def test_alone_is_alone_even_where_cores_are_shared(small_unet, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    inpainter = Inpainter(small_unet, precision="fp32")
    inpainter.share_cores()
    rgb, mask = np.zeros((61, 70, 3), np.uint8), np.zeros((61, 70), bool)
    mask[20:40, 30:50] = True
    passes = []
    inpainter._compiled.register_forward_pre_hook(lambda *_: passes.append(1))
    with inpainter.alone() as generator:
        assert generator is inpainter.generator
        thread = threading.Thread(target=inpainter.fill, args=(rgb, mask))
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        assert not passes
    thread.join(60)
    assert passes
