import numpy as np

from lama.training.cache import Cache, fingerprint


def test_fingerprints_tell_kinds_shapes_and_boundaries_apart():
    a = np.arange(6, dtype=np.uint8)
    prints = [
        fingerprint(a),
        fingerprint(a.reshape(2, 3)),
        fingerprint(a.astype(np.int32)),
        fingerprint(a[::-1]),
        fingerprint("ab", "c"),
        fingerprint("a", "bc"),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint(a[::-1][::-1]) == prints[0]


def test_pictures_numbers_and_arrays_come_back_exactly(tmp_path, picture, rng):
    cache = Cache(tmp_path / "kept")
    made = []

    def make():
        made.append(1)
        return picture, 1.5

    assert cache.picture("p", make)[1] == 1.5
    again, seconds = cache.picture("p", make)
    assert np.array_equal(again, picture)
    assert (seconds, len(made)) == (1.5, 1)
    assert cache.numbers("n") == {}
    cache.keep_numbers("n", {"l1": 0.1})
    assert cache.numbers("n") == {"l1": 0.1}
    assert cache.array("a") is None
    values = rng.standard_normal((3, 4)).astype(np.float32)
    cache.keep_array("a", values)
    assert np.array_equal(cache.array("a"), values)


def test_a_damaged_picture_is_made_again(tmp_path, picture):
    cache = Cache(tmp_path)
    cache.picture("p", lambda: (picture, 1.0))
    (tmp_path / "p.png").write_bytes(b"half a file")
    assert np.array_equal(cache.picture("p", lambda: (picture, 2.0))[0], picture)


def test_without_a_folder_nothing_is_kept(picture):
    cache = Cache(None)
    cache.keep_numbers("n", {"l1": 0.1})
    cache.keep_array("a", np.zeros(3))
    assert cache.numbers("n") == {}
    assert cache.array("a") is None
    assert cache.picture("p", lambda: (picture, 1.0))[1] == 1.0
