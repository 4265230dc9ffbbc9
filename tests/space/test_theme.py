"""The page's looks: nothing of them comes from anywhere else."""

import re
from pathlib import Path

from space import theme
from space.canvas import component


def test_nothing_of_ours_points_elsewhere() -> None:
    texts = [theme.head(), *(component._read(f"js/{name}.js") for name in component.SCRIPTS)]
    texts += [component._read(name) for name in ("canvas.html", "panel.html")]
    texts += [path.read_text() for path in sorted(Path(theme.__file__).parent.rglob("*.js"))]
    for text in texts:
        addresses = set(re.findall(r"https?://[^\s'\"()]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}


def test_fonts_are_those_of_the_system() -> None:
    assert "fonts.googleapis" not in str(theme.theme().to_dict())
    assert theme.theme()._stylesheets == []
