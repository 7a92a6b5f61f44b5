import pytest

from vidstyle.video.ebml import VOID, children, element, elements, void


@pytest.mark.parametrize("length", [0, 1, 126, 127, 128, 16382, 16383, 16384])
def test_element_is_found_again(length: int) -> None:
    data = element(0x54AA, bytes(length)) + element(0xE0, b"end")
    assert list(children(data)) == [(0x54AA, bytes(length)), (0xE0, b"end")]


def test_length_takes_no_more_bytes_than_it_must() -> None:
    assert element(0xB0, b"\x01") == b"\xb0\x81\x01"
    assert len(element(0xB0, bytes(127))) == 1 + 2 + 127  # 0xff is an unknown length


def test_element_of_unknown_length_ends_with_the_data() -> None:
    inner = element(0xB0, b"ab")
    data = bytes.fromhex("18538067") + b"\x01" + b"\xff" * 7 + inner
    (segment,) = elements(data)
    assert (segment.name, segment.end) == (0x18538067, len(data))
    assert [each.name for each in elements(data, segment.content)] == [0xB0]


def test_element_that_goes_on_after_the_data_is_the_last() -> None:
    assert [each.end for each in elements(b"\xb0\x84a")] == [6]


@pytest.mark.parametrize("length", [2, 8, 9, 10, 200])
def test_void_is_as_long_as_asked_for(length: int) -> None:
    ((name, content),) = children(void(length))
    assert name == VOID
    assert not any(content)
    assert len(void(length)) == length


@pytest.mark.parametrize("data", [b"\x00abc", b"\xb0"])
def test_bytes_that_are_no_element_are_told(data: bytes) -> None:
    with pytest.raises(ValueError, match="no element of Matroska at byte"):
        list(elements(data))
