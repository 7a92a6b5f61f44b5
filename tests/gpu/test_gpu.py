"""What only a GPU can show; tests/gpu/run.py shows the same without pytest."""

import pytest
import torch
from checks import compare

from vidstyle.bench import Bench

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_it_computes_what_the_cpu_does(precision):
    assert compare(torch.device("cuda"), precision).is_small


def test_a_step_never_waits_for_it():
    bench = Bench(
        sizes=[(64, 48)],
        batch=4,
        steps=1,
        network="slim",
        device="cuda",
        listener=lambda _: None,
    )
    loop, _, _ = bench._load(64, 48, 4)
    loop.step()  # looks at the first loss
    torch.cuda.set_sync_debug_mode("error")
    try:
        loop.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
