"""Sets of pictures that are the same, and sets that are not."""

import numpy as np
import pytest

from vidstyle.errors import ImageOpenError, InputError, WeightsError
from vidstyle.images import resize_frame, write_picture
from vidstyle.measure import folders
from vidstyle.measure.folders import measure_folders
from vidstyle.networks.inception import FILE_NAME
from vidstyle.records import FrameReport, Notice, Plan


@pytest.fixture(autouse=True)
def _nothing_at_hand(tmp_path, monkeypatch):
    """Look for no weights in the folders of whoever runs the tests; measure small."""
    monkeypatch.setenv("VIDSTYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(folders, "SIDE", 32)


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


def measure(result, content, style, network=None, listener=lambda _: None):
    return measure_folders(
        result, content, style=style, network=network, device="cpu", listener=listener
    )


def test_a_set_is_nearer_to_itself_than_to_another(make_set):
    results, contents = make_set("results", 4, 1), make_set("contents", 5, 1)
    paintings = make_set("paintings", 3, 2, contrast=0.2)

    measured = measure(results, contents, paintings)
    same = measure(results, results, results)

    assert (measured.results, measured.contents, measured.styles) == (4, 5, 3)
    assert measured.dimensions == 128
    assert measured.features.startswith("relu5_1 of slim")
    assert same.content_fid[0] == pytest.approx(0, abs=1e-9)
    near, own, ratio = measured.content_fid
    assert 0 < near < measured.style_fid[0]
    assert (own, ratio) == (0, None)
    far, theirs, ratio = measured.style_fid
    assert ratio == far / theirs
    assert theirs == measure(contents, contents, paintings).style_fid[0]


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
    assert [event.frame for event in heard[2:8]] == list(range(6))
    assert heard[-1].is_warning
    assert "fewer pictures than the 128 features" in heard[-1].text
    assert str(small) + " (2)" in heard[-1].text


def test_a_network_that_is_named_is_taken(make_set, monkeypatch):
    monkeypatch.setattr(folders, "find_inception", lambda: pytest.fail("looked"))
    small, heard = make_set("small", 2, 1), []

    measured = measure(small, small, small, network="slim", listener=heard.append)

    assert measured.features.startswith("relu5_1 of slim")
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
        folders, "load_inception", lambda _, device: lambda images: images.mean((2, 3))
    )
    measured = measure(small, small, small)
    assert "Inception v3" in measured.features
    assert measured.dimensions == 3


def test_what_is_no_set_is_refused(make_set, tmp_path):
    pair, one = make_set("pair", 2, 1), make_set("one", 1, 1)
    empty = tmp_path / "empty"
    empty.mkdir()

    with pytest.raises(InputError, match=r"one holds 1 picture\(s\); .* at least 2"):
        measure(pair, pair, one)
    with pytest.raises(InputError, match="there is no picture in the folder"):
        measure(empty, pair, pair)
    with pytest.raises(InputError, match=r"a\.png is a file; where --style"):
        measure(pair / "a.png", pair, pair)
    with pytest.raises(InputError, match="gone does not exist; where --style"):
        measure(pair, tmp_path / "gone", pair)
    (pair / "words.png").write_text("no picture")
    with pytest.raises(ImageOpenError, match=r"words\.png is not a picture"):
        measure(pair, pair, pair)
