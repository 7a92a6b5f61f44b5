"""Clips whose measures are known."""

from fractions import Fraction

import numpy as np
import pytest

from vidstyle.config import EncodingConfig
from vidstyle.images import write_picture
from vidstyle.measure import MeasureConfig
from vidstyle.measure.clip import measure_clip
from vidstyle.measure.distance import mean_gradient, mean_luminance
from vidstyle.records import FrameReport, Notice, Plan
from vidstyle.video.probe import probe
from vidstyle.video.write import write_video

pytestmark = pytest.mark.slow


def pan(texture, count, step=2):
    return [texture[:, step * t : step * t + 96] for t in range(count)]


def measure(result, content, listener=lambda _: None, **others):
    config = MeasureConfig(content=content, network="slim", device="cpu", **others)
    return measure_clip(result, config, listener)


def means(quantity):
    sides = (quantity[side]["mean"] for side in ("result", "content"))
    return (*sides, quantity["ratio"])


def drifts(quantity):
    sides = (quantity[side]["drift"] for side in ("result", "content"))
    return (*sides, quantity["drift_ratio"])


def test_a_result_equal_to_its_content_has_its_numbers(make_folder, texture, tmp_path):
    content = make_folder("content", pan(texture, 6))
    result = make_folder("result", pan(texture, 6)[2:5])
    painting = tmp_path / "painting.png"
    write_picture(painting, texture[::-1])

    measured = measure(result, content, frames=(2, 5), style=painting)

    assert measured["temporal_error"]["content"]["frames"][0] is None
    assert all(
        error > 0 for error in measured["temporal_error"]["content"]["frames"][1:]
    )
    quantities = {name: it for name, it in measured.items() if "ratio" in str(it)}
    for name, quantity in quantities.items():
        frames = quantity["content"]["frames"]
        assert quantity["result"]["frames"] == pytest.approx(frames, abs=1e-12), name
        assert len(frames) == 3, name
        if name not in {"content_distance", "content_mse"}:
            assert quantity["ratio"] == pytest.approx(1), name
            assert quantity["drift_ratio"] == pytest.approx(1), name
    assert measured["content_distance"]["result"]["frames"] == [0, 0, 0]
    assert measured["content_mse"]["result"]["frames"] == [0, 0, 0]
    assert set(quantities) == {
        *(
            "temporal_error",
            "flicker",
            "luminance",
            "gradient",
            "content_mse",
            "content_ssim",
        ),
        *("style_mse", "style_distance", "content_distance"),
    }
    assert measured["network"] == "slim"


def test_noise_over_a_still_picture_has_a_known_error(make_folder, texture):
    rng = np.random.default_rng(3)
    still = texture[:, :96]
    noise = rng.integers(-20, 21, (4, *still.shape))
    noisy = [(still + grain).astype(np.uint8) for grain in noise]

    measured = measure(
        make_folder("result", noisy), make_folder("content", [still] * 4)
    )

    # Nothing moves and all is trusted, so the misses are the differences of the noise.
    assert measured["trusted_share"]["frames"] == [None, 1, 1, 1]
    misses = [np.square(np.diff(noise, axis=0)[t] / 255).mean() for t in range(3)]
    assert measured["temporal_error"]["result"]["frames"][1:] == pytest.approx(
        misses, rel=1e-5
    )
    variance = (41**2 - 1) / 12 / 255**2
    assert measured["temporal_error"]["result"]["mean"] == pytest.approx(
        2 * variance, rel=0.02
    )
    assert measured["temporal_error"]["content"]["frames"] == [None, 0, 0, 0]
    assert measured["temporal_error"]["ratio"] is None  # nothing to divide by


def test_drift_is_the_last_frame_against_the_second(make_folder, texture):
    still = texture[:, :96]
    faded = [still, still, still // 2, still // 2]

    measured = measure(
        make_folder("result", faded), make_folder("content", [still] * 4)
    )

    mse = measured["content_mse"]["result"]["frames"]
    assert mse[:2] == [0, 0]
    assert (
        mse[2] == mse[3] == pytest.approx(np.square(still / 255).mean() / 4, rel=0.02)
    )
    assert measured["luminance"]["result"]["frames"] == [
        mean_luminance(f) for f in faded
    ]
    assert measured["gradient"]["result"]["frames"] == [mean_gradient(f) for f in faded]
    assert drifts(measured["luminance"]) == pytest.approx((0.5, 1, 0.5), abs=0.01)
    assert drifts(measured["gradient"]) == pytest.approx((0.5, 1, 0.5), abs=0.05)


def test_no_error_is_measured_over_a_cut(make_folder, texture):
    one = texture[:, :96]
    other = 255 - np.ascontiguousarray(texture[::-1, 64:][:, ::-1])
    clip = make_folder("clip", [one] * 5 + [other] * 5)

    measured = measure(clip, clip)

    assert measured["cuts"] == (5,)
    missing = [
        i
        for i, e in enumerate(measured["temporal_error"]["result"]["frames"])
        if e is None
    ]
    assert missing == [0, 5]
    assert measured["temporal_error"]["result"]["mean"] == 0


def test_one_frame_has_neither_error_nor_drift(make_folder, texture):
    clip = make_folder("clip", [texture])

    measured = measure(clip, clip)

    assert means(measured["temporal_error"]) == (None, None, None)
    assert drifts(measured["luminance"]) == (None, None, None)
    assert measured["luminance"]["ratio"] == 1


def test_the_listener_hears_of_the_codec_and_of_every_frame(make_folder, texture):
    frames = [np.ascontiguousarray(frame) for frame in pan(texture, 3)]
    content = make_folder("content", frames)
    result = content.with_name("result.mp4")
    write_video(
        frames,
        result,
        times_s=[0, 0.04, 0.08],
        fps=Fraction(25),
        source=probe(content),
        span=None,
        config=EncodingConfig(crf=0),
    )
    heard = []

    measure(result, content, listener=heard.append)

    assert [type(event) for event in heard] == [Notice, Plan] + 3 * [FrameReport]
    assert "compression" in heard[0].text
    assert [event.frame for event in heard[2:]] == [0, 1, 2]
    assert all(event.frames_known == 3 for event in heard[2:])
