"""Recipes for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from snip_gui.core.recipe.methods import METHODS, RandomMask, Shuffled, Snip
from snip_gui.core.recipe.recipe import DataChoice, Draw, ModelChoice, Picked, Recipe, Training

_names = st.text(st.characters(codec="utf-8"), max_size=20)
_layers = st.lists(st.sampled_from(["conv1", "fc1", "fc2", "fc3"]), max_size=3).map(tuple)
_counts = st.integers(1, 10**6)
_shared = {
    "sparsity": st.floats(0, 1, exclude_max=True),
    "prunable": st.sampled_from(["weights-and-biases", "weights"]),
    "exclude": _layers,
    "after": st.sampled_from(["keep", "redraw"]),
}


def draws() -> st.SearchStrategy[Draw]:
    """Any drawn minibatch."""
    return st.builds(
        Draw,
        classes=st.lists(st.integers(0, 100), max_size=4).map(tuple),
        size=_counts,
        seed=st.integers(0, 2**60),
    )


def picks() -> st.SearchStrategy[Picked]:
    """Any minibatch picked by hand."""
    return st.builds(Picked, indices=st.lists(st.integers(0, 70_000), max_size=6).map(tuple))


def recipes(
    *,
    minibatches: st.SearchStrategy[Draw | Picked] | None = None,
    names: st.SearchStrategy[str] = _names,
) -> st.SearchStrategy[Recipe]:
    """Any recipe whose fields are within bounds."""
    return st.builds(
        Recipe,
        model=st.builds(
            ModelChoice, name=names, init=st.sampled_from(["variance-scaling", "glorot", "he"])
        ),
        data=st.builds(
            DataChoice,
            name=names,
            validation_fraction=st.floats(0, 0.5),
            image_size=st.integers(0, 512),
            skip_unreadable=st.booleans(),
        ),
        minibatch=draws() | picks() if minibatches is None else minibatches,
        pruning=st.builds(Snip, scoring_mode=st.sampled_from(["evaluation", "training"]), **_shared)
        | st.builds(RandomMask, **_shared)
        | st.builds(Shuffled, **_shared),
        training=st.builds(
            Training,
            epochs=st.integers(1, 100_000),
            batch_size=_counts,
            learning_rate=st.floats(0, 100, exclude_min=True),
            momentum=st.floats(0, 1, exclude_max=True),
            weight_decay=st.floats(0, 1),
            decay_at=st.lists(st.floats(0, 1, exclude_min=True, exclude_max=True), max_size=3).map(
                tuple
            ),
            decay_factor=st.floats(0, 1, exclude_min=True),
            shrink=st.booleans(),
            optimizer=st.sampled_from(["sgd", "adam", "adamw"]),
            schedule=st.sampled_from(["steps", "cosine"]),
            augmentation=st.sampled_from(["none", "shift", "flip-and-shift"]),
            labels=st.sampled_from(["true", "shuffled"]),
            precision=st.sampled_from(["float32", "bfloat16"]),
            added_epochs=st.integers(0, 100_000),
            added_rate=st.floats(0, 100),
            order=st.integers(0, 2**53),
        ),
        seed=st.integers(0, 2**53),
    )


def recipe_with(path: str) -> Recipe:
    """The first recipe, of the first method that has a field."""
    part, _, name = path.partition(".")
    specs = [method.spec() for method in METHODS]
    first = next((spec for spec in specs if name in spec.__struct_fields__), specs[0])
    return Recipe(pruning=first) if part == "pruning" else Recipe()
