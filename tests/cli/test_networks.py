"""``vidstyle networks``: what there is, and fetching it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from running import Run, names_in

from vidstyle import networks as load


@pytest.fixture
def cache(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the cache an empty folder, and have no net, nor a package with weights."""
    monkeypatch.setattr(load, "packaged_vgg19", lambda: None)
    monkeypatch.setenv("VIDSTYLE_CACHE", str(here / "cache"))
    monkeypatch.setenv("VIDSTYLE_WEIGHTS_URL", "http://127.0.0.1:9/")
    return here / "cache"


def test_networks_are_listed_with_what_to_do(cache: Path, vidstyle: Run) -> None:
    said = vidstyle("networks")
    assert (said.code, said.stderr) == (0, "")
    slim, vgg16, vgg19 = said.stdout.splitlines()
    assert slim.split() == ["slim", "relu1_1..relu5_1", "built", "in"]
    assert vgg16.split()[:2] == ["vgg16", "relu1_1..relu5_3"]
    assert vgg16.endswith("missing; --fetch vgg16 downloads 553 MB")
    assert vgg19.endswith("missing; --fetch vgg19 downloads 575 MB")


def test_fetched_network_is_listed_with_its_file(cache: Path, vidstyle: Run) -> None:
    cache.mkdir()
    (status,) = (each for each in load.network_status() if each.name == "vgg16")
    assert status.url is not None
    stem = Path(status.url).stem.rpartition("-")[2]
    (cache / f"vgg16-{stem}.npz").touch()
    assert str(cache / f"vgg16-{stem}.npz") in vidstyle("networks").stdout


def test_json_lists_the_same(cache: Path, vidstyle: Run) -> None:
    slim, vgg16, vgg19 = json.loads(vidstyle("networks", "--json").stdout)
    assert (slim["name"], slim["built_in"], slim["path"]) == ("slim", True, None)
    assert vgg16["layers"][-1] == "relu5_3"
    assert vgg19["url"].startswith("http://127.0.0.1:9/vgg19-")
    assert (vgg19["built_in"], vgg19["path"]) == (False, None)


def test_failed_download_says_what_to_put_where(cache: Path, vidstyle: Run) -> None:
    said = vidstyle("networks", "--fetch", "vgg19")
    assert said.code == 4
    assert said.stdout == ""
    (line,) = said.lines
    assert line.startswith(
        'error: no weights for vgg19: Connection refused. Install "vidstyle[vgg19]" '
        "(20 MB), or put vgg19-"
    )
    assert f"into {cache}" in line
    assert not cache.exists() or names_in(cache) == set()


def test_fetched_file_is_the_result(
    cache: Path, vidstyle: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(
        _: object, directory: Path, on_progress: Callable[[int, int], None]
    ) -> Path:
        on_progress(5 * 10**8, 553 * 10**6)
        on_progress(553 * 10**6, 553 * 10**6)
        return directory / "vgg16.npz"

    monkeypatch.setattr(load, "fetch_weights", fetch)
    assert vidstyle("networks", "--fetch", "vgg16").stdout == f"{cache}/vgg16.npz\n"
    said = vidstyle("networks", "--fetch", "vgg16", "--json")
    result = json.loads(said.stdout)
    assert set(result) == {"output", "seconds"}
    assert result["output"] == f"{cache}/vgg16.npz"


def test_only_what_is_not_built_in_is_fetched(vidstyle: Run) -> None:
    said = vidstyle("networks", "--fetch", "slim")
    assert said.code == 2
    assert "'slim'" in said.stderr or "vgg16" in said.stderr
