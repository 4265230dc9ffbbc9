"""LaMa-Fourier's forward pass in numpy alone, written from the paper and the published key names.

It shares no line with the product, so that an agreement means something.
"""

import numpy as np

State = dict[str, np.ndarray]


def forward(state: State, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """image (3, H, W) in [0, 1], mask (1, H, W): returns (3, H, W)."""
    last = max(int(key.split(".")[1]) for key in state)
    blocks = sorted({int(k.split(".")[1]) for k in state if ".conv1.ffc." in k})
    x = np.concatenate([image * (1 - mask), mask])
    local = bn_relu(conv(reflect(x, 3), state["model.1.ffc.convl2l.weight"]), state, "model.1.bn_l")
    glob = None
    for i in range(2, blocks[0]):
        padded = reflect(local, 1)
        if f"model.{i}.ffc.convl2g.weight" in state:
            glob = conv(padded, state[f"model.{i}.ffc.convl2g.weight"], stride=2)
            glob = bn_relu(glob, state, f"model.{i}.bn_g")
        local = conv(padded, state[f"model.{i}.ffc.convl2l.weight"], stride=2)
        local = bn_relu(local, state, f"model.{i}.bn_l")
    for i in blocks:
        before = local, glob
        for j in (1, 2):
            local, glob = ffc(local, glob, state, f"model.{i}.conv{j}")
        local, glob = local + before[0], glob + before[1]
    return decoder(np.concatenate([local, glob]), state, blocks[-1] + 2, last)


def forward_plain(state: State, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The same for LaMa-Regular and LaMa-Dilated."""
    last = max(int(key.split(".")[1]) for key in state)
    blocks = sorted({int(key.split(".")[1]) for key in state if ".conv_block." in key})
    x = biased(reflect(np.concatenate([image * (1 - mask), mask]), 3), state, "model.1")
    x = bn_relu(x, state, "model.2")
    for i in range(4, blocks[0], 3):
        x = biased(np.pad(x, ((0, 0), (1, 1), (1, 1))), state, f"model.{i}")[:, ::2, ::2]
        x = bn_relu(x, state, f"model.{i + 1}")
    for i in blocks:
        key, before = f"model.{i}.conv_block", x
        if f"{key}.5.weight" in state:
            x = bn_relu(biased(reflect(x, 1), state, f"{key}.1"), state, f"{key}.2")
            x = bn(biased(reflect(x, 1), state, f"{key}.5"), state, f"{key}.6")
        else:
            x = bn_relu(multidilated(x, state, f"{key}.0"), state, f"{key}.1")
            x = bn(multidilated(x, state, f"{key}.3"), state, f"{key}.4")
        x = before + x
    return decoder(x, state, blocks[-1] + 1, last)


def decoder(x, state: State, first: int, last: int):
    for i in range(first, last - 1, 3):
        x = deconv(x, state[f"model.{i}.weight"], state[f"model.{i}.bias"])
        x = bn_relu(x, state, f"model.{i + 1}")
    return 1 / (1 + np.exp(-biased(reflect(x, 3), state, f"model.{last}")))


def biased(x, state: State, key: str):
    return conv(x, state[f"{key}.weight"]) + state[f"{key}.bias"][:, None, None]


def multidilated(x, state: State, key: str):
    """Equal shares of the channels, each at twice the distance of the one before."""
    count = len([k for k in state if k.startswith(f"{key}.convs.") and k.endswith("weight")])
    total = 0
    for j, part in enumerate(np.split(x, count)):
        weight, d = state[f"{key}.convs.{j}.weight"], 2**j
        wide = np.zeros((*weight.shape[:2], 2 * d + 1, 2 * d + 1))
        wide[..., ::d, ::d] = weight
        total = total + conv(reflect(part, d), wide) + state[f"{key}.convs.{j}.bias"][:, None, None]
    return total


def ffc(local, glob, state: State, key: str):
    w = {n: state[f"{key}.ffc.{n}.weight"] for n in ("convl2l", "convl2g", "convg2l")}
    pad_local, pad_global = reflect(local, 1), reflect(glob, 1)
    out_local = conv(pad_local, w["convl2l"]) + conv(pad_global, w["convg2l"])
    out_global = conv(pad_local, w["convl2g"]) + spectral(glob, state, f"{key}.ffc.convg2g")
    return bn_relu(out_local, state, f"{key}.bn_l"), bn_relu(out_global, state, f"{key}.bn_g")


def spectral(x, state: State, key: str):
    x = bn_relu(conv(x, state[f"{key}.conv1.0.weight"]), state, f"{key}.conv1.1")
    height, width = x.shape[1:]
    spec = np.fft.rfft2(x, norm="ortho")
    parts = np.empty((2 * len(x), *spec.shape[1:]))
    parts[0::2], parts[1::2] = spec.real, spec.imag
    parts = bn_relu(conv(parts, state[f"{key}.fu.conv_layer.weight"]), state, f"{key}.fu.bn")
    back = np.fft.irfft2(parts[0::2] + 1j * parts[1::2], s=(height, width), norm="ortho")
    return conv(x + back, state[f"{key}.conv2.weight"])


def bn_relu(x, state: State, key: str):
    return np.maximum(bn(x, state, key), 0)


def bn(x, state: State, key: str):
    mean, var = state[f"{key}.running_mean"], state[f"{key}.running_var"]
    scale = state[f"{key}.weight"] / np.sqrt(var + 1e-5)
    return (x - mean[:, None, None]) * scale[:, None, None] + state[f"{key}.bias"][:, None, None]


def reflect(x, n: int):
    return np.pad(x, ((0, 0), (n, n), (n, n)), mode="reflect")


def conv(x, weight, stride: int = 1):
    k = weight.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))
    return np.einsum("chwij,ocij->ohw", windows[:, ::stride, ::stride], weight, optimize=True)


def deconv(x, weight, bias):
    """Transposed convolution: kernel 3, stride 2, padding 1, output padding 1; weight (in, out)."""
    height, width = x.shape[1:]
    out = np.zeros((weight.shape[1], 2 * height + 2, 2 * width + 2))
    for i in range(3):
        for j in range(3):
            part = np.einsum("chw,co->ohw", x, weight[:, :, i, j])
            out[:, i : i + 2 * height : 2, j : j + 2 * width : 2] += part
    return out[:, 1 : 1 + 2 * height, 1 : 1 + 2 * width] + bias[:, None, None]
