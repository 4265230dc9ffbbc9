import io
import json
import zipfile

import cv2
import numpy as np

from space.mask_lab import archive, drawing, reproduce, wishes


def test_the_zip_holds_masks_figures_and_the_way_back(scenery, photo):
    data = {"photo": photo.id, "strategy": "box", "count": 3, "seed": 4, "values": {"margin": 0}}
    wish = wishes.read(data, scenery)
    packed = zipfile.ZipFile(io.BytesIO(archive.pack(wish, scenery)))
    assert packed.testzip() is None
    listed = json.loads(packed.read("masks.json"))
    assert listed["parameters"]["margin"] == 0
    assert (listed["width"], listed["height"], listed["seed"]) == (260, 180, 4)
    for item, entry in zip(drawing.draw(wish, scenery), listed["masks"], strict=True):
        pixels = cv2.imdecode(np.frombuffer(packed.read(entry["file"]), np.uint8), -1)
        assert np.array_equal(pixels, item.mask * np.uint8(255))
        assert entry["area"] == item.mask.mean()
    assert reproduce.command(wish) in packed.read("reproduce.txt").decode()
