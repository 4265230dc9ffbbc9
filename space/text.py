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

**Nothing is lost.** Undo also leads back before *Go on from here*. If another photo is opened over
what you drew, *Back to* brings photo and mask back. Of several photos chosen at once, N opens the
next.

**Tools.** B brush, E eraser, R box, L lasso, S select an object (Shift adds one, Alt takes a part
away), F fill from a strategy, [ and ] brush size. Shift and a click paints a straight line from the
last stroke's end. The right button, Alt, or the other end of a pen erases with any tool that draws.

**Mask.** Ctrl+Z undo, Ctrl+Shift+Z or Ctrl+Y redo, X invert, Delete or Backspace clear, M show the
mask over the result.

**Result.** Ctrl+C copies it as a picture.

**View.** Wheel or + and - zoom, 0 whole photo; hold Space, the middle button or two fingers to move
it; hold O to see the original (or Tab, after a click on the photo).

**By keyboard alone.** With the picture focused, the arrow keys move the brush (Shift: single
pixels), Enter puts it down and lifts it, Escape gives the stroke up.
"""
