"""Networks that do not fit in memory are refused before anything is allocated."""

from __future__ import annotations

import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.methods.scoring import score_steps
from snip_gui.core.models import memory
from snip_gui.core.pruning import workbench
from snip_gui.core.pruning.events import ScoringDone
from snip_gui.core.recipe.recipe import ModelChoice, Recipe


def score(name, environment, digits):
    recipe = Recipe(model=ModelChoice(name=name))
    return list(score_steps(recipe, environment, digits, CancelToken()))


@pytest.mark.parametrize(
    ("name", "needed"),
    [("vit_l_16", "7.3[0-9] GB"), ("vit_h_14", "15.[0-9] GB"), ("regnet_y_128gf", "15.5 GB")],
)
def test_a_large_network_is_refused_before_it_is_made(
    monkeypatch, environment, digits, name, needed
):
    def refuse(*_arguments, **_options):
        raise AssertionError("allocated")

    monkeypatch.setattr(workbench, "make_network", refuse)
    monkeypatch.setattr(memory, "available_memory", lambda: 1_500_000_000)
    with pytest.raises(UserError, match=f"needs about {needed} of memory, and 1.5 GB are free"):
        score(f"torchvision:{name}", environment, digits)


def test_a_network_is_refused_before_its_gradients_are_allocated(monkeypatch, environment, digits):
    monkeypatch.setattr(memory, "available_memory", lambda: 266_610 * memory.SCORING_BYTES - 1)
    with pytest.raises(UserError, match=r"LeNet-300-100 needs about 5.33 MB"):
        score("lenet-300-100", environment, digits)


def test_many_activations_are_counted_too(monkeypatch, environment, digits):
    monkeypatch.setattr(memory, "available_memory", lambda: 9_000_000)
    with pytest.raises(UserError, match="score fewer images"):
        score("lenet-5-caffe", environment, digits)


def test_what_fits_is_scored(monkeypatch, environment, digits):
    monkeypatch.setattr(memory, "available_memory", lambda: 266_610 * memory.SCORING_BYTES)
    assert isinstance(score("lenet-300-100", environment, digits)[-2], ScoringDone)
