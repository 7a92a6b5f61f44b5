import io
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from random_network import TINY, random_weights
from torch import Tensor

from vidstyle.errors import WeightsError
from vidstyle.networks.weights import read_weights, torchvision_names, write_weights

OURS = random_weights(TINY)
THEIRS = {theirs: OURS[ours] for ours, theirs in torchvision_names(TINY).items()}
CLASSIFIER = {"classifier.0.weight": torch.ones(4, 8)}


def saved(content: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def zipped(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def numpy_arrays(precision: type = np.float32) -> dict[str, Any]:
    return {name: values.numpy().astype(precision) for name, values in OURS.items()}


def read(path: Path, data: bytes) -> dict[str, Tensor]:
    path.write_bytes(data)
    return read_weights(path, TINY)


@pytest.mark.parametrize(
    "data",
    [
        saved(THEIRS | CLASSIFIER),
        saved(THEIRS),
        saved(THEIRS | CLASSIFIER, _use_new_zipfile_serialization=False),
        zipped(**numpy_arrays()),
    ],
    ids=["whole", "features", "old", "ours"],
)
def test_every_kind_of_file_gives_the_same_weights(tmp_path: Path, data: bytes) -> None:
    weights = read(tmp_path / "weights", data)
    assert list(weights) == list(TINY.weight_shapes)
    assert all(torch.equal(weights[name], OURS[name]) for name in OURS)


def test_half_precision_and_energies_are_read_as_float32(tmp_path: Path) -> None:
    energies = {"feature_energy": np.arange(4.0), "gram_energy": np.arange(4.0) + 4}
    data = zipped(**numpy_arrays(np.float16), **energies)
    weights = read(tmp_path / "half.npz", data)
    assert all(tensor.dtype == torch.float32 for tensor in weights.values())
    assert weights["gram_energy"].tolist() == [4, 5, 6, 7]
    torch.testing.assert_close(
        weights["conv3_1_weight"], OURS["conv3_1_weight"], rtol=1e-3, atol=1e-7
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_weights(tmp_path / "tiny.npz", OURS)
    weights = read_weights(tmp_path / "tiny.npz", TINY)
    assert all(torch.equal(weights[name], OURS[name]) for name in OURS)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.npz"]


def test_writing_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot write .*tiny\.npz: No such file"):
        write_weights(tmp_path / "missing" / "tiny.npz", OURS)


class Payload:
    """Unpickling this would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("make", [saved, pickle.dumps], ids=["torch", "pickle"])
def test_nothing_in_a_file_is_executed(
    tmp_path: Path, make: Callable[[object], bytes]
) -> None:
    touched = tmp_path / "touched"
    with pytest.raises(WeightsError, match="not a weights file"):
        read(tmp_path / "evil.pth", make({"features.0.weight": Payload(touched)}))
    with pytest.raises(WeightsError, match="not a weights file"):
        read(tmp_path / "evil.npz", zipped(a=np.array([Payload(touched)], object)))
    assert not touched.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"these are no weights",
        b"PK\x03\x04 nor is this",
        zipped(**numpy_arrays())[:-100],
        zipped(**numpy_arrays()).replace(b"\x3e", b"\x3f", 1),
        saved(THEIRS)[:-2000],
        saved(THEIRS, _use_new_zipfile_serialization=False)[:-2000],
        saved([1, 2, 3]),
    ],
    ids=["empty", "text", "zip", "cut", "flipped", "cut pth", "cut old pth", "list"],
)
def test_damaged_files_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(WeightsError, match=r"weights is damaged or not a weights file"):
        read(tmp_path / "weights", data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (saved({}), "its conv1_1_weight is missing"),
        (saved(THEIRS | {"features.8.bias": 3}), "its conv3_1_bias has the shape"),
        (
            saved(THEIRS | {"features.2.weight": torch.ones(4, 5, 3, 3)}),
            r"its conv1_2_weight has the shape \(4, 5, 3, 3\), not \(4, 4, 3, 3\)",
        ),
        (
            saved(THEIRS | {"features.2.bias": torch.tensor([1, 2, torch.nan, 4])}),
            "its conv1_2_bias holds numbers that are not finite",
        ),
        (
            zipped(**numpy_arrays(), gram_energy=np.ones(3)),
            r"its gram_energy has the shape \(3,\), not \(4,\)",
        ),
    ],
    ids=["empty", "number", "shape", "nan", "energy"],
)
def test_weights_of_another_network_are_refused(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    with pytest.raises(WeightsError, match=f"weights does not hold tiny: {reason}"):
        read(tmp_path / "weights", data)


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_deeper_network_is_not_taken_for_a_shallower(
    tmp_path: Path, is_ours: bool
) -> None:
    # As in VGG-19 against VGG-16, where every shape of the smaller is in the larger.
    deeper = replace(TINY, blocks=((4, 4), (6,), (8, 8)))
    names = torchvision_names(deeper)
    drawn = random_weights(deeper)
    named = drawn if is_ours else {names[name]: drawn[name] for name in drawn}
    path = tmp_path / "deeper.npz"
    write_weights(path, named)
    assert read_weights(path, deeper)
    more = "conv3_2_weight" if is_ours else r"features\.10\.weight"
    with pytest.raises(WeightsError, match=f"does not hold tiny: it has {more}"):
        read_weights(path, TINY)


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_file_that_cannot_be_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path if kind == "folder" else tmp_path / "missing.pth"
    with pytest.raises(
        WeightsError, match=f"cannot read the weights of tiny from {path}"
    ):
        read_weights(path, TINY)


def test_a_map_is_read_beside_the_weights(tmp_path: Path) -> None:
    matrix = np.eye(6, dtype=np.float16)
    arrays = numpy_arrays() | {"relu2_1_map": matrix}
    weights = read(tmp_path / "mapped.npz", zipped(**arrays))
    assert torch.equal(weights["relu2_1_map"], torch.eye(6))
    arrays["relu2_1_map"] = matrix[:5]
    with pytest.raises(WeightsError, match=r"its relu2_1_map has the shape \(5, 6\)"):
        read(tmp_path / "wrong.npz", zipped(**arrays))
