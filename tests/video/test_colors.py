import pytest

from vidstyle.records import ColorInfo
from vidstyle.video.colors import is_guessed_hd, read_color, scale, to_srgb


def make(*names: str, assumed: tuple[str, ...] = ()) -> ColorInfo:
    """Make what is expected: range, matrix, primaries, transfer, all in 8 bits."""
    levels, matrix, primaries, transfer = names
    return ColorInfo(
        range=levels,
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        bit_depth=8,
        assumed=assumed,
    )


SD, HD = (480, 640), (720, 1280)


@pytest.mark.parametrize(
    ("tags", "shape", "expected"),
    [
        (
            "tv, bt709, progressive",
            SD,
            make("tv", "bt709", "bt709", "bt709"),
        ),
        (
            "pc, bt470bg/unknown/unknown",
            SD,
            make("pc", "bt470bg", "bt709", "bt709", assumed=("primaries", "transfer")),
        ),
        (
            "tv, bt2020nc/unknown/smpte2084, top first",
            HD,
            make("tv", "bt2020nc", "bt2020", "smpte2084", assumed=("primaries",)),
        ),
    ],
)
def test_tags_are_read(tags: str, shape: tuple[int, int], expected: ColorInfo) -> None:
    assert read_color(tags, "yuv420p", 8, shape=shape) == expected


@pytest.mark.parametrize(
    ("shape", "matrix"),
    [
        ((480, 720), "smpte170m"),
        ((576, 720), "smpte170m"),
        ((577, 720), "bt709"),
        ((540, 1280), "bt709"),
        ((1280, 720), "bt709"),
    ],
)
def test_missing_matrix_follows_the_size(shape: tuple[int, int], matrix: str) -> None:
    color = read_color("progressive", "yuv420p", 8, shape=shape)
    assert (color.range, color.matrix) == ("tv", matrix)
    assert set(color.assumed) == {"range", "matrix", "primaries", "transfer"}
    assert is_guessed_hd(color) == (matrix == "bt709")
    assert ("in_color_matrix" in scale(color)) == (matrix == "bt709")


def test_rgb_has_no_matrix_to_guess() -> None:
    color = read_color("progressive", "bgra", 8, shape=HD)
    assert (color.range, color.matrix) == ("pc", "gbr")
    assert not is_guessed_hd(color)


def test_ordinary_color_needs_no_mapping() -> None:
    assert to_srgb(read_color("tv, bt709", "yuv420p", 8, shape=HD)) == []


def test_curve_of_wide_color_is_kept() -> None:
    tags = "tv, bt709/smpte432/iec61966-2-1"
    (_, mapped) = to_srgb(read_color(tags, "yuv420p", 8, shape=HD))
    assert "t=iec61966-2-1" in mapped


@pytest.mark.parametrize("matrix", ["ycgco", "bt2020c", "chroma-derived-nc"])
def test_rare_matrix_is_mapped(matrix: str) -> None:
    color = read_color(f"tv, {matrix}/bt709/bt709", "yuv444p", 8, shape=HD)
    tags, mapped = to_srgb(color)
    assert f"colorspace={matrix}" in tags
    assert mapped.startswith("zscale=")
