from __future__ import annotations

import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.methods import scoring as jobs
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.core.views.readout import connection_readout


def test_a_readout_agrees_with_the_mask_and_the_network(digits, environment, bench):
    *_, done, _note = jobs.score(Recipe(), environment, digits, CancelToken())
    scored, num_kept = done.scored, 26_661
    tensor = scored.layout["fc2.weight"]
    mask = scored.ranking.get_mask(tensor, num_kept)
    for position in [(0, 0), (3, 299), (99, 17)]:
        readout = connection_readout(scored, tensor, position, num_kept)
        assert (readout.name, readout.position) == ("fc2.weight", position)
        assert readout.is_kept == mask[position]
        assert readout.weight == pytest.approx(float(bench.model.fc2.weight[position].detach()))
        score_M = scored.ranking.score_M
        higher = int((score_M > readout.sensitivity).sum())
        assert higher < readout.rank <= higher + int((score_M == readout.sensitivity).sum())
        kept_there = num_kept_at(readout.leaves_at, 266_610)
        assert not scored.ranking.get_mask(tensor, kept_there)[position]
        assert scored.ranking.get_mask(tensor, kept_there + 1)[position]
