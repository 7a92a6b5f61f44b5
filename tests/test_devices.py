from itertools import product
from typing import NoReturn

import pytest
import torch

from vidstyle.devices import choose_device, memory_errors_named, seeded_generator
from vidstyle.errors import ConfigError, DeviceMemoryError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Pretend that a machine has these devices, besides its CPU."""

    def has(*devices: str) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in devices)
        monkeypatch.setattr(
            torch.backends.mps, "is_available", lambda: "mps" in devices
        )

    return has


@pytest.mark.parametrize(
    ("there", "chosen"),
    [((), "cpu"), (("mps",), "mps"), (("cuda",), "cuda"), (("cuda", "mps"), "cuda")],
)
def test_auto_takes_the_fastest_device(
    machine, there: tuple[str, ...], chosen: str
) -> None:
    machine(*there)
    assert choose_device("auto") == torch.device(chosen)


@pytest.mark.parametrize("name", ["cpu", "cuda", "mps"])
def test_named_device_is_taken_where_it_is(machine, name: str) -> None:
    machine("cuda", "mps")
    assert choose_device(name) == torch.device(name)


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_device_that_is_not_there_is_refused(machine, name: str) -> None:
    machine()
    with pytest.raises(ConfigError, match=f"this machine has no device {name}; use"):
        choose_device(name)


def draw(seed: int, index: int) -> tuple[float, ...]:
    return tuple(torch.rand(4, generator=seeded_generator(seed, index)).tolist())


def test_noise_is_a_function_of_seed_and_frame() -> None:
    torch.manual_seed(1)
    first = draw(3, 5)
    torch.manual_seed(2)
    assert draw(3, 5) == first


def test_no_two_frames_or_seeds_share_their_noise() -> None:
    pairs = list(product([0, 1, 2, 3, 2**63 - 1], range(50)))
    assert len({draw(*pair) for pair in pairs}) == len(pairs)


def test_global_noise_is_left_alone() -> None:
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    draw(0, 0)
    assert torch.equal(torch.rand(3), wanted)


def fail(error: BaseException) -> NoReturn:
    with memory_errors_named("4 frames of 960x540"):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.10 GB)"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED"),
        RuntimeError(
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"
        ),
    ],
)
def test_memory_error_says_what_to_make_smaller(error: Exception) -> None:
    with pytest.raises(DeviceMemoryError) as refused:
        fail(error)
    assert str(refused.value) == (
        "not enough memory for 4 frames of 960x540; "
        "use a smaller --long-side or --batch."
    )
    assert refused.value.__cause__ is error


def test_what_the_cpu_cannot_allocate_is_a_memory_error() -> None:
    with (
        pytest.raises(DeviceMemoryError, match="not enough memory for a lot"),
        memory_errors_named("a lot"),
    ):
        torch.empty(2**55, dtype=torch.uint8)  # more than addresses reach


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), KeyError("layer")])
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as same:
        fail(error)
    assert same.value is error
