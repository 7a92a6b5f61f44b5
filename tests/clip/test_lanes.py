from vidstyle.clip.lanes import Lanes


def lanes(starts, *, certain, is_complete=True, painted=()):
    made = Lanes(lambda index: index in painted)
    made.extend(starts, certain=certain, is_complete=is_complete)
    return made


def test_one_lane_hands_out_its_frames_in_order_one_at_a_time():
    made = lanes([0], certain=3)
    for index in range(3):
        assert made.take() == (index, 0)
        assert made.take() is None
        made.release(index)
    assert made.take() is None
    assert made.open_starts == []


def test_shots_run_beside_one_another_and_the_earliest_comes_first():
    made = lanes([0, 2, 5], certain=6)
    assert [made.take(), made.take(), made.take()] == [(0, 0), (2, 2), (5, 5)]
    assert made.take() is None
    made.release(2)
    assert made.take() == (3, 2)
    made.release(0)
    assert made.take() == (1, 0)


def test_a_lane_waits_for_frames_that_are_not_certain():
    made = lanes([10], certain=11, is_complete=False)
    assert made.take() == (10, 10)
    assert made.following(10) is None
    made.release(10)
    assert made.take() is None
    assert made.open_starts == [10]
    made.extend([10], certain=12, is_complete=False)
    assert made.following(10) == 11
    assert made.take() == (11, 10)


def test_a_new_cut_ends_the_lane_before_it():
    made = lanes([0], certain=2, is_complete=False)
    for index in (0, 1):
        made.take()
        made.release(index)
    made.extend([0, 2], certain=3, is_complete=True)
    assert made.open_starts == [2]
    assert made.take() == (2, 2)


def test_frames_that_an_earlier_run_painted_are_passed_over():
    made = lanes([0, 4], certain=8, painted={0, 1, 4, 5, 6, 7})
    assert made.take() == (2, 0)
    assert made.take() is None
    made.release(2)
    assert made.take() == (3, 0)
    made.release(3)
    assert made.open_starts == []


def test_every_frame_is_handed_out_once_and_after_its_predecessor():
    starts, count, slots = [0, 3, 4, 9], 12, 3
    made = lanes(starts, certain=count)
    order, busy = [], []
    while made.open_starts:
        while len(busy) < slots and (taken := made.take()) is not None:
            busy.append(taken[0])
        order.append(busy.pop(0))
        made.release(order[-1])
    assert sorted(order) == list(range(count))
    for index in range(count):
        if index not in starts:
            assert order.index(index - 1) < order.index(index)
