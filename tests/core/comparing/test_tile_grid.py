from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.comparing.jobs import grid_column
from snip_gui.core.comparing.tile_grid import (
    PAPER_SPARSITIES,
    GridColumnDone,
    GridSpec,
    Variant,
    make_spec,
)
from snip_gui.core.data.minibatch.curation import split_training
from snip_gui.core.data.sets.loading import load_images
from snip_gui.core.methods import scoring as jobs
from snip_gui.core.recipe.methods import METHODS, Grasp, Han, SignedGradient, Snip
from snip_gui.core.recipe.recipe import DataChoice, Draw, ModelChoice, Picked, Recipe
from snip_gui.core.views.grid_files import save_grid

CLASSES = tuple("0123456789")
# Of the paper's tiles, each divided by its own maximum, mean by row, 10 to 90 %: figure 2 (a) and,
# for the signed gradient, figure 6 (a), recovered from the published figures.
PAPER_MEANS = (0.922, 0.842, 0.765, 0.687, 0.603, 0.514, 0.416, 0.307, 0.180)
PAPER_SIGNED_MEANS = (0.907, 0.814, 0.777, 0.805, 0.879, 0.807, 0.649, 0.473, 0.276)


def spec_of(kind, recipe, digits, sparsities=(0.5, 0.9)):
    return make_spec(kind, recipe, digits.train_labels_N, digits.classes, sparsities)


def compute(spec, environment, images):
    columns = {}
    for number in range(len(spec.variants)):
        steps = grid_column(spec, number, environment, images, CancelToken())
        (done,) = [event for event in steps if isinstance(event, GridColumnDone)]
        assert done.number == number
        columns[number] = done.column
    return columns


def test_classes_have_a_column_each_of_as_many_images(digits):
    spec = spec_of("classes", Recipe(minibatch=Draw(classes=(8,), size=120)), digits)
    assert [variant.label for variant in spec.variants] == list(digits.classes)
    assert [variant.recipe.minibatch.classes for variant in spec.variants] == [
        (8,) if label == 8 else (str(label),) for label in range(10)
    ]
    sizes = {variant.recipe.minibatch.size for variant in spec.variants}
    assert sizes == {120}
    spec = spec_of("classes", Recipe(minibatch=Draw(size=1000)), digits)
    counts = np.bincount(digits.train_labels_N)
    assert [v.recipe.minibatch.size for v in spec.variants] == counts.tolist()
    spec = spec_of("classes", Recipe(minibatch=Picked(indices=(1, 2, 3))), digits)
    assert {v.recipe.minibatch.size for v in spec.variants} == {3}


def test_other_kinds_change_one_thing_only(digits):
    recipe = Recipe(minibatch=Draw(classes=(8, 3), size=50), seed=7, pruning=Snip(floor=2))
    sizes = spec_of("sizes", recipe, digits)
    assert [v.recipe.minibatch.size for v in sizes.variants] == [1, 10, 100]
    assert {v.recipe.minibatch.classes for v in sizes.variants} == {(8, 3)}
    seeds = spec_of("seeds", recipe, digits)
    assert [v.recipe.seed for v in seeds.variants] == [7, 8, 9, 10, 11]
    inits = spec_of("inits", recipe, digits)
    assert [v.recipe.model.init for v in inits.variants] == [
        "variance-scaling", "glorot", "he", "orthogonal", "own"
    ]  # fmt: skip
    methods = spec_of("methods", recipe, digits)
    kinds = [type(v.recipe.pruning) for v in methods.variants]
    before_training = [m.spec for m in METHODS if m.masks_for != "training"]
    assert kinds == before_training
    assert kinds[0] is Snip
    assert Han not in kinds
    assert {v.recipe.pruning.floor for v in methods.variants} == {2}


def test_sparsities_are_sorted_and_checked(digits):
    assert spec_of("seeds", Recipe(), digits, (0.9, 0, 0.9)).sparsities == (0, 0.9)
    for bad in ((), (1.0,), (-0.1, 0.5)):
        with pytest.raises(UserError, match="at least one sparsity"):
            spec_of("seeds", Recipe(), digits, bad)


def test_a_column_holds_what_scoring_gives(digits, environment):
    recipe = Recipe(minibatch=Draw(classes=(8,), size=60))
    spec = GridSpec("classes", (0.5, 0.9), (Variant("8", recipe),))
    column = compute(spec, environment, digits)[0]
    *_, done, _ = jobs.score_steps(recipe, environment, digits, CancelToken())
    for row, sparsity in enumerate(spec.sparsities):
        num_kept = done.scored.num_kept_at(sparsity)
        expected = done.scored.input_fractions(num_kept)
        np.testing.assert_allclose(column.maps_RCHW[row], expected, rtol=1e-6)
        kept = {r.layer: r.kept / r.total for r in done.scored.layer_rows(num_kept)}
        assert column.kept[row] == pytest.approx(kept)
        assert column.tile(row).max() == 1
    assert spec.tile_recipe(1, 0).pruning.sparsity == 0.9


def test_an_empty_tile_is_black(digits, environment):
    recipe = Recipe(minibatch=Draw(classes=(8,), size=20))
    spec = GridSpec("classes", (0.999999,), (Variant("8", recipe),))
    column = compute(spec, environment, digits)[0]
    assert sum(column.kept[0].values()) > 0  # one connection at least is kept
    column.tile(0)


def test_a_network_without_a_map_says_so(digits, environment):
    recipe = Recipe(model=ModelChoice(name="alexnet-s"), minibatch=Draw(size=5))
    spec = GridSpec("classes", (0.9,), (Variant("8", recipe),))
    with pytest.raises(UserError, match="no input map"):
        compute(spec, environment, digits)


def test_convolutional_networks_with_a_map_have_a_grid(digits, environment):
    recipe = Recipe(model=ModelChoice(name="lenet-5-caffe"), minibatch=Draw(size=10))
    spec = GridSpec("classes", (0.9,), (Variant("x", recipe),))
    assert compute(spec, environment, digits)[0].maps_RCHW.shape == (1, 1, 28, 28)


@pytest.fixture
def grid(digits, environment):
    spec = spec_of("seeds", Recipe(minibatch=Draw(size=20)), digits)
    columns = compute(GridSpec("seeds", spec.sparsities, spec.variants[:2]), environment, digits)
    return spec, columns


def test_a_grid_is_a_picture_arrays_and_a_table(grid, tmp_path):
    spec, columns = grid
    for suffix in ("png", "npz", "csv"):
        save_grid(tmp_path / f"grid.{suffix}", spec, columns)
    with Image.open(tmp_path / "grid.png") as image:
        assert image.width > 5 * 112
        assert image.height > 2 * 112
    with np.load(tmp_path / "grid.npz") as file:
        assert file["maps"].shape == (2, 2, 1, 28, 28)
        np.testing.assert_array_equal(file["maps"][1], columns[1].maps_RCHW)
        assert file["labels"].tolist() == ["seed 0", "seed 1"]
        assert file["sparsities"].tolist() == [0.5, 0.9]
    rows = list(csv.DictReader((tmp_path / "grid.csv").read_text().splitlines()))
    assert [row["variant"] for row in rows] == ["seed 0", "seed 0", "seed 1", "seed 1"]
    assert float(rows[3]["tile mean over its maximum"]) == pytest.approx(
        float(columns[1].tile(1).mean()), rel=1e-4
    )
    assert float(rows[3]["kept of fc3"]) == pytest.approx(columns[1].kept[1]["fc3"], rel=1e-4)


def test_what_cannot_be_exported_is_refused(grid, tmp_path):
    spec, columns = grid
    with pytest.raises(UserError, match="nothing to export"):
        save_grid(tmp_path / "grid.png", spec, {})
    with pytest.raises(UserError, match=r"\.bmp"):
        save_grid(tmp_path / "grid.bmp", spec, columns)
    assert list(tmp_path.iterdir()) == []


def row_means(recipe, environment, mnist):
    split = split_training(mnist.train_labels_N, 0.1, recipe.seed)
    labels = mnist.train_labels_N[split.train_indices]
    spec = make_spec("classes", recipe, labels, mnist.classes, PAPER_SPARSITIES)
    columns = compute(spec, environment, mnist)
    return np.array(
        [[column.tile(row).mean() for row in range(9)] for column in columns.values()]
    ).mean(axis=0)


@pytest.mark.mnist
@pytest.mark.parametrize(
    ("pruning", "published"),
    [(Snip(), PAPER_MEANS), (SignedGradient(), PAPER_SIGNED_MEANS)],
    ids=["figure 2", "figure 6"],
)
def test_the_grid_of_mnist_is_the_papers(pruning, published, mnist_folder, environment):
    mnist = load_images("mnist", mnist_folder)
    means = []
    for seed in range(3):
        recipe = Recipe(
            data=DataChoice(name="mnist"), minibatch=Draw(size=100), pruning=pruning, seed=seed
        )
        means.append(row_means(recipe, environment, mnist))
    np.testing.assert_allclose(np.mean(means, axis=0), published, atol=0.03)


def test_sizes_are_those_of_the_minibatch_whatever_the_method(digits):
    recipe = Recipe(pruning=Grasp(samples_per_class=25))
    for variant in spec_of("sizes", recipe, digits).variants:
        assert variant.recipe.pruning.images_per_class == 0
