"""Sets of pictures that are the same, and sets that are not."""

import numpy as np
import pytest
from random_network import random_weights

from vidstyle.errors import ImageOpenError, InputError, WeightsError
from vidstyle.images import resize_frame, write_picture
from vidstyle.measure import MeasureConfig, fid
from vidstyle.measure.distance import compare
from vidstyle.measure.fid import FILE_NAME, are_sets, measure_folders
from vidstyle.networks import SLIM
from vidstyle.networks.weights import write_weights
from vidstyle.records import FrameReport, Notice, Plan


@pytest.fixture(autouse=True)
def _nothing_at_hand(tmp_path, monkeypatch):
    """Look for no weights in the folders of whoever runs the tests; measure small."""
    monkeypatch.setenv("VIDSTYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(fid, "SIDE", 32)


@pytest.fixture
def make_set(tmp_path):
    """Write pictures of colored squares; a low contrast makes them alike."""

    def make(name, count, seed, contrast=1.0):
        (tmp_path / name).mkdir()
        rng = np.random.default_rng(seed)
        for number in range(count):
            squares = 128 + contrast * (rng.integers(0, 256, (4, 5, 3)) - 128)
            picture = resize_frame(squares.astype(np.uint8), height=40, width=48)
            write_picture(tmp_path / name / f"{chr(97 + number)}.png", picture)
        return tmp_path / name

    return make


def measure(result, content, style, listener=lambda _: None, **others):
    config = MeasureConfig(content=content, style=style, device="cpu", **others)
    return measure_folders(result, config, listener)


def test_a_set_is_nearer_to_itself_than_to_another(make_set):
    results, contents = make_set("results", 4, 1), make_set("contents", 5, 1)
    paintings = make_set("paintings", 3, 2, contrast=0.2)

    measured = measure(results, contents, paintings)
    same = measure(results, results, results)

    assert measured["pictures"] == {"result": 4, "content": 5, "style": 3}
    assert measured["dimensions"] == 256
    assert measured["features"].startswith("relu5_1 of slim")
    assert same["content_fid"]["result"] == pytest.approx(0, abs=1e-9)
    near, own, ratio = measured["content_fid"].values()
    assert 0 < near < measured["style_fid"]["result"]
    assert (own, ratio) == (0, None)
    far, theirs, ratio = measured["style_fid"].values()
    assert ratio == far / theirs
    assert theirs == measure(contents, contents, paintings)["style_fid"]["result"]


def test_the_sheet_of_the_results_is_none_of_them(make_set):
    results = make_set("results", 3, 1)
    alone = measure(results, results, results)
    write_picture(results / "index.png", np.zeros((20, 20, 3), np.uint8))

    assert measure(results, results, results) == alone


def test_a_listener_hears_what_to_make_of_the_numbers(make_set):
    heard = []
    small = make_set("small", 2, 1)

    measure(small, small, small, listener=heard.append)

    kinds = [type(event) for event in heard]
    assert kinds == [Notice, Plan] + 6 * [FrameReport] + [Notice]
    assert FILE_NAME in heard[0].text
    assert "slim's features" in heard[0].text
    assert not heard[0].is_warning
    assert heard[1].frames == 6
    reports = [event for event in heard if isinstance(event, FrameReport)]
    assert [event.frame for event in reports] == list(range(6))
    assert heard[8].is_warning
    assert "fewer pictures than the 256 features" in heard[8].text
    assert "results (2), contents (2), paintings (2)" in heard[8].text


def test_a_network_that_is_named_is_taken(make_set, monkeypatch):
    monkeypatch.setattr(fid, "find_file", lambda *_: pytest.fail("looked"))
    small, heard = make_set("small", 2, 1), []

    measured = measure(small, small, small, network="slim", listener=heard.append)

    assert measured["features"].startswith("relu5_1 of slim")
    assert isinstance(heard[0], Plan)


def test_inception_is_taken_where_it_is_at_hand(make_set, tmp_path, monkeypatch):
    small = make_set("small", 2, 1)
    path = tmp_path / "torch" / "hub" / "checkpoints" / FILE_NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not the published file")

    with pytest.raises(WeightsError, match="is not the published file"):
        measure(small, small, small)

    # Any features will do: here the mean colors.
    monkeypatch.setattr(
        fid, "load_inception", lambda _, device: lambda images: images.mean((2, 3))
    )
    measured = measure(small, small, small)
    assert "Inception v3" in measured["features"]
    assert measured["dimensions"] == 3


def test_what_is_no_set_is_refused_and_one_picture_has_no_fid(make_set, tmp_path):
    pair, one = make_set("pair", 2, 1), make_set("one", 1, 1)
    empty = tmp_path / "empty"
    empty.mkdir()

    assert measure(pair, pair, one)["style_fid"] == compare(None, None)
    with pytest.raises(InputError, match="there is no picture in the folder"):
        measure(empty, pair, pair)
    with pytest.raises(InputError, match=r"a\.png is a file; to compare sets"):
        measure(pair / "a.png", pair, pair)
    with pytest.raises(InputError, match="gone does not exist; to compare sets"):
        measure(pair, tmp_path / "gone", pair)
    (pair / "words.png").write_text("no picture")
    with pytest.raises(ImageOpenError, match=r"words\.png is not a picture"):
        measure(pair, pair, pair)


def test_folders_are_sets_unless_they_are_clips(tmp_path):
    def make(name, *files):
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()
        return tmp_path / name

    clip, frames = make("clip", "1.png", "2.png"), make("frames", "1.png", "2.png")
    photos, results = make("photos", "IMG_1.jpg"), make("results", "IMG_1.x.png")
    words, empty = make("words", "a.png"), make("empty")

    assert not are_sets(frames, clip)
    assert are_sets(results, photos)
    assert are_sets(words, words)
    assert not are_sets(empty, photos)
    assert not are_sets(photos, tmp_path / "gone")


def test_weights_are_the_networks(make_set, tmp_path):
    path, small = tmp_path / "own.npz", make_set("small", 2, 1)
    other = make_set("other", 2, 2)
    write_weights(path, random_weights(SLIM))

    built_in = measure(small, other, None, network="slim")
    own = measure(small, other, None, weights=path)

    assert f"slim with the weights of {path}" in own["features"]
    assert own["content_fid"]["result"] != pytest.approx(
        built_in["content_fid"]["result"]
    )
    with pytest.raises(WeightsError, match="gone"):
        measure(small, other, None, weights=tmp_path / "gone")
