"""What the names of results say."""

from pathlib import Path

import pytest

from vidstyle.measure.stills import are_sets, pair_by_name
from vidstyle.stylize.album import make_pairs


def paths(*names):
    return [Path(name) for name in names]


def pair(results, contents, styles):
    matched, unmatched = pair_by_name(paths(*results), paths(*contents), paths(*styles))
    return {
        str(each.result): (str(each.content), each.style and str(each.style))
        for each in matched
    }, {str(path): reason for path, reason in unmatched.items()}


@pytest.mark.parametrize(
    ("contents", "styles"),
    [
        (["a.jpg", "b.png"], ["x.jpg", "y.jpg"]),
        (["a.jpg", "a.png"], ["x.jpg", "x.png"]),  # named with their endings
        (["a.jpg", "a.b.jpg"], ["x.jpg", "b.x.jpg"]),  # names with dots
    ],
)
def test_results_of_an_album_are_understood(contents, styles):
    album = make_pairs(paths(*contents), [(one,) for one in paths(*styles)], Path())
    clear = [one for one in album if one.output.stem != "a.b.x"]

    matched, unmatched = pair_by_name(
        [one.output for one in clear], paths(*contents), paths(*styles)
    )

    found = {each.result: (each.content, each.style) for each in matched}
    assert found == {one.output: (one.content, one.styles[0]) for one in clear}
    assert not unmatched


def test_a_result_that_is_called_like_its_content_has_the_only_painting():
    one, _ = pair(["a.png", "b.x.png"], ["a.jpg", "b.jpg"], ["x.jpg"])
    two, _ = pair(["a.png", "b.x.png"], ["a.jpg", "b.jpg"], ["x.jpg", "y.jpg"])

    assert one == {"a.png": ("a.jpg", "x.jpg"), "b.x.png": ("b.jpg", "x.jpg")}
    assert two == {"a.png": ("a.jpg", None), "b.x.png": ("b.jpg", "x.jpg")}


def test_a_painting_that_is_not_there_or_mixed_is_none():
    found, _ = pair(["a.x+y.png", "a.z.png"], ["a.jpg"], ["x.jpg"])

    assert found == {"a.x+y.png": ("a.jpg", None), "a.z.png": ("a.jpg", None)}


def test_what_has_no_partner_is_named():
    found, rest = pair(
        ["a.x.png", "ax.png", "c.x.png"], ["a.jpg", "b.jpg", "c.jpg", "c.png"], ["x.p"]
    )

    assert found == {"a.x.png": ("a.jpg", "x.p")}
    assert rest == {
        "ax.png": "its name does not begin with that of any content",
        "c.x.png": "it could belong to c.jpg and c.png",
        "b.jpg": "no result is named after it",
        "c.jpg": "no result is named after it",
        "c.png": "no result is named after it",
    }


def test_folders_are_sets_unless_they_are_clips(tmp_path):
    def make(name, *files):
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()
        return tmp_path / name

    clip, frames = make("clip", "1.png", "2.png"), make("frames", "1.png", "2.png")
    photos, results = make("photos", "IMG_1.jpg"), make("results", "IMG_1.x.png")
    words, empty = make("words", "a.png"), make("empty")

    assert not are_sets(frames, clip)
    assert are_sets(results, photos)
    assert are_sets(words, words)
    assert not are_sets(empty, photos)
    assert not are_sets(photos, tmp_path / "gone")
