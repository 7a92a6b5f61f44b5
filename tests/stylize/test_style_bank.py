"""What a frame is to look like: mixes to the bit, and whose colors it gets."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vidstyle.color import WEIGHTS, ColorStatistics, color_statistics
from vidstyle.config import StyleConfig
from vidstyle.images import frame_to_image, image_to_frame, resize_frame
from vidstyle.networks import slim
from vidstyle.optimize.targets import FLOOR, style_target
from vidstyle.stylize.style_bank import StyleBank

CONFIG = StyleConfig()
NETWORK = slim()


def scene(seed, height=32, width=48):
    """Draw a smooth, colorful picture away from black and white."""
    coarse = np.random.default_rng(seed).integers(60, 200, (4, 6, 3), np.uint8)
    return resize_frame(coarse, height=height, width=width)


A, B, SOURCE = scene(1), scene(2, 40, 40), scene(3)
COLORS = color_statistics(SOURCE)


def look(*paintings, times_s=(), **changes):
    config = replace(CONFIG, **changes)
    device = torch.device("cpu")
    return StyleBank(paintings, NETWORK, config, device=device, times_s=times_s)


def same(one, other):
    assert one.statistics.keys() == other.statistics.keys()
    return one.energies == other.energies and all(
        torch.equal(one.statistics[layer], other.statistics[layer])
        for layer in one.statistics
    )


@pytest.mark.parametrize("keep_color", ["none", "luminance", "histogram"])
@pytest.mark.parametrize("style_loss", ["gram", "meanstd", "swd", "wasserstein"])
def test_mix_of_all_and_nothing_is_the_one_to_the_bit(keep_color, style_loss):
    changes = {"keep_color": keep_color, "style_loss": style_loss}
    alone = look(A, **changes)
    for paintings, mix in (
        ((A, B), (1, 0)),
        ((B, A), (0, 7.0)),
        ((B, A, B), (0, 3, 0)),
    ):
        mixed = look(*paintings, style_mix=mix, **changes)
        ours, theirs = (each.at(0, COLORS) for each in (mixed, alone))
        assert same(mixed.style(ours), alone.style(theirs))
        assert np.array_equal(
            mixed.content(SOURCE, ours), alone.content(SOURCE, theirs)
        )
        assert torch.equal(mixed.strongest(ours), alone.strongest(theirs))


def test_one_painting_is_its_target():
    expected = style_target(NETWORK, frame_to_image(A), CONFIG)
    one = look(A)
    assert same(one.style(one.at(0, COLORS)), expected)
    assert same(one.plain_style(), expected)


def test_gram_matrices_are_mixed_by_weight():
    mixed = look(A, B, style_mix=(2, 1))
    found = mixed.style(mixed.at(0, COLORS))
    one, two = (style_target(NETWORK, frame_to_image(each), CONFIG) for each in (A, B))
    for layer, gram in found.statistics.items():
        expected = (2 * one.statistics[layer] + two.statistics[layer]) / 3
        torch.testing.assert_close(gram, expected)
        energy = gram.double().square().sum().item()
        floor = FLOOR * NETWORK.gram_energy[layer]
        assert found.energies[layer] == pytest.approx(max(energy, floor))


def test_only_the_ratio_of_the_weights_counts_and_none_are_all_alike():
    def styles(*mixes):
        for mix in mixes:
            mixed = look(A, B, style_mix=mix)
            yield mixed.style(mixed.at(0, COLORS))

    assert same(*styles((2, 2), ()))
    assert same(*styles((1, 3), (4, 12)))


def test_paintings_fade_into_one_another_with_their_palettes():
    fading, one, two = look(A, B, times_s=(1, 3)), look(A), look(B)
    for time_s, alone in ((0, one), (1, one), (3, two), (9, two)):
        wish = fading.at(time_s, COLORS)
        assert same(fading.style(wish), alone.style(alone.at(0, COLORS)))
        content = alone.content(SOURCE, alone.at(0, COLORS))
        assert np.array_equal(fading.content(SOURCE, wish), content)
    half = look(A, B)
    between, mixed = fading.at(2, COLORS), half.at(0, COLORS)
    assert same(fading.style(between), half.style(mixed))
    contents = [
        each.content(SOURCE, w) for each, w in ((fading, between), (half, mixed))
    ]
    assert np.array_equal(*contents)
    means = [fading.content(SOURCE, fading.at(t, COLORS)).mean() for t in (1, 2, 3)]
    assert means[1] == pytest.approx((means[0] + means[2]) / 2, abs=1)


def test_content_gets_the_palette_of_the_painting_unless_it_keeps_its_own():
    def content(**changes):
        made = look(A, **changes)
        return made.content(SOURCE, made.at(0, COLORS))

    wanted = color_statistics(A).mean
    np.testing.assert_allclose(color_statistics(content()).mean, wanted, atol=0.01)
    assert np.array_equal(content(recolor=False), SOURCE)
    assert np.array_equal(content(keep_color="histogram"), SOURCE)
    gray = content(keep_color="luminance")
    assert np.ptp(gray, axis=2).max() == 0


def test_painting_gets_the_palette_of_the_content_for_histogram():
    made = look(A, keep_color="histogram")
    shown = image_to_frame(made.strongest(made.at(0, COLORS)))
    found = color_statistics(shown)
    np.testing.assert_allclose(found.mean, COLORS.mean, atol=0.01)
    np.testing.assert_allclose(found.covariance, COLORS.covariance, atol=0.004)
    expected = style_target(NETWORK, frame_to_image(shown), CONFIG)
    assert same(made.style(made.at(0, COLORS)), expected)


def test_painting_is_gray_and_as_light_as_the_content_for_luminance():
    made = look(A, keep_color="luminance")
    shown = image_to_frame(made.strongest(made.at(0, COLORS)))
    assert np.ptp(shown, axis=2).max() == 0
    luma = SOURCE @ WEIGHTS
    assert shown.mean() == pytest.approx(luma.mean(), abs=1)
    assert shown.std() == pytest.approx(luma.std(), rel=0.05)


def test_painting_follows_the_colors_of_the_shot():
    made = look(A, keep_color="histogram")
    dark = ColorStatistics(COLORS.mean / 2, COLORS.covariance / 4)
    shown = [made.strongest(made.at(0, colors)).mean() for colors in (COLORS, dark)]
    assert shown[1] < 0.6 * shown[0]
    assert not same(made.style(made.at(0, COLORS)), made.style(made.at(0, dark)))


@pytest.mark.parametrize("keep_color", ["none", "histogram"])
def test_whole_frames_are_worked_on_but_for_luminance(keep_color):
    made = look(A, keep_color=keep_color)
    assert made.to_working(SOURCE) is SOURCE
    assert made.restore_chroma(A, SOURCE) is A


def test_luminance_is_worked_on_alone_and_can_be_read_back():
    made = look(A, keep_color="luminance")
    painted = made.to_working(A)
    finished = made.restore_chroma(painted, SOURCE)
    assert np.ptp(painted, axis=2).max() == 0
    assert np.abs(made.to_working(finished).astype(int) - painted).max() <= 1
    difference = finished - SOURCE.astype(float)
    assert np.ptp(difference, axis=2).max() <= 1 + 1e-9  # the chroma is the source's
