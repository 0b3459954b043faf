from __future__ import annotations

from snip_gui.core.comparing.plans import Plan, find_parents, mask_key
from snip_gui.core.recipe.recipe import Recipe

RECIPE = Recipe()


def plan(key, kind="pin", **changes):
    values = {"key": key, "kind": kind, "name": key, "recipe": RECIPE, "sparsity": 0.9}
    return Plan(**(values | changes))


def test_the_parent_is_what_was_recorded():
    plans = [plan("a"), plan("b")]
    assert find_parents(plans, {"b": "a"}) == {"a": "", "b": "a"}


def test_a_deleted_parent_is_replaced_by_its_own():
    plans = [plan("a"), plan("c")]
    assert find_parents(plans, {"b": "a", "c": "b"}) == {"a": "", "c": "a"}


def test_a_run_without_a_record_comes_from_the_pin_of_its_mask():
    pinned = plan(mask_key(RECIPE, 100), num_kept=100)
    run, other = (plan(f"run:{n}", "run", num_kept=n) for n in (100, 200))
    parents = find_parents([pinned, run, other], {})
    assert (parents[run.key], parents[other.key]) == (pinned.key, "")


def test_records_in_a_circle_have_a_root():
    plans = [plan(key) for key in "abc"]
    parents = find_parents(plans, {"a": "b", "b": "c", "c": "a"})
    assert list(parents.values()).count("") == 1
