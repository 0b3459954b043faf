from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled
from snip_gui.core.methods import scoring as jobs
from snip_gui.core.models.networks import measure
from snip_gui.core.pruning.events import ScoringDone
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.scored import Scored
from snip_gui.core.recipe.methods import RandomMask, Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe
from snip_gui.core.recipe.stages import Stage, stage_keys
from tests.core.masks import LENET, alive_units, as_ranking, layout_named, scored_with
from tests.core.sources import Units, Unnested
from tests.core.toys import layout_of

LENET_5 = ModelChoice(name="lenet-5-caffe")


@pytest.fixture
def score(digits, environment):
    def do(recipe):
        *_, done, _note = jobs.score_steps(recipe, environment, digits, CancelToken())
        assert isinstance(done, ScoringDone)
        return done.scored

    return do


def test_scoring_brings_all_that_the_pictures_need(score, make_bench):
    recipe = Recipe(minibatch=Draw(size=20, classes=(3,)))
    scored = score(recipe)
    bench = make_bench(recipe)
    assert scored.layout == bench.prunable.layout
    assert scored.architecture == bench.architecture
    assert scored.architecture.image_shape == (1, 28, 28)
    assert scored.architecture.num_classes == 10
    assert set(bench.images.train_labels_N[scored.indices_K]) == {3}
    assert scored.gradient_M.shape == scored.weight_M.shape == (266_610,)
    # What was ranked is |w g| over its sum.
    product_M = np.abs(scored.weight_M.astype(float) * scored.gradient_M)
    np.testing.assert_allclose(scored.ranking.score_M, product_M / product_M.sum(), rtol=1e-5)
    assert scored.key == stage_keys(recipe)[Stage.SCORE]


def test_a_method_that_scores_nothing_says_so(score):
    scored = score(Recipe(pruning=RandomMask()))
    assert scored.gradient_M is None
    assert np.isnan(scored.loss)


def test_scoring_can_be_cancelled(digits, environment):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(jobs.score_steps(Recipe(), environment, digits, cancel))


def test_the_line_for_the_log_has_the_counts(score):
    scored = score(Recipe())
    line = jobs.describe_scoring(scored)
    zeros = int((scored.ranking.score_M == 0).sum())
    assert "100 images" in line
    assert "266,610 connections" in line
    assert f"{zeros:,} of them with zero" in line


def test_layer_rows_distinguish_weights_and_biases(score):
    scored = score(Recipe())
    num_kept = scored.num_kept_at(0.9)
    masks = scored.ranking.mask_at(num_kept)
    for row in scored.layer_rows(num_kept):
        weights, biases = masks[f"{row.layer}.weight"], masks[f"{row.layer}.bias"]
        assert (row.weights_kept, row.weights_total) == (weights.sum(), weights.size)
        assert (row.biases_kept, row.biases_total) == (biases.sum(), biases.size)
        assert row.shape == weights.shape
        assert row.sparsity == pytest.approx(1 - row.kept / row.total)
        assert not row.is_empty


def test_the_input_map_of_a_linear_network_counts_each_pixels_connections(score):
    scored = score(Recipe())
    mask = scored.ranking.mask_at(26_661)["fc1.weight"]
    fractions = scored.input_fractions(26_661)
    assert fractions.shape == (1, 28, 28)
    assert fractions[0, 14, 10] == pytest.approx(mask[:, 14 * 28 + 10].mean())
    assert fractions.mean() == pytest.approx(mask.mean())
    assert (scored.input_fractions(266_610) == 1).all()


def test_the_input_map_of_a_convolutional_network_covers_the_image(score):
    scored = score(Recipe(model=LENET_5))
    fractions = scored.input_fractions(43_108)
    assert fractions.shape == (1, 28, 28)
    assert 0 < fractions.min() < fractions.max() < 1
    assert (scored.input_fractions(431_080) == 1).all()


def test_there_is_no_input_map_if_its_layer_is_not_pruned(score):
    sentence = score(Recipe(pruning=Snip(exclude=("fc1",)))).input_fractions(100)
    assert isinstance(sentence, str)
    assert "fc1" in sentence


def make_scored(score_M, recipe=None, layers=("fc1", "fc2", "fc3")):
    """A scored network whose scores the test decides."""
    shapes = {"fc1": (300, 784), "fc2": (100, 300), "fc3": (10, 100)}
    made = layout_of(*(shapes[layer] for layer in layers))
    tensors = tuple(
        type(t)(f"{layer}.weight", layer, t.kind, t.shape, t.offset)
        for t, layer in zip(made.tensors, layers, strict=True)
    )
    layout = type(made)(tensors)
    return Scored(
        recipe=recipe or Recipe(),
        masks=rank_scores(score_M(layout), layout),
        weight_M=np.ones(layout.num_parameters, np.float32),
        gradient_M=None,
        indices_K=np.arange(3),
        architecture=measure(ModelChoice(), (1, 28, 28), 10),
        loss=0.0,
        seconds=0.0,
    )


def chosen(*connections):
    """Scores that rank the named connections first."""

    def scores(layout):
        score_M = np.zeros(layout.num_parameters, np.float32)
        for name, position in connections:
            tensor = layout[name]
            score_M[tensor.offset + int(np.ravel_multi_index(position, tensor.shape))] = 1
        return score_M

    return scores


def test_reach_follows_a_single_path():
    path = [("fc1.weight", (7, 5)), ("fc2.weight", (2, 7)), ("fc3.weight", (9, 2))]
    found = make_scored(chosen(*path)).reach(3)
    assert (found.num_outputs, found.num_reached) == (10, 1)
    assert alive_units(found) == {"fc1": (1, 300), "fc2": (1, 100), "fc3": (1, 10)}
    broken = [path[0], ("fc2.weight", (2, 8)), path[2]]
    assert make_scored(chosen(*broken)).reach(3).num_reached == 0


def test_reach_of_the_dense_network_is_everything(score):
    for recipe in (Recipe(), Recipe(model=LENET_5)):
        scored = score(recipe)
        found = scored.reach(scored.layout.num_parameters)
        assert found.num_reached == 10
        assert all(alive == total for alive, total in alive_units(found).values())
        assert tuple(alive_units(found)) == scored.layout.layers
        kept = {row.layer: row.kept for row in scored.layer_rows(scored.layout.num_parameters)}
        assert scored.num_on_paths(found, scored.layout.num_parameters) == kept


def test_a_layer_that_is_not_pruned_is_whole():
    recipe = Recipe(pruning=Snip(exclude=("fc2",)))
    layers = ("fc1", "fc3")
    into, out = ("fc1.weight", (7, 5)), ("fc3.weight", (9, 2))
    found = make_scored(chosen(into, out), recipe, layers).reach(2)
    assert found.num_reached == 1
    assert alive_units(found) == {"fc1": (1, 300), "fc2": (1, 100), "fc3": (1, 10)}
    # Whole as it is, nothing passes it that did not come to it.
    found = make_scored(chosen(out, ("fc3.weight", (8, 2))), recipe, layers).reach(2)
    assert (found.num_outputs, found.num_reached) == (10, 0)


@pytest.mark.parametrize(
    ("layers", "connection", "reached"),
    [
        (("fc1",), ("fc1.weight", (7, 5)), 10),
        (("fc2",), ("fc2.weight", (7, 5)), 10),
        (("fc3",), ("fc3.weight", (7, 5)), 1),
    ],
)
def test_layers_around_the_only_pruned_one_are_whole(layers, connection, reached):
    excluded = tuple(layer for layer in ("fc1", "fc2", "fc3") if layer not in layers)
    recipe = Recipe(pruning=Snip(exclude=excluded))
    assert make_scored(chosen(connection), recipe, layers).reach(1).num_reached == reached


def test_reach_with_an_excluded_convolution(score):
    scored = score(Recipe(model=LENET_5, pruning=Snip(exclude=("conv2", "fc2"))))
    found = scored.reach(scored.layout.num_parameters)
    assert found.num_reached == 10
    assert set(alive_units(found)) == {"conv1", "conv2", "fc1", "fc2"}


def test_what_is_kept_off_every_path_is_removed_in_effect():
    path = [("fc1.weight", (7, 5)), ("fc2.weight", (2, 7)), ("fc3.weight", (9, 2))]
    scored = make_scored(chosen(*path, ("fc1.weight", (8, 5)), ("fc3.weight", (9, 3))))
    # Biases do not compete here: that of the second layer's unit 3 reaches the output.
    assert scored.num_on_paths(scored.reach(5), 5) == {"fc1": 1, "fc2": 1, "fc3": 2}
    steps = tuple(
        dataclasses.replace(step, has_bias=False) for step in scored.architecture.wiring.steps
    )
    wiring = dataclasses.replace(scored.architecture.wiring, steps=steps)
    scored = dataclasses.replace(
        scored, architecture=dataclasses.replace(scored.architecture, wiring=wiring)
    )
    assert scored.num_on_paths(scored.reach(5), 5) == {"fc1": 1, "fc2": 1, "fc3": 1}


def test_a_bias_is_on_a_path_if_its_unit_leads_to_an_output(score):
    scored = score(Recipe())
    total = scored.layout.num_parameters
    # All that is not a weight of the first layer scores less: most of that layer is off the paths.
    found = scored.reach(total - 410)  # the biases score zero and come last
    assert scored.num_on_paths(found, total)["fc1"] == 300 * 784 + 300
    nothing = scored.reach(0)
    assert scored.num_on_paths(nothing, total) == {"fc1": 0, "fc2": 0, "fc3": 10}


def test_a_network_that_cannot_be_followed_says_so():
    scored = make_scored(chosen(("fc1.weight", (7, 5))))
    scored = dataclasses.replace(
        scored, architecture=dataclasses.replace(scored.architecture, wiring=None)
    )
    assert scored.reach(1) is None


@pytest.mark.parametrize("make", [Unnested, Units])
@pytest.mark.parametrize("sparsity", [0.2, 0.9, 0.99, 0.999])
def test_masks_of_any_source_are_followed_as_those_of_a_ranking(make, sparsity):
    scored = scored_with(make(layout_named(LENET)))
    num_kept = scored.num_kept_at(sparsity)
    ranked = as_ranking(scored.masks, num_kept)
    assert scored.layer_rows(num_kept) == ranked.layer_rows(num_kept)
    found, expected = scored.reach(num_kept), ranked.reach(num_kept)
    assert alive_units(found) == alive_units(expected)
    assert scored.num_on_paths(found, num_kept) == ranked.num_on_paths(expected, num_kept)
    np.testing.assert_array_equal(
        scored.input_fractions(num_kept), ranked.input_fractions(num_kept)
    )


def test_the_nearest_number_is_kept_and_said():
    units = Units(layout_named(LENET))
    scored = scored_with(units)
    sparsity = 1 - (units.nearest(30_000) + 1) / scored.layout.num_parameters
    assert scored.num_kept_at(sparsity) == units.nearest(30_000)
    assert f"{units.nearest(30_000):,}" in scored.mask_note(sparsity)
    exact = 1 - units.nearest(30_000) / scored.layout.num_parameters
    assert scored.mask_note(exact) == ""


def test_without_scores_there_is_no_histogram():
    scored = scored_with(Unnested(layout_named(LENET)))
    assert scored.histogram is None
    assert scored.num_zero == 0
    assert scored.layer_counts(scored.layout.tensors[0]) is None


@pytest.mark.parametrize(
    ("name", "exclude"),
    [("lstm-s", ()), ("lstm-s", ("fc",)), ("gru-s", ("cell",)), ("lenet-5-caffe", ("fc2",))],
)
def test_work_falls_from_that_of_the_whole_network_to_that_of_excluded_layers(score, name, exclude):
    scored = score(
        Recipe(
            model=ModelChoice(name=name),
            minibatch=Draw(size=10),
            pruning=RandomMask(exclude=exclude),
        )
    )
    total, uses = scored.architecture.multiply_accumulates, scored.architecture.uses
    m = scored.layout.num_parameters
    assert scored.multiply_accumulates(m) == (total, total)
    weights = {layer.name: layer.num_weights for layer in scored.architecture.layers}
    dense = sum(weights[layer] * uses[layer] for layer in exclude)
    assert scored.multiply_accumulates(0) == (dense, total)
    for sparsity in (0.5, 0.9, 0.999):
        kept, _ = scored.multiply_accumulates(scored.num_kept_at(sparsity))
        assert dense <= kept < total
