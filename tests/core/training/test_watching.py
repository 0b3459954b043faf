from __future__ import annotations

import numpy as np
import pytest
import torch

from snip_gui.core.training import watching
from snip_gui.core.training.watching import WeightWatch
from tests.core.training.test_preparing import SHORT, make_trainer, prepare


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test turns."""
    now = [100.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: now[0])
    return now


def watched(trainer, watch, clock, seconds):
    """All that is seen while a network trains, each step taking so many seconds."""
    watch.begin()
    seen, step = [], -1
    for _ in trainer.run():
        clock[0] += seconds if trainer.step != step else 0.0
        step = trainer.step
        found = watch.look(trainer)
        if found is not None:
            seen.append(found)
    return seen


def test_every_epoch_is_seen_whole_and_the_last_as_it_is_kept(clock):
    trainer = make_trainer(SHORT)
    prepare(trainer)
    assert trainer.shrunk is not None  # what is seen has the shape of the whole network
    seen = watched(trainer, WeightWatch(), clock, 0.1)
    assert [found.epoch for found in seen] == [0, 1, 2, 3]
    assert all(found.is_whole for found in seen)
    trainer.put_back()
    state = trainer.masked.model.state_dict()
    assert set(seen[-1].weights) == {"1.weight", "5.weight"}
    for name, weight in seen[-1].weights.items():
        np.testing.assert_array_equal(weight, state[name].numpy())
        assert not np.array_equal(weight, seen[0].weights[name])


def test_of_epochs_that_are_a_moment_long_not_every_one_is_seen(clock):
    seen = watched(make_trainer(SHORT), WeightWatch(), clock, 0.05)  # 0.3 seconds an epoch
    assert [found.epoch for found in seen] == [0, 2, 3]  # the last always


def test_between_epochs_the_weight_that_is_looked_at_is_seen_at_a_steady_rate(clock):
    watch, trainer = WeightWatch(), make_trainer(SHORT)
    watch.tensor = "5.weight"
    seen = watched(trainer, watch, clock, 0.11)
    between = [found for found in seen if not found.is_whole]
    assert all(set(found.weights) == {"5.weight"} for found in between)
    # Six steps an epoch: the second and the fourth after the one that ended the last.
    assert [found.step % trainer.steps_per_epoch for found in between] == [2, 4] * 3


def test_a_weight_that_is_not_there_is_not_looked_at(clock):
    watch = WeightWatch()
    watch.tensor = "fc9.weight"
    seen = watched(make_trainer(SHORT), watch, clock, 1.0)
    assert all(found.is_whole for found in seen)


def test_of_a_large_network_only_what_is_looked_at_is_copied(clock, monkeypatch):
    monkeypatch.setattr(watching, "_MOST_VALUES", 100)
    assert watched(make_trainer(SHORT), WeightWatch(), clock, 0.1) == []
    watch = WeightWatch()
    watch.tensor = "5.weight"
    seen = watched(make_trainer(SHORT), watch, clock, 0.11)
    assert seen
    assert all(set(found.weights) == {"5.weight"} and not found.is_whole for found in seen)


def test_copies_take_no_more_than_their_share_of_the_time(clock, monkeypatch):
    cost = 0.5
    make = watching._seen

    def slow(*args, **kwargs):
        clock[0] += cost
        return make(*args, **kwargs)

    monkeypatch.setattr(watching, "_seen", slow)
    training = SHORT.__class__(epochs=40, batch_size=10, learning_rate=0.05)
    watch, trainer = WeightWatch(), make_trainer(training)
    watch.tensor = "5.weight"
    began = clock[0]
    seen = watched(trainer, watch, clock, 0.1)
    assert seen[-1].step == trainer.num_steps  # the last always
    spent = cost * len(seen)
    # Two more: the one that went over the share, and the last.
    assert spent <= watching._SHARE * (clock[0] - began) + 2 * cost
    assert len(seen) < 6


def test_looking_changes_no_result(clock):
    trained = []
    for watch in (None, WeightWatch()):
        trainer = make_trainer(SHORT)
        prepare(trainer)
        if watch is None:
            list(trainer.run())
        else:
            watch.tensor = "1.weight"
            watched(trainer, watch, clock, 0.3)
        trained.append(trainer.masked.model.state_dict())
    assert all(torch.equal(trained[0][name], trained[1][name]) for name in trained[0])


def test_what_was_seen_does_not_change_afterwards(clock):
    trainer = make_trainer(SHORT)
    seen = watched(trainer, WeightWatch(), clock, 0.1)
    assert not np.array_equal(seen[0].weights["1.weight"], seen[1].weights["1.weight"])
    with pytest.raises(ValueError):
        seen[0].weights["1.weight"][0] = 0
