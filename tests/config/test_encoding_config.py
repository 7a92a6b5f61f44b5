"""Test what can be said of a result's file."""

from typing import Any

import pytest

from vidstyle.config import CRF, EncodingConfig
from vidstyle.errors import ConfigError


@pytest.mark.parametrize(("codec", "crf"), CRF.items())
def test_each_codec_has_its_own_quality(codec: Any, crf: Any) -> None:
    for value in crf:
        assert EncodingConfig(codec=codec, crf=value).crf == value
    for value in (crf.least - 1, crf.most + 1):
        with pytest.raises(ConfigError, match=rf"crf \(for {codec}\) is {value}; "):
            EncodingConfig(codec=codec, crf=value)
    assert crf.least < crf.default < crf.most


@pytest.mark.parametrize("codec", ["prores", "ffv1"])
def test_codec_without_a_quality_takes_none(codec: Any) -> None:
    assert EncodingConfig(codec=codec).crf is None
    with pytest.raises(ConfigError, match=f"{codec} has a fixed quality"):
        EncodingConfig(codec=codec, crf=18)


def test_place_is_not_kept_where_all_is_stripped() -> None:
    with pytest.raises(ConfigError, match="not both"):
        EncodingConfig(keep_location=True, strip_metadata=True)
