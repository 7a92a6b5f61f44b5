"""Distances are the optimization's own errors, in a network that is always the same."""

import numpy as np
import pytest
import torch
from random_network import random_weights

from vidstyle.config import StyleConfig
from vidstyle.errors import ConfigError, ImageOpenError, WeightsError
from vidstyle.images import frame_to_image, resize_frame, write_picture
from vidstyle.measure import MeasureConfig
from vidstyle.measure.clip import collect, series
from vidstyle.measure.distance import FrameMeter, compare, load_distance_network
from vidstyle.networks import SLIM, slim
from vidstyle.networks.weights import write_weights
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.targets import content_target, style_target

HEIGHT, WIDTH = 32, 48
NETWORK = slim()


def picture(seed, height=HEIGHT, width=WIDTH):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), np.uint8)
    return resize_frame(coarse, height=height, width=width)


@pytest.fixture
def make_meter(tmp_path):
    def make(painting):
        path = tmp_path / "painting.png"
        write_picture(path, painting)
        return FrameMeter(path, NETWORK, height=HEIGHT, width=WIDTH)

    return make


def test_distances_are_the_terms_of_the_objective(make_meter):
    painting, content, stylized = picture(1), picture(2), picture(3)
    measured, _ = make_meter(painting).distances(stylized, content, begins_shot=True)

    config = StyleConfig(content_weight=1, style_weight=1, content_detail=0)
    network, image = slim(), frame_to_image(stylized)
    objective = Objective(
        network, style_target(network, frame_to_image(painting), config), config
    )
    objective.allocate(image)
    objective.set_slot(0, content_target(network, frame_to_image(content), config))
    terms = objective.evaluate(image).terms
    assert measured.style == pytest.approx(terms["style"].item(), rel=1e-4)
    assert measured.content == pytest.approx(terms["content"].item(), rel=1e-4)


def test_a_picture_has_no_distance_to_itself(make_meter):
    painting, content = picture(1), picture(2)
    meter = make_meter(painting)

    ours, theirs = meter.distances(painting, content, begins_shot=True)

    assert ours.style == pytest.approx(0, abs=1e-9)
    assert ours.content > 0.1
    assert theirs.content == 0
    assert theirs.style > 0.05


def test_the_painting_is_measured_in_the_frames_size(make_meter):
    painting = picture(1, height=2 * HEIGHT, width=2 * WIDTH)
    small = resize_frame(painting, height=HEIGHT, width=WIDTH)

    ours, _ = make_meter(painting).distances(small, picture(2), begins_shot=True)

    assert ours.style == pytest.approx(0, abs=1e-9)


def test_a_shot_keeps_the_strength_of_its_first_frame(make_meter):
    bright, dark, stylized = picture(2), picture(2) // 3, picture(3)
    meter = make_meter(picture(1))
    alone, _ = meter.distances(stylized, dark, begins_shot=True)
    meter.distances(stylized, bright, begins_shot=True)
    faded, _ = meter.distances(stylized, dark, begins_shot=False)
    cut, _ = meter.distances(stylized, dark, begins_shot=True)

    network, config = slim(), StyleConfig()
    strengths = [
        content_target(network, frame_to_image(frame), config).energies
        for frame in (bright, dark)
    ]
    ratios = [strengths[1][layer] / strengths[0][layer] for layer in strengths[0]]
    assert max(ratios) < 0.9  # so much less of the error counts, layer by layer
    least, most = (alone.content * each for each in (min(ratios), max(ratios)))
    assert least * 0.9999 < faded.content < most * 1.0001
    assert cut == alone


def test_measuring_keeps_no_gradient(make_meter):
    meter = make_meter(picture(1))
    before = torch.is_grad_enabled()

    meter.distances(picture(3), picture(2), begins_shot=True)

    assert torch.is_grad_enabled() == before


def test_a_painting_has_to_be_a_picture(tmp_path):
    path = tmp_path / "painting.jpg"
    path.write_text("no picture")
    with pytest.raises(ImageOpenError, match=r"painting\.jpg is not a picture"):
        FrameMeter(path, NETWORK, height=32, width=48)


def test_a_painting_can_be_too_small(make_meter):
    with pytest.raises(ConfigError, match="too small"):
        make_meter(picture(1, height=8, width=8))


def test_a_ruler_is_slim_or_what_the_weights_fit(tmp_path):
    path, told = tmp_path / "own.npz", []
    write_weights(path, random_weights(SLIM))

    def load(network, weights):
        config = MeasureConfig(
            content=path, network=network, weights=weights, device="cpu"
        )
        return load_distance_network(config, told.append)

    image = frame_to_image(picture(1))
    own, named = load(None, path), load("slim", path)
    built_in = load(None, None)

    assert own.name == named.name == built_in.name == "slim"
    assert [event.text for event in told] == [
        f"network slim: matches the weights in {path}"
    ]
    features = [one(image, ["relu2_1"])["relu2_1"] for one in (own, named, built_in)]
    assert torch.equal(features[0], features[1])
    assert not torch.allclose(features[0], features[2])
    with pytest.raises(WeightsError, match="does not hold vgg16"):
        load("vgg16", path)


@pytest.mark.parametrize(
    ("frames", "mean", "drift"),
    [
        ([], None, None),
        ([3.0], 3, None),
        ([None, 2.0, 4.0], 3, 2),
        ([1.0, 0.0, 4.0], 5 / 3, None),
        ([None, None], None, None),
    ],
)
def test_a_series_passes_over_what_is_missing(frames, mean, drift):
    summed = series(frames)

    assert (summed["mean"], summed["drift"]) == (mean, drift)
    for each in collect([{"it": (value, 1.0)} for value in frames]).values():
        assert each["ratio"] == each["result"]["mean"] == mean


@pytest.mark.parametrize(
    ("result", "content", "ratio"),
    [(3.0, 2.0, 1.5), (0.0, 2.0, 0), (3.0, 0.0, None), (None, 2.0, None)],
)
def test_a_ratio_needs_something_to_divide_by(result, content, ratio):
    assert [*compare(result, content).values()] == [result, content, ratio]
