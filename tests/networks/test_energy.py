import torch

from vidstyle.networks.energy import layer_energies, natural_pictures


def test_energies_of_known_maps() -> None:
    maps = torch.tensor([[[[1.0, 3.0]], [[2.0, 0.0]]]])  # G = [[5, 1], [1, 2]]
    feature_energy, gram_energy = layer_energies([maps, maps * 2])
    assert feature_energy.tolist() == [[3.5], [14.0]]
    assert gram_energy.tolist() == [[31.0], [496.0]]


def test_pictures_are_the_same_every_time_and_leave_the_global_noise_alone() -> None:
    state = torch.get_rng_state()
    pictures = natural_pictures()
    assert torch.equal(pictures, natural_pictures())
    assert torch.equal(state, torch.get_rng_state())


def test_pictures_have_a_photographs_statistics() -> None:
    # The bounds are the 10th and 90th percentile over 250 photographs, rounded out.
    pictures = natural_pictures()
    assert pictures.shape == (5, 3, 128, 128)
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert 0.3 < pictures.mean() < 0.6
    assert 0.12 < pictures.std((2, 3)).mean() < 0.33
    assert 0.03 < (pictures[..., 1:] - pictures[..., :-1]).square().mean().sqrt() < 0.13
