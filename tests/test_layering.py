"""The direction of imports is a rule of the house, and rules are tests."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from lama import extras

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "masks": {"masks"},
    "lama": {"lama", "masks"},
    "space": {"space", "lama", "masks"},
    "app": {"app", "space", "lama", "masks"},
}
ONLY_SPACE = {"gradio", "gradio_client"}
MASKS_KNOW = {"numpy", "cv2"}
OF_THE_APP = {
    *("torch", "gradio", "gradio_client", "datasets", "huggingface_hub", "safetensors", "pyarrow"),
    *("PIL", "numpy", "cv2", "imagehash", "yaml", "psutil", "tqdm", "tifffile", "pi_heif"),
    *("starlette", "fsspec", "filelock"),  # come with gradio, datasets and torch
}
MOST_LINES, MOST_FUNCTION = 350, 60


def product() -> list[Path]:
    files = [p for room in ("masks", "lama", "space") for p in sorted((ROOT / room).rglob("*.py"))]
    return [*files, ROOT / "app.py"]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


@pytest.mark.parametrize("path", product(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    here, tops = room(path), {name.split(".")[0] for name in imports(path)}
    foreign = {name for name in tops if name in MAY_IMPORT} - MAY_IMPORT[here]
    assert not foreign, f"{path} imports {foreign}; {here} may import {MAY_IMPORT[here]}"
    if here not in ("space", "app"):
        assert not tops & ONLY_SPACE, f"{path}: only space knows Gradio"
    if here == "masks":
        third = tops - set(sys.stdlib_module_names) - {"masks", "__future__"}
        assert third <= MASKS_KNOW, f"{path}: masks knows numpy and OpenCV only, not {third}"
    relative = path.relative_to(ROOT).as_posix()
    if here == "lama" and not relative.startswith("lama/training/"):
        training = {name for name in imports(path) if name.startswith("lama.training")}
        assert not training or relative == "lama/__main__.py", f"{path} imports {training}"


@pytest.mark.parametrize("path", product(), ids=lambda p: str(p.relative_to(ROOT)))
def test_what_the_app_does_not_install_is_asked_for_by_name(path):
    """`lama.extras` says what training needs beside the app; the rest comes with the app."""
    third = {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names)
    third -= {*MAY_IMPORT, *OF_THE_APP, "__future__"}
    if path.is_relative_to(ROOT / "lama" / "training"):
        third -= {*extras.NEEDED, "trackio"}  # that one is asked for by its own flag
    if path.name == "hub.py" and path.parent.name == "selection":
        third -= {"transformers"}
    assert not third, f"{path} imports {third}: who installed the app alone has no such package"


@pytest.mark.parametrize("path", product(), ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_are_small_and_say_what_they_are(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{path} does not say what it is"
    assert text.count("\n") <= MOST_LINES, f"{path} is too long: split it"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= MOST_FUNCTION, f"{path}: {node.name} has {length} lines: split it"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{path}:{node.lineno}: a bare except hides mistakes"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_no_cycles():
    names = {module_name(p) for p in product()}
    arrows: dict[str, set[str]] = {}
    for path in product():
        here = module_name(path)
        body = ast.parse(path.read_text()).body  # imports inside functions cannot make a cycle
        found = set()
        for node in body:
            if isinstance(node, ast.Import):
                found |= {a.name for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                full = {f"{node.module}.{a.name}" for a in node.names}
                found |= (full & names) or {node.module or ""}
        arrows[here] = (found & names) - {here}
    state: dict[str, int] = {}

    def visit(name: str, trail: list[str]) -> None:
        state[name] = 1
        for other in sorted(arrows[name]):
            assert state.get(other) != 1, f"import cycle: {' -> '.join([*trail, name, other])}"
            if other not in state:
                visit(other, [*trail, name])
        state[name] = 2

    for name in sorted(names):
        if name not in state:
            visit(name, [])


@pytest.mark.parametrize("module", ["masks", "lama", "lama.photo", "space", "space.ui"])
def test_light_imports_do_not_load_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_app_runs_without_training_packages():
    """A Space installs requirements.txt alone."""
    code = """
import sys
for name in ("accelerate", "torchmetrics", "skimage", "efficientnet_lite_pytorch", "pytest"):
    sys.modules[name] = None
import app, lama, space.wiring
lama.load("lama-tiny")
assert not any(name.startswith("lama.training") for name in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_happens_at_import(tmp_path):
    """Importing the app writes no file, opens no port and builds no page."""
    code = f"""
import sys, os, socket
sys.path.insert(0, {str(ROOT)!r})
os.chdir({str(tmp_path)!r})
def refuse(*_): raise AssertionError("a socket was opened")
socket.socket.bind = refuse
import app
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())
