"""What `finetune` does unless told otherwise: for its flags, its plan and the app's form.

No torch here: a help text and a form name these figures without training.
"""

from lama.training.config import PRESETS

FINE_TUNE = PRESETS["fine-tune"]  # steps, batch, lr, masks_share, seed
CASES = 24  # holes of each shape that both models are judged by
MARGIN = 0.02  # relative loss on any shape that is put down to chance
