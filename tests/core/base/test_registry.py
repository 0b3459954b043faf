from __future__ import annotations

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.models.catalogue import MODELS


@pytest.mark.parametrize(
    ("registry", "field"),
    [(MODELS, "model.name"), (DATASETS, "data.name"), (FORMATS, "format")],
)
def test_an_unknown_name_lists_the_choices(registry, field):
    with pytest.raises(UserError, match="nonsense") as caught:
        registry["nonsense"]
    assert caught.value.field == field
    assert all(name in caught.value.hint for name in registry.names)


def test_entries_are_found_by_name_in_order():
    assert [entry.name for entry in MODELS] == list(MODELS.names)
    assert all(MODELS[name].name == name for name in MODELS.names)
