"""Test which settings of a clip go together."""

import pytest

from vidstyle.config import EncodingConfig, StyleConfig, VideoConfig
from vidstyle.errors import ConfigError


@pytest.mark.parametrize(
    ("style_at", "said"),
    [
        ((-1, 2), "a time of style-at is -1; it must be at least 0"),
        ((0, float("inf")), "a time of style-at is inf; it must be"),
        ((0, 3.5, 3.5), "style-at: 0, 3.5, 3.5 is not ascending"),
        ((2, 1), "style-at: 2, 1 is not ascending"),
    ],
)
def test_times_that_paintings_cannot_have_are_refused(
    style_at: tuple[float, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        VideoConfig(style_at=style_at)


def test_paintings_are_mixed_or_fade() -> None:
    mixed = StyleConfig(style_mix=(1, 2))
    with pytest.raises(ConfigError, match="either style-mix or style-at"):
        VideoConfig(style=mixed, style_at=(0, 1))


@pytest.mark.parametrize("frames", [(5, 5), (5, 4), (0, 0), (0, -3)])
def test_empty_range_of_frames_is_refused(frames: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=f"frames {frames[0]}:{frames[1]} is empty"):
        VideoConfig(frames=frames)


def test_frames_before_the_first_are_refused() -> None:
    with pytest.raises(ConfigError, match="frames start is -1; it must be at least 0"):
        VideoConfig(frames=(-1, None))


@pytest.mark.parametrize("times", [{"start_s": 1}, {"duration_s": 1}])
def test_frames_and_times_exclude_one_another(times: dict[str, float]) -> None:
    VideoConfig(**times)
    with pytest.raises(ConfigError, match="either frames, or start and duration"):
        VideoConfig(frames=(3, 9), **times)


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        (VideoConfig(), 3),
        (VideoConfig(key_frames=1), 12),
        (VideoConfig(next_steps=8), 1),
        (VideoConfig(next_steps=2), 1),
        (VideoConfig(next_steps=0), 0),
        (VideoConfig(next_init="content", temporal_weight=0), 50),
        (VideoConfig(style=StyleConfig(balance="gradients", optimizer="adam")), 50),
    ],
)
def test_later_frame_is_expected_to_end_early_where_it_may(
    config: VideoConfig, steps: int
) -> None:
    assert config.expected_next_steps == steps


def test_settings_go_where_they_belong() -> None:
    config = VideoConfig.of(steps=7, codec="h265", batch=2)
    assert config == VideoConfig(
        style=StyleConfig(steps=7), encoding=EncodingConfig(codec="h265"), batch=2
    )
    with pytest.raises(TypeError, match="stepps"):
        VideoConfig.of(stepps=7)
