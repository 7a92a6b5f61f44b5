"""Masks that go along with what they lie on, on made-up frames."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from pictures import scene

from vidstyle.clip.region_masks import Cut, propagate_masks
from vidstyle.color import Mask
from vidstyle.records import TimedFrame

HEIGHT, WIDTH = 32, 64


def clip(frames: int, *, cut: int | None = None) -> Iterator[TimedFrame]:
    """The camera moves by two pixels a frame, from frame 3 and second 1 on."""
    wide = scene(1, HEIGHT, WIDTH + 2 * frames)
    for place in range(frames):
        frame = np.ascontiguousarray(wide[:, 2 * place : 2 * place + WIDTH])
        if cut is not None and place >= cut:
            frame = scene(5, HEIGHT, WIDTH)
        yield TimedFrame(index=3 + place, time_s=1 + place / 10, frame=frame)


def box(columns: slice) -> Mask:
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[:, columns] = 1
    return mask


def carried(
    masks: Sequence[Mask], frames: Iterator[TimedFrame]
) -> tuple[Cut | None, dict[int, list[Mask]]]:
    kept: dict[int, list[Mask]] = {}

    def keep(index: int, moved: Sequence[Mask]) -> None:
        kept[index] = list(moved)

    return propagate_masks(masks, frames, flow="medium", keep=keep), kept


def test_masks_move_together_with_the_picture() -> None:
    cut, kept = carried([box(slice(30, 46)), box(slice(48, 60))], clip(6))
    assert cut is None
    assert list(kept) == [3, 4, 5, 6, 7, 8]
    for place, masks in enumerate(kept.values()):
        for mask, middle in zip(masks, (37.5, 53.5), strict=True):
            found = (mask.sum(axis=0) * np.arange(WIDTH)).sum() / mask.sum()
            assert found == pytest.approx(middle - 2 * place, abs=1)
            assert 0 <= mask.min() < 0.01
            assert 0.99 < mask.max() <= 1


@pytest.mark.parametrize("after", [2, 6])
def test_masks_end_with_their_shot(after: int) -> None:
    cut, kept = carried([box(slice(10, 30))], clip(5 + after, cut=5))
    assert cut == Cut(8, pytest.approx(1.5))
    assert set(range(3, 8)) <= set(kept)


def test_one_frame_keeps_its_mask() -> None:
    cut, kept = carried([box(slice(10, 30))], clip(1))
    assert cut is None
    assert kept[3][0][:, 15:25].min() > 0.99
