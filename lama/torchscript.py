"""Tensors out of a TorchScript archive without running anything of it.

`torch.jit.load` runs code of the file (a scripted `__setstate__`), so it is never called. The
archive is a zip: `data.pkl` tells the modules and which tensors they hold, `data/N` are the bytes
of these, `code/` is the program. The pickle is read into inert objects; the program is looked at as
text, for which attributes are parameters and buffers.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_DTYPES = {
    "torch.FloatStorage": torch.float32,
    "torch.DoubleStorage": torch.float64,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}
_TENSOR, _PARAMETER = "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter"
# What TorchScript writes for lists and dictionaries of plain values; none of them is looked at.
_LISTS = {f"torch.jit._pickle.build_{kind}list" for kind in ("int", "bool", "double", "tensor")}
_KNOWN = {_TENSOR, _PARAMETER, "torch.jit._pickle.restore_type_tag", "collections.OrderedDict"}
_KNOWN |= _LISTS | set(_DTYPES)
_MOST_TEXT = 64 * 2**20  # bytes of a pickle or a program; those of networks have less than one
_MOST_NAMES = 20_000  # of modules, and of tensors: shared parts can make endless paths
_MOST_DIMENSIONS = 8
_LONGEST_NAME = 1000  # characters of a tensor's name
# What TorchScript's own writer uses; others could claim memory, or nest without end.
_CODES = {
    *("PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "BUILD", "NEWOBJ", "BINPERSID"),
    *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "APPEND", "APPENDS"),
    *("EMPTY_DICT", "SETITEM", "SETITEMS", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
    *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE"),
}


class _Inert:
    """Whatever a pickle makes: remembers what it was given and does nothing.

    Every name in a file gets a subclass that lives as long as its reading, so that nothing a pickle
    does to a class reaches anything else.
    """

    kind = ""
    __slots__ = ("given", "state")
    given: tuple[Any, ...]
    state: object

    def __new__(cls, *given: object) -> _Inert:
        made = super().__new__(cls)
        made.given, made.state = given, None
        return made

    def __init__(self, *_given: object) -> None: ...

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, _key: object, _value: object) -> None: ...


class _Reader(pickle._Unpickler):
    """A pickle machine that knows no class and no function.

    It is Python's own in Python: the quick one makes room for as many notes as a file claims.
    """

    def __init__(self, data: bytes) -> None:
        for code, _, _ in pickletools.genops(data):
            if code.name not in _CODES:
                raise ValueError(f"it uses {code.name}, which TorchScript does not")
        super().__init__(io.BytesIO(data))
        self._kinds: dict[str, type[_Inert]] = {}

    def find_class(self, module: str, name: str) -> type[_Inert]:
        kind = f"{module}.{name}"
        if not (kind in _KNOWN or module == "__torch__" or module.startswith("__torch__.")):
            raise ValueError(
                f"it names {kind}, which no LaMa checkpoint needs and which could run code"
            )
        if kind not in self._kinds:
            self._kinds[kind] = type("Inert", (_Inert,), {"kind": kind, "__slots__": ()})
        return self._kinds[kind]

    def _set_items(self) -> None:
        """Keys are plain: comparing nested ones could go deeper than the machine's stack."""
        items = self.pop_mark()  # type: ignore[attr-defined]
        for key, value in zip(items[::2], items[1::2], strict=True):
            self._set(key, value)

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()  # type: ignore[attr-defined]
        self._set(key, value)

    def _set(self, key: object, value: object) -> None:
        if not isinstance(key, str | int | float | None):
            raise ValueError("a dictionary in it has keys that are no plain values")
        self.stack[-1][key] = value  # type: ignore[attr-defined]

    # What the machine looks its steps up in.
    dispatch = {  # noqa: RUF012
        **pickle._Unpickler.dispatch,
        pickle.SETITEM[0]: _set_item,  # type: ignore[dict-item]
        pickle.SETITEMS[0]: _set_items,  # type: ignore[dict-item]
    }

    def persistent_load(self, pid: object) -> object:
        return pid  # judged when its tensor is made


def is_torchscript(path: Path) -> bool:
    """Whether a zip archive carries TorchScript code."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return False


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All parameters and buffers of a TorchScript archive, by the names its `state_dict` has.

    Types, shapes and strides are the file's own; modules held twice give their tensors twice.

    Raises:
        ValueError: Not such an archive, damaged, or one that wants code of its own to be run.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _tensors(archive)
    except (
        *(ValueError, TypeError, AttributeError, IndexError, KeyError, RuntimeError),
        *(pickle.UnpicklingError, EOFError, OverflowError, MemoryError, RecursionError),
        *(struct.error, zlib.error),
        *(zipfile.BadZipFile, OSError, NotImplementedError),
    ) as error:
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"{path} is not a TorchScript archive that can be read: {reason}"
        ) from error


def _tensors(archive: zipfile.ZipFile) -> dict[str, Tensor]:
    names = archive.namelist()
    pickles = [name for name in names if re.fullmatch(r"[^/]+/data\.pkl", name)]
    if len(pickles) != 1:
        raise ValueError(f"it has {len(pickles)} files named data.pkl")
    root = pickles[0].partition("/")[0]
    if f"{root}/byteorder" in names and _read(archive, f"{root}/byteorder") != b"little":
        raise ValueError("its bytes are in big-endian order")
    module = _Reader(_read(archive, pickles[0])).load()
    found: dict[str, Tensor] = {}
    storages: dict[str, Tensor] = {}
    for name, value in _walk(module, _declared(archive, root)):
        found[name] = _tensor(archive, root, value, storages)
        if len(found) > _MOST_NAMES:
            raise ValueError(f"it has more than {_MOST_NAMES} tensors")
    return found


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """What is not tensors; compressed, it could become more than the memory holds."""
    if archive.getinfo(name).file_size > _MOST_TEXT:
        raise ValueError(f"{name} is larger than any network needs")
    return archive.read(name)


def _declared(archive: zipfile.ZipFile, root: str) -> dict[str, set[str]]:
    """Which attributes its program calls parameters or buffers, for each class that says so."""
    declared: dict[str, set[str]] = {}
    for name in archive.namelist():
        if not (name.startswith(f"{root}/code/__torch__") and name.endswith(".py")):
            continue
        place = name.removeprefix(f"{root}/code/").removesuffix(".py").replace("/", ".")
        parameters: list[str] = []
        kind = ""
        for line in _read(archive, name).decode("utf-8", "replace").splitlines():
            if head := re.match(r"class (\w+)", line):
                kind, parameters = f"{place}.{head[1]}", []
            elif line.startswith("  __parameters__ = ["):
                parameters = re.findall(r'"([^"]*)"', line)
            elif line.startswith("  __buffers__ = ["):
                declared[kind] = {*parameters, *re.findall(r'"([^"]*)"', line)}
    return declared


def _walk(module: object, declared: Mapping[str, set[str]]) -> Iterator[tuple[str, _Inert]]:
    """Each module's own tensors and then its parts', by their names; old programs declare none."""
    waiting: list[tuple[str, object]] = [("", module)]
    for _ in range(_MOST_NAMES):
        if not waiting:
            return
        prefix, current = waiting.pop()
        if not isinstance(current, _Inert) or not isinstance(current.state, dict):
            raise ValueError(
                f"{prefix.rstrip('.') or 'the network'} wants code of the file to be run before its"
                " weights can be read, which is never done"
            )
        own = declared.get(current.kind, current.state)
        parts: list[tuple[str, object]] = []
        for name, value in current.state.items():
            if not isinstance(value, _Inert):
                continue
            if len(prefix) + len(name) > _LONGEST_NAME:
                raise ValueError("a module in it holds itself, or has an endless name")
            if name in own and value.kind in (_TENSOR, _PARAMETER):
                yield f"{prefix}{name}", value
            elif value.kind.startswith("__torch__."):
                parts.append((f"{prefix}{name}.", value))
        waiting += reversed(parts)
    raise ValueError(f"it has more than {_MOST_NAMES} modules")


def _tensor(
    archive: zipfile.ZipFile, root: str, made: _Inert, storages: dict[str, Tensor]
) -> Tensor:
    """The tensor that a pickle describes; its numbers are checked against what the file holds."""
    if made.kind == _PARAMETER:  # (tensor, requires_grad, hooks)
        made = made.given[0]
        if made.kind != _TENSOR:
            raise ValueError("a parameter is no tensor")
    pid, offset, size, stride = made.given[:4]
    if not _are_counts(offset, *size, *stride) or not len(size) == len(stride) <= _MOST_DIMENSIONS:
        raise ValueError("a tensor's shape is damaged")
    storage = _storage(archive, root, pid, storages)
    count = math.prod(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    # A tensor that shows one number many times could be far larger than the file.
    if count and (last >= len(storage) or count > len(storage)):
        raise ValueError("a tensor reaches beyond its bytes")
    return storage.as_strided(size, stride, offset)


def _are_counts(*values: object) -> bool:
    return all(type(n) is int and 0 <= n < 2**40 for n in values)


def _storage(
    archive: zipfile.ZipFile,
    root: str,
    pid: Any,  # noqa: ANN401 - whatever the pickle says
    storages: dict[str, Tensor],
) -> Tensor:
    """The flat tensor of ("storage", type, key, device, count), read once."""
    what, kind, key, _, count = pid
    dtype = _DTYPES.get(getattr(kind, "kind", ""))
    if what != "storage" or dtype is None or not isinstance(key, str) or not _are_counts(count):
        raise ValueError("a tensor's kind is not known")
    if key not in storages:
        info = archive.getinfo(f"{root}/data/{key}")
        # TorchScript stores them as they are: a few bytes cannot become many.
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != count * dtype.itemsize:
            raise ValueError(f"data/{key} has not the size that it should have")
        data = bytearray(archive.read(info))
        storages[key] = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
    if storages[key].dtype != dtype:
        raise ValueError(f"data/{key} is used as two types")
    return storages[key]
