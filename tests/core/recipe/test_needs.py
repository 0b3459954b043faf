"""What methods need: the paper's table 1, and that nothing is listed by hand."""

from __future__ import annotations

import pytest

from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.methods.needs import find_needs


@pytest.mark.parametrize(
    ("name", "images", "pretraining", "pruning"),
    [
        ("snip", "minibatch", False, "before training"),
        ("random", "none", False, "before training"),
        ("ntk-sap", "none", False, "before training"),
        ("han", "training", True, "in rounds"),
        ("layer-obs", "training", True, "in rounds"),
        ("imp", "training", True, "in rounds"),
        ("dns", "training", True, "while training"),
        ("lc", "training", True, "while training"),
        ("sparse-vd", "training", False, "while training"),
        ("l0", "training", False, "while training"),
    ],
)
def test_needs_are_those_of_the_table(name, images, pretraining, pruning):
    found = find_needs(METHODS[name])
    assert (found.images, found.pretraining, found.pruning) == (images, pretraining, pruning)


@pytest.mark.parametrize("method", list(METHODS), ids=METHODS.names)
def test_every_method_says_what_it_needs_and_has_a_label_for_each_setting(method):
    found = find_needs(method)
    assert found.text.endswith("of its own.")
    assert len(found.settings) == len({field.label for field in found.settings})
    assert {field.path.rpartition(".")[2] for field in found.settings} <= set(
        method.spec.__struct_fields__
    )


def test_snip_has_no_settings_of_its_own():
    assert find_needs(METHODS["snip"]).settings == ()
    assert "no settings" in find_needs(METHODS["snip"]).text
