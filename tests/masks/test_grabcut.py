import cv2
import numpy as np

from masks.grabcut import grab_cut, guess_around, plausible


def disc(radius: int) -> np.ndarray:
    return cv2.circle(np.zeros((90, 110), np.uint8), (50, 45), radius, 1, -1).view(np.bool_)


def test_a_region_is_redrawn_along_the_pictures_edges():
    image = np.full((90, 110, 3), (70, 110, 150), np.uint8)
    image[disc(20)] = (210, 80, 40)
    image += np.random.default_rng(0).integers(0, 9, image.shape, dtype=np.uint8)
    guess = guess_around(disc(15))
    found = grab_cut(image, guess, 2)
    assert found is not None
    assert (found != disc(20)).sum() < 40
    cv2.setRNGSeed(7)
    assert np.array_equal(grab_cut(image, guess, 2), found)
    assert np.array_equal(guess, guess_around(disc(15)))


def test_a_guess_has_a_band_that_may_be_background_and_no_object_beyond():
    guess = guess_around(disc(15))
    assert (guess[disc(15)] == cv2.GC_PR_FGD).all()
    assert (guess[disc(20) & ~disc(15)] == cv2.GC_PR_BGD).all()
    assert (guess[~disc(26)] == cv2.GC_BGD).all()


def test_without_any_background_there_is_no_answer():
    image = np.zeros((20, 30, 3), np.uint8)
    assert grab_cut(image, np.full((20, 30), cv2.GC_PR_FGD, np.uint8), 1) is None


def test_an_object_that_is_lost_or_runs_away_is_not_plausible():
    assert plausible(disc(18), disc(15))
    assert not plausible(disc(5), disc(15))
    assert not plausible(disc(30), disc(15))
    assert not plausible(disc(1) & False, disc(1) & False)
