from itertools import pairwise

import pytest

from vidstyle.clip.lanes import Lanes, Turn


def lanes(starts, *, certain, is_complete=True, painted=(), **planned):
    made = Lanes(lambda index: index in painted, **planned)
    made.extend(starts, certain=certain, is_complete=is_complete)
    return made


def taken(made):
    """Take a frame; it is told with the start of its lane."""
    turn = made.take()
    return None if turn is None else (turn.frame, turn.start)


def order(made):
    """Take all frames, one after another."""
    turns = []
    while (turn := made.take()) is not None:
        turns.append(turn)
        made.release(turn)
    assert made.open_starts == []
    return turns


def test_one_lane_hands_out_its_frames_in_order_one_at_a_time():
    made = lanes([0], certain=3)
    for index in range(3):
        turn = made.take()
        assert (turn.frame, turn.start) == (index, 0)
        assert made.take() is None
        made.release(turn)
    assert made.take() is None
    assert made.open_starts == []


def test_frames_that_wait_for_none_are_handed_out_at_once():
    made = lanes([0], certain=3, is_bound=False)
    turns = [made.take() for _ in range(3)]
    assert [turn.frame for turn in turns] == [0, 1, 2]
    assert made.take() is None
    for turn in turns:
        made.release(turn)
    assert made.open_starts == []


def test_shots_run_beside_one_another_and_the_earliest_comes_first():
    made = lanes([0, 2, 5], certain=6)
    turns = [made.take(), made.take(), made.take()]
    assert [turn.frame for turn in turns] == [0, 2, 5]
    assert made.take() is None
    made.release(turns[1])
    assert taken(made) == (3, 2)
    made.release(turns[0])
    assert taken(made) == (1, 0)


def test_a_lane_waits_for_frames_that_are_not_certain():
    made = lanes([10], certain=11, is_complete=False)
    turn = made.take()
    assert turn == Turn(10, 10)
    assert made.following(turn) is None
    made.release(turn)
    assert made.take() is None
    assert made.open_starts == [10]
    made.extend([10], certain=12, is_complete=False)
    assert made.following(turn) == Turn(11, 10, before=10)
    assert taken(made) == (11, 10)


def test_a_new_cut_ends_the_lane_before_it():
    made = lanes([0], certain=2, is_complete=False)
    for _ in range(2):
        made.release(made.take())
    made.extend([0, 2], certain=3, is_complete=True)
    assert made.open_starts == [2]
    assert taken(made) == (2, 2)


def test_frames_that_an_earlier_run_painted_are_passed_over():
    made = lanes([0, 4], certain=8, painted={0, 1, 4, 5, 6, 7})
    assert [turn.frame for turn in order(made)] == [2, 3]


def test_key_frames_come_before_those_between():
    turns = order(lanes([0], certain=8, spacing=3))
    assert [turn.frame for turn in turns] == [0, 3, 1, 2, 6, 4, 5, 7]
    assert [turn.origins for turn in turns[1:5]] == [[0], [0, 3], [0, 3, 1], [3]]


def test_one_shot_fills_a_batch_with_key_frames_and_those_between():
    made = lanes([0], certain=13, spacing=3)
    for index in 0, 3:
        assert taken(made) == (index, 0)
        assert made.take() is None
        made.release(Turn(index, 0, before=0 if index else None))
    turns = [made.take(), made.take()]
    assert [turn.frame for turn in turns] == [1, 6]
    assert made.take() is None
    made.release(turns[1])
    assert [made.take().frame, made.take().frame] == [4, 9]
    assert [made.needs(index) for index in (0, 1, 3, 6, 9)] == [True] * 5
    made.release(turns[0])
    assert taken(made) == (2, 0)


def test_last_frame_of_a_shot_is_a_key_frame_and_so_are_those_asked_for():
    turns = order(lanes([0, 5], certain=11, spacing=4, keys=[2, 8]))
    assert [turn.frame for turn in turns if turn.after is None] == [0, 2, 4, 5, 8, 10]


def test_no_key_frame_is_planned_before_it_is_known_to_belong_to_the_shot():
    made = lanes([0], certain=4, is_complete=False, spacing=4)
    made.release(made.take())
    assert made.take() is None
    made.extend([0, 4], certain=6, is_complete=False)
    assert made.take() == Turn(3, 0, before=0)


def test_interrupted_span_goes_on_between_its_key_frames():
    made = lanes([0], certain=5, spacing=4, painted={0, 4, 1})
    assert order(made) == [Turn(2, 0, 0, 4), Turn(3, 0, 0, 4)]


@pytest.mark.parametrize("spacing", [1, 2, 3, 8])
def test_every_frame_is_handed_out_once_and_after_its_origins(spacing):
    starts, count, slots = [0, 3, 4, 9], 12, 3
    made = lanes(starts, certain=count, spacing=spacing)
    done, busy = [], []
    while made.open_starts:
        while len(busy) < slots and (turn := made.take()) is not None:
            busy.append(turn)
        turn = busy.pop(0)
        assert set(turn.origins) <= set(done)
        assert (turn.before is None) == (turn.frame in starts)
        done.append(turn.frame)
        made.release(turn)
    assert sorted(done) == list(range(count))


@pytest.mark.parametrize("spacing", [1, 2, 3, 8])
def test_sources_are_kept_as_long_as_a_frame_needs_them(spacing):
    turns = order(lanes([0], certain=12, spacing=spacing))
    settled = set()
    for turn in turns:
        ends = [*turn.origins, turn.frame]
        assert settled.isdisjoint(range(min(ends), max(ends) + 1))
        settled |= set(turn.settles)
    assert settled == set(range(11))
    assert all(a.frame != b.frame for a, b in pairwise(turns))
