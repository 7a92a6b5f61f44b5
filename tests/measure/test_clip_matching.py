"""A result finds the frames that it was painted from, or is refused."""

import numpy as np
import pytest

from vidstyle.errors import ConfigError, InputError, VideoOpenError
from vidstyle.images import resize_frame
from vidstyle.measure.clip import match_clips, matched_frames

pytestmark = pytest.mark.slow


def flat(level, height=32, width=48):
    return np.full((height, width, 3), level, np.uint8)


def no_warning(text):
    pytest.fail(f"warned: {text}")


def match(result, content, frames=(0, None)):
    return match_clips(result, content, frames=frames, on_warning=no_warning)


def test_frames_are_paired_from_the_first_that_was_painted(make_folder):
    content = make_folder("content", [flat(10 * t) for t in range(6)])
    result = make_folder("result", [flat(100 + t) for t in range(3)])

    matched = match(result, content, frames=(2, 5))
    pairs = list(matched_frames(matched))

    assert (matched.first, matched.count, matched.cuts) == (2, 3, ())
    assert matched.times_s == pytest.approx((2 / 25, 3 / 25, 4 / 25))
    assert [int(stylized[0, 0, 0]) for stylized, _ in pairs] == [100, 101, 102]
    assert [int(source[0, 0, 0]) for _, source in pairs] == [20, 30, 40]


def test_an_open_range_ends_where_the_content_does(make_folder):
    content = make_folder("content", [flat(t) for t in range(5)])
    result = make_folder("result", [flat(t) for t in range(2)])

    assert match(result, content, frames=(3, None)).count == 2
    assert match(result, content, frames=(3, 99)).count == 2


def test_the_content_is_resized_to_the_result(make_folder, texture):
    content = make_folder("content", [texture])
    result = make_folder("result", [texture[:32, :80]])

    ((stylized, source),) = matched_frames(match(result, content))

    np.testing.assert_array_equal(stylized, texture[:32, :80])
    np.testing.assert_array_equal(source, resize_frame(texture, height=32, width=80))


def test_cuts_are_the_contents_and_count_from_the_first_frame(make_folder, texture):
    one, other = texture[:, :96], np.ascontiguousarray(texture[::-1, 64:][:, ::-1])
    content = make_folder("content", [one] * 6 + [255 - other] * 6)
    result = make_folder("result", [one] * 10)

    assert match(result, content, frames=(2, 12)).cuts == (4,)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ((0, None), r"differ: 3 in .*result, 5 in .*content; use"),
        ((1, 3), r"differ: 3 in .*result, 2 in .*content in 1:3;"),
        ((7, 10), r"differ: 3 in .*result, 0 in .*content in 7:10;"),
        ((3, 2), r"differ: 3 in .*result, 0 in .*content in 3:2;"),
    ],
)
def test_other_numbers_of_frames_are_refused(make_folder, frames, said):
    content = make_folder("content", [flat(t) for t in range(5)])
    result = make_folder("result", [flat(t) for t in range(3)])

    with pytest.raises(InputError, match=said):
        match(result, content, frames=frames)


def test_another_shape_is_refused(make_folder):
    content = make_folder("content", [flat(0, 32, 48)])
    result = make_folder("result", [flat(0, 32, 32)])

    with pytest.raises(InputError, match=r"32x32, but .* is 48x32"):
        match(result, content)


def test_a_side_padded_to_an_even_number_is_no_other_shape(make_folder):
    content = make_folder("content", [flat(0, 17, 51)])
    result = make_folder("result", [flat(0, 18, 52)])

    assert match(result, content).count == 1


def test_a_range_starts_at_a_frame(make_folder):
    folder = make_folder("clip", [flat(0)])

    with pytest.raises(ConfigError, match="frames start is -2"):
        match(folder, folder, frames=(-2, None))


def test_both_have_to_be_clips(make_folder, tmp_path):
    folder, empty = make_folder("clip", [flat(0)]), tmp_path / "empty"
    empty.mkdir()

    with pytest.raises(VideoOpenError, match="empty has no numbered pictures"):
        match(empty, folder)
    with pytest.raises(VideoOpenError, match=r"gone\.mp4"):
        match(folder, tmp_path / "gone.mp4")


def test_damage_is_told_once(make_clip, make_folder):
    path = make_clip(
        "clip.mkv",
        *("-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=2"),
        *("-c:v", "mjpeg"),
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    said = []

    matched = match_clips(path, path, frames=(0, None), on_warning=said.append)
    pairs = list(matched_frames(matched))

    assert 0 < len(pairs) == matched.count < 50
    assert len(said) == 2  # one is the result's, one the content's
    assert all("is truncated" in text for text in said)
