"""Stills whose nearness to content and painting is known."""

import numpy as np
import pytest
import torch

from vidstyle.errors import ConfigError, ImageOpenError, InputError
from vidstyle.images import is_picture, resize_frame, write_picture
from vidstyle.measure import MeasureConfig
from vidstyle.measure.distance import (
    FrameMeter,
    mean_squared_error,
    measure_still,
    structural_similarity,
)
from vidstyle.networks import load_network


def picture(seed, height=32, width=48):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), np.uint8)
    return resize_frame(coarse, height=height, width=width)


@pytest.fixture
def write(tmp_path):
    def write(name, frame):
        write_picture(tmp_path / name, frame)
        return tmp_path / name

    return write


def measure(result, content, style=None):
    config = MeasureConfig(content=content, style=style, network="slim", device="cpu")
    return measure_still(result, config, lambda _: None)


def test_a_still_is_compared_with_content_and_painting(write, tmp_path):
    result, content, painting = picture(1), picture(2), picture(3, 40, 40)
    paths = [
        write(name, frame)
        for name, frame in (("r.png", result), ("c.png", content), ("p.png", painting))
    ]

    measured = measure(*paths)

    stretched = resize_frame(painting, height=32, width=48)
    network = load_network("slim", device=torch.device("cpu"))
    meter = FrameMeter(paths[2], network, height=32, width=48)
    ours, theirs = meter.distances(result, content, begins_shot=True)
    near = {
        "content_mse": (mean_squared_error(result, content), 0),
        "content_ssim": (structural_similarity(result, content), 1),
        "style_mse": (
            mean_squared_error(result, stretched),
            mean_squared_error(content, stretched),
        ),
        "style_distance": (ours.style, theirs.style),
        "content_distance": (ours.content, 0),
    }
    found = {name: tuple(measured[name].values()) for name in near}
    assert {name: each[:2] for name, each in found.items()} == near
    for one, other, ratio in found.values():
        assert ratio == (one / other if other else None)
    assert (measured["height"], measured["width"], measured["network"]) == (
        32,
        48,
        "slim",
    )


def test_without_a_painting_there_is_no_network(write):
    measured = measure(write("r.png", picture(1)), write("c.png", picture(2)))

    facts = {"result", "content", "width", "height", "network"}
    assert set(measured) == facts | {"content_mse", "content_ssim"}
    assert measured["network"] is None


def test_the_content_is_resized_to_the_result(write):
    large = picture(2, 64, 96)
    result = write("r.png", resize_frame(large, height=32, width=48))

    measured = measure(result, write("c.png", large))

    assert measured["content_mse"]["result"] == 0


@pytest.mark.parametrize(
    ("result", "content", "said"),
    [
        ((32, 48), (32, 32), r"r\.png is 48x32, but .*c\.png is 32x32"),
        ((15, 48), (15, 48), r"r\.png is 48x15; .* at least 16 pixels per side"),
    ],
)
def test_what_does_not_belong_together_is_refused(write, result, content, said):
    paths = write("r.png", picture(1, *result)), write("c.png", picture(2, *content))

    with pytest.raises(InputError, match=said):
        measure(*paths)


def test_unreadable_files_are_named(write, tmp_path):
    there = write("r.png", picture(1))
    words = tmp_path / "words.png"
    words.write_text("no picture")

    with pytest.raises(ImageOpenError, match=r"gone\.png"):
        measure(there, tmp_path / "gone.png")
    with pytest.raises(ImageOpenError, match=r"words\.png is not a picture"):
        measure(words, there)
    with pytest.raises(ImageOpenError, match=r"words\.png is not a picture"):
        measure(there, there, words)
    with pytest.raises(ConfigError, match="too small"):
        measure(there, there, write("tiny.png", picture(1, 8, 8)))


def test_a_picture_is_known_by_its_name(tmp_path):
    (tmp_path / "folder.png").mkdir()

    assert is_picture(tmp_path / "a.JPG")
    assert not is_picture(tmp_path / "a.gif")
    assert not is_picture(tmp_path / "a")
    assert not is_picture(tmp_path / "folder.png")
