"""A call prints nothing, and leaves the process as it was."""

import gc
import os
import random
import signal
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch._dynamo  # loaded by torch's optimizers; adds a filter of warnings itself
from listening import StoppedError, stop_after
from pictures import scene
from PIL import Image

from vidstyle import (
    StepReport,
    StyleConfig,
    Stylizer,
    VideoConfig,
    VideoOpenError,
    preview_video,
    stylize_album,
    stylize_image,
    stylize_video,
)
from vidstyle.images import write_picture

pytestmark = pytest.mark.slow

STILL: dict[str, Any] = {"network": "slim", "device": "cpu", "steps": 2, "pyramid": 2}
CLIP: dict[str, Any] = {**STILL, "key_frames": 2, "next_steps": 1}


def global_state() -> dict[str, object]:
    gc.collect()
    with ThreadPoolExecutor(1) as pool:
        threads_elsewhere = pool.submit(torch.get_num_threads).result()
    cudnn = torch.backends.cudnn
    return {
        "threads": (torch.get_num_threads(), threads_elsewhere, cv2.getNumThreads()),
        "alive": sorted(thread.name for thread in threading.enumerate()),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "noise": torch.get_rng_state().tolist(),
        "numpy's noise": str(np.random.get_state()),  # noqa: NPY002
        "python's noise": random.getstate(),
        "cudnn": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic),
        "tf32": (cudnn.allow_tf32, torch.get_float32_matmul_precision()),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "filters": [*warnings.filters],
        "numpy's errors": np.geterr(),
        "signals": {n: signal.getsignal(n) for n in signal.valid_signals()},
        "folder": Path.cwd(),
        "environment": dict(os.environ),
        "largest picture": Image.MAX_IMAGE_PIXELS,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_picture(tmp_path / "painting.png", scene(9))
    write_picture(tmp_path / "photo.png", scene(1))
    (tmp_path / "clip").mkdir()
    for index in range(6):
        write_picture(tmp_path / "clip" / f"{index}.png", scene(index // 3))
    return tmp_path


def files(folder: Path, source: str, result: str) -> tuple[Path, Path, Path]:
    return folder / source, folder / "painting.png", folder / result


def arrays(folder: Path) -> None:
    Stylizer(folder / "painting.png", StyleConfig(**STILL)).stylize(scene(1))


def still(folder: Path) -> None:
    gif = folder / "out.gif"
    names = files(folder, "photo.png", "out.png")
    stylize_image(*names, config=StyleConfig(**STILL), evolution_output=gif)


def album(folder: Path) -> None:
    content, style, output = files(folder, "photo.png", "out")
    stylize_album([content], [style, content], output, config=StyleConfig(**STILL))


def preview(folder: Path) -> None:
    names = files(folder, "clip", "out.png")
    preview_video(*names, config=VideoConfig.of(**STILL))


def clip(folder: Path) -> None:
    names, sheet = files(folder, "clip", "out.mp4"), folder / "out.png"
    stylize_video(*names, config=VideoConfig.of(**CLIP), sheet_output=sheet)


def network(folder: Path) -> None:
    """Train one, and paint with it."""
    names, look = files(folder, "clip", "out.mp4"), folder / "look.safetensors"
    config = VideoConfig.of(**STILL, method="network", train_minutes=0.001)
    stylize_video(*names, config=config, network_output=look)
    config = VideoConfig.of(**STILL, painter=look)
    stylize_video(*names, config=config, overwrite=True)


def stopped(folder: Path) -> None:
    names, stop = files(folder, "clip", "out.mp4"), stop_after(1, StepReport)
    with pytest.raises(StoppedError):
        stylize_video(*names, config=VideoConfig.of(**CLIP), listener=stop)


def refused(folder: Path) -> None:
    with pytest.raises(VideoOpenError):
        stylize_video(*files(folder, "painting.mp4", "out.mp4"))


@pytest.mark.parametrize(
    "call", [arrays, still, album, preview, clip, network, stopped, refused]
)
def test_a_call_leaves_the_process_as_it_was(
    call: Callable[[Path], None], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(2)  # so that a network paints frames in parallel
    before = global_state()
    call(folder)
    after = global_state()
    torch.set_num_threads(1)
    assert [name for name in before if after[name] != before[name]] == []
    assert capfd.readouterr() == ("", "")
