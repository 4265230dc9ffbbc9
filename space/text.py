"""The words of the app's frame; each tab keeps its own."""

NAME = "LaMa"
LINE = "Paint over it. It is gone."

HOW_IT_WORKS = """
**What happens.** The photo goes to the machine that runs this app once, and stays there. Each
stroke sends only the mask. The network (LaMa: fast Fourier convolutions) sees the hole with some of
the photo around it and fills it; every pixel outside the hole is left exactly as it was, and the
app checks that on each result.

**Live.** The result appears when you lift the pen. Draw on meanwhile: newer strokes overtake older
runs. For slow models switch Live off and press Inpaint.

**Keys.** B brush, E eraser, R box, L lasso, [ and ] size, Ctrl+Z undo, Ctrl+Shift+Z redo, X invert,
hold Space to pan, + - 0 zoom, hold Tab (or O) to see the original. With the picture focused, the
arrow keys move the brush and Enter puts it down and lifts it.
"""
