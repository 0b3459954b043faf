from __future__ import annotations

import pytest

from snip_gui.core.recipe.recipe import Training
from snip_gui.core.training.schedules import learning_rate_at


@pytest.mark.parametrize("num_steps", [4, 100, 5_400, 250_000])
def test_decays_lie_at_fractions_of_the_run(num_steps):
    training = Training(learning_rate=0.1, decay_at=(0.5, 0.75), decay_factor=0.1)

    def rate(step):
        return learning_rate_at(step, num_steps, training)

    assert rate(0) == rate(num_steps // 2 - 1) == pytest.approx(0.1)
    assert rate(num_steps // 2) == rate(num_steps * 3 // 4 - 1) == pytest.approx(0.01)
    assert rate(num_steps * 3 // 4) == rate(num_steps - 1) == pytest.approx(0.001)


def test_without_decays_the_rate_is_constant():
    training = Training(decay_at=(), learning_rate=0.3)
    assert {learning_rate_at(step, 10, training) for step in range(10)} == {0.3}


def test_the_order_of_the_decays_does_not_matter():
    one, other = Training(decay_at=(0.2, 0.6)), Training(decay_at=(0.6, 0.2))
    for step in range(20):
        assert learning_rate_at(step, 20, one) == learning_rate_at(step, 20, other)


def test_half_a_cosine_falls_from_the_rate_to_nothing():
    training = Training(schedule="cosine", learning_rate=0.2)
    rates = [learning_rate_at(step, 100, training) for step in range(100)]
    assert rates[0] == 0.2
    assert rates[50] == pytest.approx(0.1)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 1e-4


@pytest.mark.parametrize("schedule", ["steps", "cosine"])
def test_added_epochs_have_the_last_rate_or_their_own(schedule):
    training = Training(schedule=schedule, learning_rate=0.1, added_epochs=2)
    assert learning_rate_at(150, 100, training) == learning_rate_at(99, 100, training)
    own = Training(schedule=schedule, added_epochs=2, added_rate=0.03)
    assert learning_rate_at(100, 100, own) == 0.03
    assert learning_rate_at(99, 100, own) == learning_rate_at(99, 100, training)
