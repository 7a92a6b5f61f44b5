"""One picture from file to file, on slim, small and with few steps."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from listening import Listened
from pictures import scene

from vidstyle.config import (
    AlbumConfig,
    EvolutionConfig,
    LayerWeight,
    Region,
    StyleConfig,
)
from vidstyle.errors import (
    ConfigError,
    ImageOpenError,
    InputError,
    OutputError,
    VidstyleError,
    WeightsError,
)
from vidstyle.images import read_alpha, read_picture, write_picture
from vidstyle.records import Notice
from vidstyle.stylize import image
from vidstyle.stylize.album import stylize_album
from vidstyle.stylize.style_bank import working_size
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames

pytestmark = pytest.mark.slow

stylize_image = partial(image.stylize_image, overwrite=True)

FEW = StyleConfig(network="slim", device="cpu", steps=6, min_steps=6)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    write_picture(path, scene(1))
    return path


@pytest.fixture
def style(tmp_path: Path) -> Path:
    path = tmp_path / "painting.png"
    write_picture(path, scene(2, 70, 50))
    return path


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "result.png"


def test_picture_is_painted(content: Path, style: Path, output: Path) -> None:
    heard = Listened()
    config = replace(FEW, steps=20)
    assert stylize_image(content, style, output, config=config, listener=heard) == (
        output
    )
    painted = read_picture(output)
    assert painted.shape == (32, 48, 3)
    assert not np.array_equal(painted, read_picture(content))
    assert (heard.plan.height, heard.plan.width, heard.plan.frames) == (32, 48, 1)
    assert [report.step for report in heard.steps] == list(range(1, 21))
    losses = [report.loss for report in heard.steps]
    assert min(losses) < 0.7 * losses[0]
    first, last = heard.steps[0].losses, heard.steps[-1].losses
    assert last["style"] < 0.7 * first["style"]
    assert sum(last.values()) == pytest.approx(losses[-1])


def test_same_call_gives_the_same_pixels(
    content: Path, style: Path, output: Path
) -> None:
    config = replace(FEW, init="random")
    results = []
    for seed in (0, 0, 1):
        run = replace(config, seed=seed)
        stylize_image(content, style, output, config=run)
        results.append(read_picture(output))
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


@pytest.mark.parametrize(
    ("optimizer", "init"),
    [
        ("lbfgs", "random"),
        ("newton-cg", "content"),
        ("adam", "file"),
        ("momentum", "style"),
        ("langevin", "content"),
    ],
)
def test_every_start_leads_down(
    content: Path, style: Path, output: Path, optimizer: str, init: str
) -> None:
    if init == "file":
        write_picture(output.with_name("start.jpg"), scene(3, 100, 60))
    start = output.with_name("start.jpg") if init == "file" else init
    config = replace(FEW, init=start, optimizer=optimizer, steps=8, min_steps=8)
    heard = Listened()
    stylize_image(content, style, output, config=config, listener=heard)
    losses = [report.loss for report in heard.steps]
    assert min(losses) < losses[0]
    assert read_picture(output).shape == (32, 48, 3)


@pytest.mark.parametrize("style_loss", ["meanstd", "swd", "wasserstein"])
def test_every_style_loss_leads_down(
    content: Path, style: Path, output: Path, style_loss: str
) -> None:
    heard = Listened()
    config = replace(FEW, style_loss=style_loss, steps=15)
    stylize_image(content, style, output, config=config, listener=heard)
    first, last = heard.steps[0].losses["style"], heard.steps[-1].losses["style"]
    assert last < 0.8 * first


def test_scale_of_the_painting_is_in_sizes_of_the_result(
    content: Path, style: Path, output: Path
) -> None:
    results = []
    for changes in ({"style_scale": 0.5}, {"style_side": 24}, {"style_scale": 1}):
        config = replace(FEW, **changes)
        stylize_image(content, style, output, config=config)
        results.append(read_picture(output))
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])
    stylize_image(content, style, output, config=FEW)
    assert np.array_equal(read_picture(output), results[2])


def test_painting_with_fewer_pixels_than_asked_for_is_a_warning(
    content: Path, style: Path, output: Path
) -> None:
    heard = Listened()
    config = replace(FEW, style_scale=2)
    stylize_image(content, style, output, config=config, listener=heard)
    text = "painting.png stays at its own 70 pixels, less than 96"
    assert Notice(text=text, is_warning=True) in heard


def test_mix_of_all_and_nothing_is_the_one_painting(
    content: Path, style: Path, output: Path
) -> None:
    other = output.with_name("other.png")
    write_picture(other, scene(8, 40, 60))
    results = []
    for paintings, mix in (
        (style, ()),
        ([style, other], (1, 0)),
        ([other, style], (0, 5)),
        ([style, other], ()),
    ):
        config = replace(FEW, style_mix=mix)
        stylize_image(content, paintings, output, config=config)
        results.append(read_picture(output))
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])
    assert not np.array_equal(results[0], results[3])


def test_luminance_alone_is_painted(content: Path, style: Path, output: Path) -> None:
    pale = (scene(1) // 8 + 112).astype(np.uint8)
    write_picture(content, pale)
    gif = output.with_suffix(".gif")
    config = replace(FEW, keep_color="luminance", init="style")
    stylize_image(content, style, output, config=config, evolution_output=gif)
    change = read_picture(output).astype(int) - pale
    assert np.ptp(change, axis=2).max() <= 1  # of the source's chroma
    assert np.abs(change).mean() > 1


@pytest.mark.parametrize("init", ["random", "style"])
def test_histogram_leaves_the_content_its_colors(
    content: Path, style: Path, output: Path, init: Any
) -> None:
    write_picture(style, (scene(2) // 4 + np.uint8([180, 0, 0])).astype(np.uint8))
    means = {}
    for keep_color in ("none", "histogram"):
        config = replace(FEW, keep_color=keep_color, steps=60, init=init)
        stylize_image(content, style, output, config=config)
        means[keep_color] = read_picture(output).mean(axis=(0, 1))
    own = scene(1).mean(axis=(0, 1))
    kept, lost = (np.abs(means[name] - own).max() for name in ("histogram", "none"))
    assert kept < 0.25 * lost


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (replace(FEW, style_mix=(1, 2)), "style-mix has 2 values, but there is 1"),
        (FEW, "there is no painting"),
    ],
)
def test_paintings_and_weights_have_to_go_together(
    content: Path, style: Path, output: Path, config: StyleConfig, said: str
) -> None:
    paintings = [style] if config.style_mix else []
    with pytest.raises(ConfigError, match=said):
        stylize_image(content, paintings, output, config=config)


@pytest.fixture
def regions(output: Path) -> Callable[..., list[Region]]:
    """Make two regions, left and right of an unlisted middle."""

    def make(left: Path, right: Path) -> list[Region]:
        made = []
        for name, style, columns in (
            ("left", left, slice(0, 16)),
            ("right", right, slice(32, 48)),
        ):
            mask = np.zeros((32, 48, 3), np.uint8)
            mask[:, columns] = 255
            write_picture(output.with_name(f"{name}.png"), mask)
            made.append(Region(output.with_name(f"{name}.png"), style))
        return made

    return make


REACH = round(4 * 0.01 * 48)
"""Pixels that a soft border reaches to either side."""


@pytest.mark.parametrize("style_loss", ["gram", "meanstd", "swd", "wasserstein"])
def test_region_does_not_change_with_the_painting_of_another(
    content: Path, style: Path, output: Path, regions: Any, style_loss: Any
) -> None:
    other = output.with_name("other.png")
    write_picture(other, scene(8, 40, 60))
    results = []
    for right in (style, other):
        config = replace(FEW, style_loss=style_loss)
        listed = regions(style, right)
        stylize_image(content, [], output, config=config, regions=listed)
        results.append(read_picture(output))
    one, two = results
    assert np.array_equal(one[:, : 32 - REACH], two[:, : 32 - REACH])
    assert not np.array_equal(one[:, 32:], two[:, 32:])
    # What is listed nowhere keeps the source.
    middle = slice(16 + REACH, 32 - REACH)
    assert np.array_equal(one[:, middle], scene(1)[:, middle])
    assert np.abs(one[:, :16].astype(int) - scene(1)[:, :16]).mean() > 2


def test_what_is_in_no_region_gets_the_painting_that_is_named(
    content: Path, style: Path, output: Path, regions: Any
) -> None:
    other = output.with_name("other.png")
    write_picture(other, scene(8, 40, 60))
    middles = []
    middle = slice(16 + REACH, 32 - REACH)
    for rest in (style, other):
        listed = regions(style, style)
        stylize_image(content, rest, output, config=FEW, regions=listed)
        middles.append(read_picture(output)[:, middle])
    assert not np.array_equal(*middles)
    assert np.abs(middles[0].astype(int) - scene(1)[:, middle]).mean() > 2


def test_region_that_others_cover_is_not_painted(
    content: Path, style: Path, output: Path, regions: Any
) -> None:
    heard, cover = Listened(), output.with_name("all.png")
    write_picture(cover, np.full((32, 48, 3), 255, np.uint8))
    listed = [*regions(style, style), Region(cover, style)]
    stylize_image(content, style, output, config=FEW, regions=listed, listener=heard)
    assert len(heard.steps) == 6
    covered = read_picture(output)
    stylize_image(content, [], output, config=FEW, regions=[Region(cover, style)])
    assert np.array_equal(read_picture(output), covered)


def test_regions_show_how_they_were_learned(
    content: Path, style: Path, output: Path, regions: Any
) -> None:
    heard, learned = Listened(), output.with_suffix(".mp4")
    listed = regions(style, style)
    stylize_image(
        content,
        [],
        output,
        config=FEW,
        regions=listed,
        evolution_output=learned,
        listener=heard,
    )
    assert (heard.plan.height, heard.plan.width, heard.plan.frames) == (32, 48, 2)
    assert [report.frame for report in heard.steps] == [0, 1] * 6
    *_, last = read_frames(probe(learned), on_warning=pytest.fail)
    distances = [
        np.abs(last.frame - picture.astype(int)).mean()
        for picture in (read_picture(output), scene(1))
    ]
    assert distances[0] < 0.5 * distances[1]  # H.264 has less color


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (
            np.full((48, 32, 3), 255),
            "is 32x48, which does not have the aspect ratio of 48x32",
        ),
        (np.zeros((32, 48, 3)), "left.png is all black; paint its region"),
    ],
)
def test_mask_that_is_none_is_refused(
    content: Path, style: Path, output: Path, mask: Any, said: str
) -> None:
    path = output.with_name("left.png")
    write_picture(path, mask.astype(np.uint8))
    with pytest.raises(ConfigError, match=said):
        stylize_image(content, style, output, config=FEW, regions=[Region(path, style)])
    assert not output.exists()


def test_start_from_content_begins_at_the_content(
    content: Path, style: Path, output: Path
) -> None:
    heard = Listened()
    config = replace(FEW, steps=1, recolor=False)
    stylize_image(content, style, output, config=config, listener=heard)
    (only,) = heard.steps
    assert only.losses["content"] == pytest.approx(0, abs=1e-9)
    # The best point of one evaluation is the start itself.
    assert np.array_equal(read_picture(output), scene(1))


def test_content_gets_the_palette_of_the_painting(
    content: Path, style: Path, output: Path
) -> None:
    write_picture(style, np.full((40, 40, 3), (200, 30, 30), np.uint8))
    config = replace(FEW, steps=1)
    stylize_image(content, style, output, config=config)
    means = read_picture(output).mean(axis=(0, 1))
    np.testing.assert_allclose(means, (200, 30, 30), atol=6)


def test_start_from_a_file_begins_there(
    content: Path, style: Path, output: Path
) -> None:
    start = output.with_name("start.png")
    write_picture(start, scene(3))
    stylize_image(content, style, output, config=replace(FEW, steps=1, init=start))
    assert np.array_equal(read_picture(output), scene(3))


def test_result_has_the_long_side_and_is_never_enlarged(
    content: Path, style: Path, output: Path
) -> None:
    write_picture(content, scene(1, 60, 91))
    for long_side, shape in ((48, (32, 48)), (400, (60, 91)), (None, (60, 91))):
        config = replace(FEW, steps=1, long_side=long_side)
        stylize_image(content, style, output, config=config)
        assert read_picture(output).shape[:2] == shape


def test_style_side_changes_the_strokes(
    content: Path, style: Path, output: Path
) -> None:
    painted = []
    for side in (None, 48, 24):
        config = replace(FEW, style_side=side)
        stylize_image(content, style, output, config=config)
        painted.append(read_picture(output))
    assert np.array_equal(painted[0], painted[1])  # None: the result's
    assert not np.array_equal(painted[0], painted[2])


def test_picture_may_stop_early(content: Path, style: Path, output: Path) -> None:
    heard = Listened()
    # Its own picture as its painting: there is nothing to learn.
    config = replace(FEW, steps=60, min_steps=20, tv_weight=0, recolor=False)
    stylize_image(content, content, output, config=config, listener=heard)
    assert 20 <= len(heard.steps) < 60


def test_no_steps_leave_the_start(content: Path, style: Path, output: Path) -> None:
    heard, learned = Listened(), output.with_suffix(".gif")
    config = replace(FEW, steps=0, recolor=False)
    stylize_image(
        content,
        style,
        output,
        config=config,
        evolution_output=learned,
        listener=heard,
    )
    assert heard.steps == []
    assert np.array_equal(read_picture(output), scene(1))
    assert len(list(read_frames(probe(learned), on_warning=pytest.fail))) == 2


@pytest.mark.parametrize("ending", [".gif", ".mp4"])
def test_learning_is_shown(
    content: Path, style: Path, output: Path, ending: str
) -> None:
    learned = output.with_suffix(ending)
    stylize_image(
        content,
        style,
        output,
        config=FEW,
        evolution=EvolutionConfig(pictures=5, hold_s=0.2),
        evolution_output=learned,
    )
    frames = [t.frame for t in read_frames(probe(learned), on_warning=pytest.fail)]
    assert 2 < len(frames) <= 5 + (2 if ending == ".mp4" else 0)
    # A palette of 256 colors, or H.264, is near the pictures but not exact.
    for shown, wanted in ((frames[0], scene(1)), (frames[-1], read_picture(output))):
        assert np.abs(shown.astype(int) - wanted).mean() < 12


def test_auto_says_which_network_and_why(
    content: Path, style: Path, output: Path
) -> None:
    heard = Listened()
    config = replace(FEW, network="auto", steps=1)
    stylize_image(content, style, output, config=config, listener=heard)
    notices = [event for event in heard if isinstance(event, Notice)]
    assert sum(each.text.startswith("network slim: ") for each in notices) == 1
    assert not any(each.is_warning for each in notices)


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (
            {"style_layers": (LayerWeight("relu9_1"),)},
            (ConfigError, "slim has no layer relu9_1; it has relu1_1, "),
        ),
        (
            {"content_layers": (LayerWeight("conv4_2"),)},
            (ConfigError, "slim has no layer conv4_2"),
        ),
        ({"pooling": "max"}, (ConfigError, "slim supports only average pooling")),
        ({"weights": Path("no.npz")}, (WeightsError, r"no\.npz")),
        ({"init": Path("no.png")}, (ImageOpenError, r"cannot read no\.png")),
        ({"long_side": 16}, (ConfigError, "would have 16x11 pixels; each side must")),
        ({"style_side": 16}, (ConfigError, "would have 11x16 pixels")),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_written(
    content: Path,
    style: Path,
    output: Path,
    change: dict[str, object],
    refused: tuple[type[VidstyleError], str],
) -> None:
    error, said = refused
    with pytest.raises(error, match=said):
        stylize_image(content, style, output, config=replace(FEW, **change))
    assert not output.exists()


def test_broken_weights_are_named(content: Path, style: Path, output: Path) -> None:
    weights = output.with_name("weights.npz")
    weights.write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"weights\.npz"):
        stylize_image(content, style, output, config=replace(FEW, weights=weights))
    assert not output.exists()


def test_picture_under_16_pixels_is_refused(style: Path, tmp_path: Path) -> None:
    for shape in ((15, 40), (40, 15)):
        write_picture(tmp_path / "small.png", scene(1, *shape))
        with pytest.raises(ConfigError, match="each side must have at least 16"):
            stylize_image(
                tmp_path / "small.png", style, tmp_path / "result.png", config=FEW
            )


@pytest.mark.parametrize("which", ["content", "style"])
def test_missing_picture_is_named(
    content: Path, style: Path, output: Path, which: str
) -> None:
    {"content": content, "style": style}[which].unlink()
    with pytest.raises(InputError, match=r"cannot read .*\.png: No such file"):
        stylize_image(content, style, output, config=FEW)


@pytest.mark.parametrize(
    ("result", "learned", "refused"),
    [
        ("result.xyz", None, (OutputError, r"\.xyz is not a picture format")),
        ("no/result.png", None, (OutputError, r"the folder .*no for result\.png does")),
        ("a.png", "a.png", (ConfigError, r"must end in \.gif or \.mp4")),
    ],
)
def test_results_are_refused_before_the_inputs_are_read(
    tmp_path: Path,
    result: str,
    learned: str | None,
    refused: tuple[type[VidstyleError], str],
) -> None:
    error, said = refused
    with pytest.raises(error, match=said):
        stylize_image(
            tmp_path / "missing.png",
            tmp_path / "missing.png",
            tmp_path / result,
            evolution_output=None if learned is None else tmp_path / learned,
        )


@pytest.mark.parametrize(
    ("height", "width", "long_side", "shape"),
    [
        (1080, 1920, 512, (288, 512)),
        (16, 16, None, (16, 16)),
        (16, 512, 512, (16, 512)),
        (100, 50, 32, (32, 16)),
    ],
)
def test_working_size(
    height: int, width: int, long_side: int | None, shape: tuple[int, int]
) -> None:
    assert working_size(height=height, width=width, long_side=long_side) == shape


@pytest.mark.parametrize("shape", [(15, 512), (512, 15), (32, 2000)])
def test_working_size_under_16_pixels_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="each side must have at least 16"):
        working_size(height=shape[0], width=shape[1], long_side=512)


def test_transparency_is_kept_or_gets_a_background(
    content: Path, style: Path, output: Path, tmp_path: Path
) -> None:
    clear = np.dstack([scene(1), np.full(scene(1).shape[:2], 255, np.uint8)])
    clear[:16, :, 3] = 0
    write_picture(content, clear)
    none, heard = replace(FEW, steps=0, recolor=False), Listened()

    def paint(**options: Any) -> np.ndarray:
        stylize_image(content, style, output, config=none, listener=heard, **options)
        return read_picture(output)

    assert paint(background="#102030")[0, 0].tolist() == [16, 32, 48]
    assert "photo.png: placing transparent parts over #102030" in heard.notices
    paint(keep_alpha=True)
    assert np.array_equal(read_alpha(output), clear[..., 3])
    config = AlbumConfig(background="#102030")
    options = {"config": none, "album": config, "overwrite": True}
    for keep_alpha in (False, True):
        album = stylize_album(
            [content], [style], tmp_path / "a", keep_alpha=keep_alpha, **options
        )
        (made,) = album.folder.glob("photo.*")
        assert read_alpha(made).min() == (0 if keep_alpha else 255)
    assert read_picture(made)[20, 20].tolist() == clear[20, 20, :3].tolist()
    with pytest.raises(OutputError, match=r"\.jpg files have no transparency"):
        stylize_image(content, style, tmp_path / "a.jpg", keep_alpha=True)
