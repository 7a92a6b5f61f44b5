import errno
import hashlib
import io
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from random_network import TINY, random_weights

from vidstyle import networks as module
from vidstyle.errors import WeightsError
from vidstyle.networks import PublishedWeights, fetch_weights, published_weights
from vidstyle.networks.weights import cache_directory, read_weights, torchvision_names

OURS = random_weights(TINY)


def whole_file() -> bytes:
    theirs = {name: OURS[ours] for ours, name in torchvision_names(TINY).items()}
    buffer = io.BytesIO()
    torch.save(theirs | {"classifier.0.weight": torch.ones(200, 100)}, buffer)
    return buffer.getvalue()


WHOLE = whole_file()
SHA256 = hashlib.sha256(WHOLE).hexdigest()


@dataclass
class Site:
    """What a web server does with its next requests."""

    url: str = ""
    body: bytes = WHOLE
    status: int = 200
    says_length: bool = True
    breaks_after: int | None = None
    requests: int = 0


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests += 1
            self.send_response(site.status)
            if site.says_length:
                self.send_header("Content-Length", str(len(site.body)))
            self.end_headers()
            self.wfile.write(site.body[: site.breaks_after])

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.url = f"http://127.0.0.1:{server.server_port}/tiny-{SHA256[:8]}.pth"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield site
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_torch_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


def tiny(site: Site) -> PublishedWeights:
    return PublishedWeights(
        topology=TINY, url=site.url, sha256=SHA256[:8], size_mb=len(WHOLE) / 1e6
    )


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


STORED = f"tiny-{SHA256[:8]}.npz"


def test_a_download_leaves_the_features_and_nothing_else(
    site: Site, tmp_path: Path
) -> None:
    directory = tmp_path / "a" / "cache"
    reports: list[tuple[int, int]] = []
    path = fetch_weights(
        tiny(site), directory, lambda done, total: reports.append((done, total))
    )
    assert path == directory / STORED
    assert names(directory) == [STORED]
    assert path.stat().st_size < len(WHOLE) / 4
    assert reports[-1] == (len(WHOLE), len(WHOLE))
    weights = read_weights(path, TINY)
    assert all(torch.equal(weights[name], OURS[name]) for name in OURS)


def test_what_is_there_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    path = fetch_weights(tiny(site), tmp_path)
    assert fetch_weights(tiny(site), tmp_path) == path
    assert site.requests == 1


def test_a_broken_or_interrupted_download_leaves_nothing(
    site: Site, tmp_path: Path
) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    site.breaks_after = 5000
    with pytest.raises(WeightsError, match="connection broke after 0 of 0 MB"):
        fetch_weights(tiny(site), tmp_path)
    site.breaks_after = None
    with pytest.raises(KeyboardInterrupt):
        fetch_weights(tiny(site), tmp_path, interrupt)
    assert names(tmp_path) == []
    fetch_weights(tiny(site), tmp_path)
    assert names(tmp_path) == [STORED]


def test_a_break_without_a_length_is_found_by_the_hash(
    site: Site, tmp_path: Path
) -> None:
    site.says_length, site.breaks_after = False, 5000
    with pytest.raises(WeightsError, match="is not the published file"):
        fetch_weights(tiny(site), tmp_path)
    assert names(tmp_path) == []


def test_a_wrong_file_is_refused_and_removed(site: Site, tmp_path: Path) -> None:
    site.body = WHOLE[:-1] + b"x"
    with pytest.raises(WeightsError, match=f"begins with .* instead of {SHA256[:8]}"):
        fetch_weights(tiny(site), tmp_path)
    assert names(tmp_path) == []


def test_a_published_file_of_another_network_is_refused(
    site: Site, tmp_path: Path
) -> None:
    other = replace(TINY, blocks=((4, 4), (6,), (9,)))
    with pytest.raises(WeightsError, match="does not hold tiny: its conv3_1_weight"):
        fetch_weights(replace(tiny(site), topology=other), tmp_path)
    assert names(tmp_path) == []


def test_the_error_says_what_to_fetch_and_where_to_put_it(
    site: Site, tmp_path: Path
) -> None:
    site.status = 404
    with pytest.raises(WeightsError) as caught:
        fetch_weights(replace(tiny(site), size_mb=553.4), tmp_path)
    assert str(caught.value) == (
        f"no weights for tiny: {site.url} returned 404 Not Found. Put "
        f"tiny-{SHA256[:8]}.pth (553 MB, {site.url}) into {tmp_path}, "
        "or name it with --weights."
    )
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/a.pth", "Connection refused"),
        ("http://name.invalid/a.pth", "no weights for tiny: "),
        ("file:///etc/passwd", "file:///etc/passwd is not a web address"),
        ("nonsense", "nonsense is not a web address"),
        ("http://[/a.pth", "no weights for tiny: "),
    ],
)
def test_no_network_and_no_address(
    site: Site, tmp_path: Path, url: str, reason: str
) -> None:
    with pytest.raises(WeightsError, match=reason):
        fetch_weights(replace(tiny(site), url=url), tmp_path)
    assert names(tmp_path) == []


def test_a_full_disk_leaves_nothing(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "downloaded", fail)
    with pytest.raises(WeightsError, match="No space left on device"):
        fetch_weights(tiny(site), tmp_path)
    assert names(tmp_path) == []


def test_a_cache_that_is_a_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="file: File exists"):
        fetch_weights(tiny(site), tmp_path / "file")


@pytest.mark.parametrize("by_torch", [False, True])
def test_a_whole_file_put_there_by_hand_or_by_torch_is_taken_and_kept(
    site: Site, tmp_path: Path, no_torch_cache: Path, by_torch: bool
) -> None:
    folder = no_torch_cache if by_torch else tmp_path / "cache"
    folder.mkdir(parents=True)
    whole = folder / tiny(site).file_name
    whole.write_bytes(WHOLE)
    path = fetch_weights(tiny(site), tmp_path / "cache")
    assert path.is_file()
    assert whole.is_file()
    assert site.requests == 0


def test_two_at_once_write_the_same_file(site: Site, tmp_path: Path) -> None:
    failures: list[Exception] = []

    def wait_for_both(*_: object) -> None:
        give_up = time.monotonic() + 10
        while site.requests < 2:
            if time.monotonic() > give_up:
                raise TimeoutError
            time.sleep(0.001)

    def fetch() -> None:
        try:
            fetch_weights(tiny(site), tmp_path, wait_for_both)
        except (WeightsError, TimeoutError) as err:
            failures.append(err)

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert names(tmp_path) == [STORED]


def test_torchvisions_files_are_described() -> None:
    vgg16 = published_weights("vgg16")
    assert vgg16.file_name == f"vgg16-{vgg16.sha256}.pth"
    assert len(vgg16.sha256) >= 8
    assert 500 < vgg16.size_mb < 600
    assert vgg16.topology.mean == (0.485, 0.456, 0.406)
    assert vgg16.topology.std == (0.229, 0.224, 0.225)
    assert published_weights("vgg19").url != vgg16.url


def test_a_mirror_changes_the_address_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vgg16 = published_weights("vgg16")
    monkeypatch.setenv("VIDSTYLE_WEIGHTS_URL", "https://mirror.example/models/")
    mirrored = published_weights("vgg16")
    assert mirrored.url == f"https://mirror.example/models/{vgg16.file_name}"
    assert replace(mirrored, url=vgg16.url) == vgg16


def test_the_cache_directory_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VIDSTYLE_CACHE", "/mine")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_directory() == Path("/mine")
    monkeypatch.delenv("VIDSTYLE_CACHE")
    assert cache_directory() == Path("/xdg/vidstyle")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == Path.home() / ".cache" / "vidstyle"
