"""Packages that add methods, networks, data sets and formats: the one of the page, and bad ones."""

from __future__ import annotations

import dataclasses
import json

import msgspec
import pytest

from snip_gui.core.base import registry as registry_module
from snip_gui.core.base.registry import Registry, load_target
from snip_gui.core.data.sets import catalogue as datasets
from snip_gui.core.export import catalogue as formats
from snip_gui.core.models import catalogue as models
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.recipe import methods
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.runs.folder import read_summary
from snip_gui.core.runs.listing import read_entry
from tests.core.plugins import StubPoint, call_with, install, page_files

SNIP = next(iter(METHODS))
TABLES = {
    "methods": ("pruning method", methods._check),
    "networks": ("network", models._check),
    "datasets": ("data set", datasets._check),
    "exports": ("export format", formats._check),
}


def snip_gui(site, *words, cwd):
    done = call_with(site, ["-m", "snip_gui", *words], cwd)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return install(tmp_path_factory.mktemp("page"))


def test_what_the_page_adds_is_listed_run_exported_and_recorded(site, tmp_path):
    assert "power" in snip_gui(site, "list", "methods", cwd=tmp_path).stdout
    words = "run --method power --exponent 3 --model tiny --dataset noise --epochs 1 --out run"
    done = snip_gui(site, *words.split(), "--minibatch-size", "20", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert recipe["pruning"]["exponent"] == 3
    paths = ("pruning.method", "model.name", "data.name")
    assert recipe["plugins"] == dict.fromkeys(paths, "snip-power==1.2")
    done = snip_gui(site, "export", "run", "--out", "net.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "equal bit for bit, and in its outputs" in done.stderr
    done = snip_gui(site, "run", "--recipe", "run/recipe.json", "--out", "again", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    masks = [(tmp_path / name / "masks.safetensors").read_bytes() for name in ("run", "again")]
    assert masks[0] == masks[1]
    # Without the package: what to install, and the run can still be looked at.
    entry = read_entry(tmp_path / "run")
    assert (entry.state, entry.method) == ("finished", "power")
    assert json.loads(encode_recipe(entry.recipe))["pruning"] == recipe["pruning"]
    for command in (["--recipe", "run/recipe.json"], ["--resume", "run"]):
        done = snip_gui(None, "run", *command, cwd=tmp_path)
        assert done.returncode == 1
        assert "pip install 'snip-power==1.2'" in done.stderr


def page_namespace(path):
    """What a module of the page defines."""
    contents = {}
    exec(page_files()[path], contents)
    return contents


def test_the_setting_of_the_page_changes_the_masks(bench):
    make_spec = page_namespace("snip_power/__init__.py")["Power"]
    prune = page_namespace("snip_power/work.py")["prune"]
    snip = run_to_end_with(load_target(SNIP.prune), bench)
    orders = {}
    for exponent in (0.0, 1.0, 4.0):
        recipe = msgspec.structs.replace(bench.recipe, pruning=make_spec(exponent=exponent))
        orders[exponent] = run_to_end_with(prune, dataclasses.replace(bench, recipe=recipe))
    kept = bench.prunable.layout.num_parameters // 10
    chosen = {exponent: set(order[:kept].tolist()) for exponent, order in orders.items()}
    assert chosen[1.0] == set(snip[:kept].tolist())
    assert chosen[0.0] != chosen[1.0] != chosen[4.0]


def run_to_end_with(prune, bench):
    """The order in which a method ranks the connections."""
    *_, pruned = prune(bench)
    assert isinstance(pruned, Pruned)
    return pruned.masks.order_M


def test_the_regime_of_the_page_reaches_the_sparsity(site, tmp_path):
    words = "run --method gradual --model tiny --epochs 1 --sparsity 0.75 --out run"
    done = snip_gui(site, *words.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = read_summary(tmp_path / "run")
    assert summary.num_kept == round(summary.num_parameters * 0.25)


def problems_of(monkeypatch, table, point):
    """What a registry of nothing but one entry point says of it."""
    kind, check = TABLES[table]
    monkeypatch.setattr(registry_module, "_find_entry_points", lambda _group: (point,))
    known = METHODS._own if table == "methods" else ()
    return Registry(kind, "field", known, plugins="group", check=check).problems


@pytest.mark.parametrize(
    ("table", "point", "reason"),
    [
        ("methods", StubPoint("power", ModuleNotFoundError("no_such_thing")), "no_such_thing"),
        ("methods", StubPoint("power", SystemExit(3)), "SystemExit"),
        ("methods", StubPoint("power", 3), "is not a Method"),
        ("methods", StubPoint("other", SNIP), "“other” is called “snip”"),
        ("methods", StubPoint("snip", SNIP), "called “snip” already"),
        ("datasets", StubPoint("noise", SNIP), "is not a DatasetInfo"),
        ("exports", StubPoint("npz", SNIP), "is not an ExportFormat"),
        ("networks", StubPoint("tiny", SNIP), "is not a ModelInfo"),
    ],
)
def test_an_entry_that_cannot_be_used_is_named(monkeypatch, table, point, reason):
    (problem,) = problems_of(monkeypatch, table, point)
    assert "snip-power 1.2 cannot be used" in problem
    assert reason in problem
