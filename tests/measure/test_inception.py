"""Inception's features are torchvision's; its file is found, checked, never fetched."""

import hashlib

import pytest
import torch
from torchvision.models import Inception_V3_Weights, inception_v3

from vidstyle.errors import WeightsError
from vidstyle.measure import fid as inception
from vidstyle.measure.fid import FILE_NAME, SHA256, URL, load_inception
from vidstyle.networks.weights import cache_directory, find_file

pytestmark = pytest.mark.slow


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDSTYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "cache", tmp_path / "torch" / "hub" / "checkpoints"


def test_the_file_is_torchvisions():
    weights = Inception_V3_Weights.IMAGENET1K_V1

    assert weights.url == URL
    assert weights.meta["_file_size"] * 2**20 / 1e6 == pytest.approx(
        inception.SIZE_MB, abs=1
    )
    assert f"-{SHA256}." in FILE_NAME


def test_it_is_found_where_vidstyle_or_torch_keep_files(folders):
    assert find_file(FILE_NAME, cache_directory()) is None
    for folder in reversed(folders):
        folder.mkdir(parents=True)
        (folder / FILE_NAME).touch()
        assert find_file(FILE_NAME, cache_directory()) == folder / FILE_NAME


def test_another_file_of_that_name_is_refused(tmp_path):
    path = tmp_path / FILE_NAME
    path.write_bytes(b"something else")

    with pytest.raises(WeightsError, match=r"not the published file: .* begins with"):
        load_inception(path, device=torch.device("cpu"))
    with pytest.raises(WeightsError, match=r"cannot read .*gone"):
        load_inception(tmp_path / "gone", device=torch.device("cpu"))


def test_features_are_those_before_torchvisions_classifier(tmp_path, monkeypatch):
    # Weights at random, since the real ones may not be at hand; as in the published
    # file, and with torchvision's own way from ImageNet's normalization.
    torch.manual_seed(0)
    theirs = inception_v3(weights=None, init_weights=False, transform_input=True).eval()
    path = tmp_path / FILE_NAME
    torch.save(theirs.state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(inception, "SHA256", digest[:8])

    ours = load_inception(path, device=torch.device("cpu"))
    path.unlink()  # 109 MB
    images = torch.rand(1, 3, 299, 299)
    features = ours(images)

    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
    normalized = (images - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    with torch.no_grad():
        classes = theirs(normalized)
        assert features.shape == (1, 2048)
        torch.testing.assert_close(theirs.fc(features), classes, rtol=1e-3, atol=1e-4)
    assert not features.requires_grad
