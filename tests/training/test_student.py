import torch
from small_training import CHANNELS, few_photos, make_student

from vidstyle.networks.energy import natural_pictures


def test_spreading_out_gives_every_channel_variance_1_before_its_relu() -> None:
    student = make_student()
    images = natural_pictures()
    student.spread_out(images)
    kernel = student.kernels["relu1_1"].unflatten(1, (-1, 3, 3))
    padded = torch.nn.functional.pad((images - 0.45) / 0.26, (1,) * 4, mode="replicate")
    raw = torch.nn.functional.conv2d(padded, kernel, student.biases["relu1_1"])
    torch.testing.assert_close(raw.std((0, 2, 3)), torch.ones(16), rtol=1e-3, atol=0)
    torch.testing.assert_close(raw.mean((0, 2, 3)), torch.zeros(16), rtol=0, atol=1e-4)


def test_heads_fit_targets_that_are_linear_in_the_features() -> None:
    student = make_student()
    images = natural_pictures()
    student.spread_out(images)
    features = student.features(images)
    mixing = torch.randn(7, 128, generator=torch.Generator().manual_seed(2)) / 11
    wanted = {
        "relu1_1": features["relu1_1"][:, :5] * 2 + 1,
        "relu4_2": torch.einsum("dc,nchw->ndhw", mixing, features["relu4_2"]),
    }
    student.fit_heads(images, wanted)
    for layer, targets in wanted.items():
        error = (student.mapped(layer, features[layer]) - targets).square().sum()
        assert error < 1e-3 * targets.square().sum()


def test_gradients_reach_every_weight() -> None:
    student = make_student()
    student.spread_out(natural_pictures())
    student.fit_heads(
        natural_pictures(),
        {
            layer: torch.rand(5, count, *maps.shape[2:])
            for layer, count in CHANNELS.items()
            for maps in [student.features(natural_pictures())[layer]]
        },
    )
    features = student.features(torch.cat(few_photos()))
    sum(
        student.mapped(layer, features[layer]).square().sum() for layer in CHANNELS
    ).backward()
    for layer in ("relu1_1", "relu1_2", "relu4_1", "relu4_2"):
        gradient = student.kernels[layer].grad
        assert gradient is not None
        assert gradient.abs().sum() > 0


def test_a_dead_channel_still_feels_a_gradient() -> None:
    student = make_student()
    with torch.no_grad():
        student.biases["relu1_1"][3] = -100
    features = student.features(torch.cat(few_photos()))
    assert features["relu1_1"][:, 3].abs().max() == 0
    features["relu1_1"].sum().backward()
    gradient = student.kernels["relu1_1"].grad
    assert gradient is not None
    assert gradient[3].abs().max() > 0


def test_weak_channels_are_drawn_anew_and_the_answers_stay() -> None:
    student = make_student()
    images = torch.cat(few_photos())
    student.spread_out(images)
    with torch.no_grad():
        for layer, channels in (("relu2_2", [3]), ("relu4_2", [5, 70])):
            student.kernels[layer][channels] = 0
            student.biases[layer][channels] = 0
        student.heads["relu4_2"] += 1
    before = student.features(images)
    answer = student.mapped("relu4_2", before["relu4_2"])
    assert student.restart_weak(images, torch.Generator().manual_seed(1)) == 3
    after = student.features(images)
    torch.testing.assert_close(student.mapped("relu4_2", after["relu4_2"]), answer)
    for layer, channels in (("relu2_2", [3]), ("relu4_2", [5, 70])):
        means = after[layer].mean((0, 2, 3))
        assert means[channels].min() > 0.1 * means.median()
    assert student.restart_weak(images, torch.Generator().manual_seed(1)) == 0
