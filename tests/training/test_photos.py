from pathlib import Path

import numpy as np
import pytest
import torch

from vidstyle.errors import ConfigError, ImageOpenError
from vidstyle.images import write_picture
from vidstyle.training.photos import Crops, find_photos, hold_out, read_photos


def test_every_tenth_is_held_out_and_none_is_in_both() -> None:
    paths = [Path(f"{at}.jpg") for at in range(25)]
    training, held_out = hold_out(paths)
    assert held_out == [Path("0.jpg"), Path("10.jpg"), Path("20.jpg")]
    assert sorted([*training, *held_out]) == sorted(paths)


def test_photographs_are_found_below_the_folder_in_order(photos: Path) -> None:
    (photos / "more").mkdir()
    (photos / "00.png").rename(photos / "more" / "A.JPG")
    (photos / "notes.txt").write_text("no photograph")
    found = find_photos(photos)
    assert len(found) == 20
    assert found == sorted(found)


def test_too_few_photographs_are_refused(photos: Path) -> None:
    (photos / "00.png").unlink()
    with pytest.raises(ConfigError, match=r"has 19 photograph\(s\); .* at least 20"):
        find_photos(photos)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageOpenError, match="is not a folder of photographs"):
        find_photos(tmp_path / "missing")


def test_a_batch_is_a_function_of_seed_and_step(photos: Path) -> None:
    crops = Crops(find_photos(photos), batch=3, crop=40, seed=1)
    images = crops.draw(5)
    assert images.shape == (3, 3, 40, 40)
    assert images.min() >= 0
    assert images.max() <= 1
    assert torch.equal(images, crops.draw(5))
    assert not torch.equal(images, crops.draw(6))
    other = Crops(find_photos(photos), batch=3, crop=40, seed=2)
    assert not torch.equal(images, other.draw(5))


def test_large_photographs_shrink_and_small_ones_grow(tmp_path: Path) -> None:
    for name, height, width in (("large", 1100, 1400), ("flat", 20, 700)):
        write_picture(
            tmp_path / f"{name}.png", np.full((height, width, 3), 90, np.uint8)
        )
    paths = sorted(tmp_path.glob("*.png"))
    for photo in read_photos(paths, side=48):
        torch.testing.assert_close(photo, torch.full((1, 3, 48, 48), 90 / 255))
    assert Crops(paths, batch=4, crop=64, seed=0).draw(0).shape == (4, 3, 64, 64)


def test_a_broken_photograph_is_named(photos: Path) -> None:
    broken = photos / "00.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(ImageOpenError, match=r"00\.png is not a picture"):
        Crops([broken], batch=1, crop=32, seed=0).draw(0)
