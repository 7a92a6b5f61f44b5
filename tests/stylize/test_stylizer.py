"""The core object: arrays in, arrays out; files will do."""

import warnings

import numpy as np
import pytest
import torch
from pictures import scene
from PIL import Image

from vidstyle import ConfigError, OutputError, StyleConfig, Stylizer, stylize_image
from vidstyle.images import read_picture, write_picture

FEW = StyleConfig(network="slim", device="cpu", steps=3, min_steps=3)


def test_arrays_come_out_as_files_do(tmp_path):
    photo, painting = scene(1), scene(2, 70, 50)
    steps = []
    stylizer = Stylizer([painting], FEW)
    painted = stylizer.stylize(photo, on_step=lambda report, _: steps.append(report))
    assert (painted.shape, painted.dtype) == ((32, 48, 3), np.uint8)
    assert [report.step for report in steps] == [1, 2, 3]
    assert np.array_equal(photo, scene(1))  # not modified
    for name, frame in (("photo.png", photo), ("painting.png", painting)):
        write_picture(tmp_path / name, frame)
    names = [str(tmp_path / name) for name in ("photo.png", "painting.png", "out.png")]
    assert np.array_equal(painted, read_picture(stylize_image(*names, config=FEW)))
    assert np.array_equal(painted, Stylizer(names[1], FEW).stylize(names[0]))
    assert np.array_equal(painted, Stylizer(painting, FEW).stylize(photo))


def test_each_frame_may_have_another_size():
    stylizer = Stylizer([scene(2, 70, 50)], FEW)
    shapes = [(32, 48), (48, 32), (32, 48)]
    painted = [stylizer.stylize(scene(1, *shape)) for shape in shapes]
    assert [each.shape[:2] for each in painted] == shapes
    assert np.array_equal(painted[0], painted[2])


def test_painting_has_to_be_there():
    with pytest.raises(ConfigError, match="there is no painting"):
        Stylizer([], FEW)


def test_pictures_of_other_libraries_and_read_only_ones_are_frames():
    photo, painting = scene(1), scene(2, 70, 50)
    painted = Stylizer(painting, FEW).stylize(photo)
    fixed = photo.copy()
    fixed.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for each in (Image.fromarray(photo), torch.from_numpy(photo), fixed):
            assert np.array_equal(Stylizer(painting, FEW).stylize(each), painted)
        stylizer = Stylizer(Image.fromarray(painting), FEW)
    assert np.array_equal(stylizer.stylize(photo), painted)


HALF = np.zeros((32, 48), np.float32)
HALF[:, :24] = 1


@pytest.mark.parametrize(
    "masks", [np.stack([HALF]), [HALF > 0], [HALF.tolist()], [torch.from_numpy(HALF)]]
)
def test_masks_may_be_of_any_number_type(masks):
    stylizer = Stylizer([scene(2), scene(3)], FEW, regions=1)
    painted = stylizer.stylize(scene(1), masks=[HALF])
    assert np.array_equal(stylizer.stylize(scene(1), masks=masks), painted)


@pytest.mark.parametrize(
    "masks", [[], [HALF, HALF], [HALF[:16]], HALF, [HALF * 255], [HALF * np.nan]]
)
def test_masks_that_do_not_fit_are_refused(masks):
    stylizer = Stylizer([scene(2), scene(3)], FEW, regions=1)
    with pytest.raises(
        ConfigError, match=r"one mask per region, 1 in all, each of shape \(32, 48\)"
    ):
        stylizer.stylize(scene(1), masks=masks)


def test_result_shares_no_memory_with_the_picture():
    photo = scene(1)
    painted = Stylizer(scene(3), FEW, regions=1).stylize(photo, masks=[HALF * 0])
    assert np.array_equal(painted, photo)
    assert not np.shares_memory(painted, photo)


@pytest.mark.parametrize("wrong", [scene(1) / 255, scene(1)[..., 0], None, b"a.png"])
def test_array_has_to_be_a_frame(wrong):
    with pytest.raises(
        ConfigError, match=r"uint8 array \(height, width, 3\), RGB; this one"
    ):
        Stylizer([wrong], FEW)


def test_nothing_is_replaced_unless_asked_for(tmp_path):
    photo = tmp_path / "photo.png"
    painting = tmp_path / "painting.png"
    write_picture(photo, scene(1))
    write_picture(painting, scene(2))
    with pytest.raises(OutputError, match="exists"):
        stylize_image(photo, painting, photo, config=FEW)
    assert stylize_image(photo, painting, photo, config=FEW, overwrite=True) == photo
    assert not np.array_equal(read_picture(photo), scene(1))
