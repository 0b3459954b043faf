from __future__ import annotations

import itertools

import numpy as np
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.recipe import Picked, Recipe
from snip_gui.core.studies.figures.figure import Chart, Matrix
from snip_gui.core.studies.overlaps.overlap import (
    WHOLE,
    Group,
    OverlapStudy,
    class_groups,
    field_groups,
)
from tests.core.studies.overlaps.toys import jaccard, random_toy, toy

GROUPS = tuple(Group(name, Recipe()) for name in ("one", "two", "three"))
SEEDS = (0, 1, 2, 3)


@pytest.fixture
def study():
    return OverlapStudy(GROUPS, SEEDS)


@pytest.fixture
def masks():
    generator = np.random.default_rng(1)
    return [random_toy(generator) for _ in range(len(GROUPS) * len(SEEDS))]


def test_every_number_is_that_of_sets(study, masks):
    answer = study.answer(masks)
    by_group = {group.label: masks[4 * n : 4 * n + 4] for n, group in enumerate(GROUPS)}
    for layer, name in ((WHOLE, None), ("a", "a"), ("b", "b")):
        for a, b in itertools.product(by_group, by_group):
            if a == b:
                pairs = itertools.combinations(by_group[a], 2)
            else:
                pairs = zip(by_group[a], by_group[b], strict=True)
            overlaps = [jaccard(x, y, name) for x, y in pairs]
            found = answer.find(layer, a, b)
            assert sorted(found.overlaps) == pytest.approx(sorted(overlaps))
            assert found.mean == pytest.approx(np.mean(overlaps))
            assert found.deviation == pytest.approx(np.std(overlaps, ddof=1))
            assert (found.p_value is None) == (a == b)
    assert answer.layers == (WHOLE, "a", "b")
    assert len(answer.table.rows) == 6 * 3


def test_random_masks_overlap_as_chance_says(study):
    generator = np.random.default_rng(2)
    sizes = (("a", 3000), ("b", 500))
    masks = [random_toy(generator, sizes) for _ in range(12)]
    for pair in study.answer(masks).pairs.values():
        assert pair.ratio == pytest.approx(1, abs=0.2)


def test_masks_that_share_a_seed_are_told_apart_from_those_that_do_not(study):
    generator = np.random.default_rng(3)
    masks = [random_toy(generator, (("a", 400),)) for _ in SEEDS] * 3
    pair = study.answer(masks).find(WHOLE, "one", "two")
    assert pair.mean == 1
    assert pair.p_value == pytest.approx(1 / 24)
    assert pair.num_above == 4


def test_a_missing_mask_is_left_out_and_said(study, masks):
    whole = study.answer(masks).find(WHOLE, "one", "two")
    masks[1] = None
    answer = study.answer(masks)
    pair = answer.find(WHOLE, "one", "two")
    assert pair.overlaps == (whole.overlaps[0], *whole.overlaps[2:])
    assert "1 of 12 masks could not be found" in answer.sentence
    assert answer.find(WHOLE, "two", "three") == study.answer(masks).find(WHOLE, "two", "three")


def test_without_two_masks_there_is_no_answer(study, masks):
    for found in ([None] * 12, [masks[0], *[None] * 11]):
        with pytest.raises(UserError):
            study.answer(found)
    with pytest.raises(UserError, match="no two masks"):
        OverlapStudy(GROUPS[:1], (0,)).answer(masks[:1])


def test_masks_of_different_networks_are_refused_by_name(masks):
    masks[5] = toy(a=[1] * 29, b=[0] * 12)
    with pytest.raises(UserError, match="“two” and “one” cannot be compared"):
        OverlapStudy(GROUPS, SEEDS).answer(masks)


def test_similar_groups_are_put_together(masks):
    masks[8:] = masks[:4]
    answer = OverlapStudy(GROUPS, SEEDS, is_clustered=True).answer(masks)
    assert answer.labels in (("one", "three", "two"), ("two", "one", "three"),
                             ("three", "one", "two"), ("two", "three", "one"))  # fmt: skip
    cells = answer.overview.rows
    assert [row[0] for row in cells] == list(answer.labels)
    assert all(cells[i][j + 1] == cells[j][i + 1] for i in range(3) for j in range(3))


def test_a_single_seed_has_neither_deviation_nor_p_value(masks):
    answer = OverlapStudy(GROUPS, (5,)).answer(masks[:3])
    pair = answer.find(WHOLE, "one", "two")
    assert (pair.deviation, pair.p_value) == (None, None)
    assert answer.find(WHOLE, "one", "one") is None
    assert "deviation" not in answer.sentence


def test_the_sentence_names_the_most_and_least_similar(study, masks):
    answer = study.answer(masks)
    across = {(a, b): p.mean for (layer, a, b), p in answer.pairs.items()
              if layer == WHOLE and a != b}  # fmt: skip
    most, least = max(across, key=across.get), min(across, key=across.get)
    assert f"Most similar are {most[0]} and {most[1]}" in answer.sentence
    assert f"least similar {least[0]} and {least[1]}" in answer.sentence


def test_groups_are_recipes_that_differ_in_one_thing():
    recipe = Recipe()
    groups = class_groups(recipe, ("3", 8))
    assert [group.label for group in groups] == ["3", "#8"]
    assert [group.recipe.minibatch.classes for group in groups] == [("3",), (8,)]
    groups = field_groups(recipe, "pruning.sparsity", (0.5, 0.9))
    assert [group.recipe.pruning.sparsity for group in groups] == [0.5, 0.9]
    methods = field_groups(recipe, "pruning.method", ("snip", "random"))
    assert [group.recipe.pruning.method for group in methods] == ["snip", "random"]
    items = OverlapStudy(groups, (3, 4), "minibatch.seed").items
    assert [(i.recipe.seed, i.recipe.minibatch.seed) for i in items] == [(0, 3), (0, 4)] * 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: class_groups(Recipe(minibatch=Picked(indices=(1,))), ("3",)),
        lambda: field_groups(Recipe(), "pruning.sparsity", (2.0,)),
        lambda: field_groups(Recipe(), "pruning.method", ("nonsense",)),
        lambda: OverlapStudy((GROUPS[0], GROUPS[0]), (0,)).items,
    ],
)
def test_groups_that_cannot_be_are_refused(make):
    with pytest.raises(UserError):
        make()


def test_the_figure_of_one_group_shows_its_layers_and_chance(study, masks):
    one, several = OverlapStudy(GROUPS[:1], SEEDS).answer(masks[:4]), study.answer(masks)
    assert isinstance(several.figure, Matrix)
    assert isinstance(one.figure, Chart)
    masks, chance = one.figure.series
    label = one.labels[0]
    pairs = [one.find(layer, label, label) for layer in one.layers]
    assert masks.ys == tuple(pair.mean for pair in pairs)
    assert chance.ys == tuple(pair.chance for pair in pairs)
    assert "kept by all" in one.sentence
    assert several.often is None
