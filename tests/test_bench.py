"""Operations are counted by hand, and the clock is the test's own."""

import pytest
import torch

from vidstyle import bench
from vidstyle.bench import Bench, count_macs, matrix_rate
from vidstyle.config import MIN_SIDE
from vidstyle.devices import count_operations
from vidstyle.errors import ConfigError, WeightsError
from vidstyle.networks import published_weights, slim
from vidstyle.networks.vgg import FeatureNetwork

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("layer", "macs_per_pixel"),
    [("relu1_1", 432), ("relu2_1", 432 + 2304 + 2304), ("relu5_1", 27504)],
)
def test_slim_costs_so_many_macs_a_pixel(layer, macs_per_pixel):
    macs = count_macs(slim(), layer, height=48, width=80)

    assert macs == macs_per_pixel * 48 * 80


def test_odd_sizes_are_halved_as_pooling_halves_them():
    at_full = (3 * 16 + 16 * 16) * 9 * 33 * 47
    at_half = 16 * 64 * 9 * 16 * 23

    assert count_macs(slim(), "relu2_1", height=33, width=47) == at_full + at_half


def test_vgg16_costs_what_is_published():
    topology = published_weights("vgg16").topology
    shapes = topology.weight_shapes
    # Without values: only the shapes count.
    weights = {
        name: torch.empty(shape, device="meta") for name, shape in shapes.items()
    }
    network = FeatureNetwork(topology, weights)

    # Simonyan and Zisserman's network without its classifier, at 224 pixels.
    macs = count_macs(network, topology.layers[-1], height=224, width=224)
    assert macs == 15_346_630_656


def test_a_product_is_made_larger_until_its_time_can_be_told(monkeypatch):
    def seconds(work, _):
        return work().shape[0] / 1024 * bench.PRODUCT_S

    monkeypatch.setattr(bench, "seconds", seconds)

    assert matrix_rate(CPU, "fp32") == pytest.approx(2 * 1024**3 / bench.PRODUCT_S)


def test_a_product_has_a_largest_size(monkeypatch):
    monkeypatch.setattr(bench, "LARGEST_PRODUCT", 256)
    monkeypatch.setattr(bench, "seconds", lambda *_: bench.PRODUCT_S / 1000)

    assert matrix_rate(CPU, "fp32") == pytest.approx(2000 * 256**3 / bench.PRODUCT_S)


def test_a_gpu_is_waited_for_before_and_after(monkeypatch):
    order = []
    synchronize = "torch.accelerator.synchronize"
    monkeypatch.setattr(synchronize, lambda _: order.append("wait"))

    assert bench.seconds(lambda: order.append("work"), CUDA) > 0
    assert order == ["wait", "work", "wait"]


def test_products_round_as_the_convolutions_of_the_device(monkeypatch):
    before = torch.get_float32_matmul_precision()
    monkeypatch.setattr(torch, "rand", lambda *_, device: device)
    seen = []

    def note_precision(*_):
        seen.append(torch.get_float32_matmul_precision())
        return bench.PRODUCT_S

    monkeypatch.setattr(bench, "seconds", note_precision)

    for device, precision in ((CPU, "fp32"), (CUDA, "tf32")):
        matrix_rate(device, precision)

    assert seen == [before] * bench.PRODUCTS + ["high"] * bench.PRODUCTS
    assert torch.get_float32_matmul_precision() == before


@pytest.fixture
def make_bench(monkeypatch):
    """Bench tiny pictures against a ceiling of 50 GFLOP/s."""
    monkeypatch.setattr(bench, "matrix_rate", lambda *_: 50e9)

    def make(**others):
        settings = {
            "sizes": [(48, 32)],
            "batch": 1,
            "steps": 1,
            "network": "slim",
            "device": "cpu",
            "listener": lambda _: None,
        }
        return Bench(**settings | others)

    return make


def test_rates_follow_from_the_median_times(make_bench, monkeypatch):
    # Steps and evaluations in turns; those of the warm-up are slow.
    slow = [9.0, 9.0] * bench.WARM_UP
    single, batch = [0.1, 0.05, 0.3, 0.2, 0.2, 0.1], [0.4, 0.3] * 3
    clock = iter([*slow, *single, *slow, *batch])

    def seconds(work, _):
        work()
        return next(clock)

    monkeypatch.setattr(bench, "seconds", seconds)

    one, three = make_bench(batch=3, steps=3).rates()

    gflop = 4 * 27504 * 48 * 32 / 1e9
    assert (one.width, one.height, one.batch) == (48, 32, 1)
    assert one.steps_per_s == pytest.approx(1 / 0.2)
    assert one.evaluation_share == pytest.approx(0.1 / 0.2)
    assert one.gflop == pytest.approx(gflop)
    assert one.gflop_per_s == pytest.approx(gflop / 0.2)
    assert one.of_matrix_rate == pytest.approx(gflop / 0.2 / 50)
    assert one.over_single == 1
    assert three.batch == 3
    assert three.gflop_per_s == pytest.approx(3 * gflop / 0.4)
    assert three.over_single == pytest.approx(3 * 0.2 / 0.4)
    assert next(clock, None) is None


def test_a_step_is_few_operations_however_many_frames_and_waits_for_nothing(
    make_bench,
):
    one, eight = make_bench(batch=8).rates()

    assert one.operations_per_step <= 350
    assert eight.operations_per_step == pytest.approx(one.operations_per_step, rel=0.05)
    assert one.host_reads_per_step == eight.host_reads_per_step == 0


def test_views_are_no_operations_and_each_read_counts():
    values = torch.ones(2, 3)

    def work():
        (values.t().flatten() * 2).sum()  # flatten copies
        return values.tolist(), values[0, 0].item(), bool(values[1, 1] > 0)

    assert count_operations(work) == (4, 3)


def test_real_time_is_measured_in_every_size(make_bench):
    rates = list(make_bench(sizes=[(48, 32), (33, 17)]).rates())

    assert [(rate.width, rate.height) for rate in rates] == [(48, 32), (33, 17)]
    assert all(rate.steps_per_s > 0 and rate.evaluation_share > 0 for rate in rates)


def test_facts_say_what_was_timed(make_bench):
    assert make_bench(steps=7).facts() == {
        "network": "slim",
        "deepest": "relu5_1",
        "device": "cpu",
        "precision": "fp32",
        "threads": torch.get_num_threads(),
        "steps": 7,
        "matrix_gflop_per_s": 50,
    }


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"sizes": [(48, 32), (8, 32)]}, f"width in sizes is 8; .* {MIN_SIDE}"),
        ({"sizes": [(48, 8)]}, "height in sizes is 8"),
        ({"network": "vgg11"}, "network is 'vgg11'"),
        ({"device": "abacus"}, "device is 'abacus'"),
    ],
)
def test_settings_out_of_range_are_refused(make_bench, setting, said):
    with pytest.raises(ConfigError, match=said):
        make_bench(**setting)


def test_a_network_without_weights_is_refused(make_bench, monkeypatch, tmp_path):
    monkeypatch.setenv("VIDSTYLE_WEIGHTS_URL", (tmp_path / "nowhere").as_uri())
    monkeypatch.setenv("VIDSTYLE_CACHE", str(tmp_path))
    with pytest.raises(WeightsError):
        make_bench(network="vgg16")
