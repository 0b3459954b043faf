"""Packages that add methods, networks, data sets and formats: the one of the page, and bad ones."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from snip_gui.cli.main import make_parser
from snip_gui.core.base import registry as registry_module
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.registry import Plugin, Registry, Unusable, load_target
from snip_gui.core.data.sets import catalogue as datasets
from snip_gui.core.export import catalogue as formats
from snip_gui.core.models import catalogue as models
from snip_gui.core.plugins import plugin_problems
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.recipe.flags import flag_fields
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.core.recipe.methods import METHODS, checks
from snip_gui.core.recipe.pruning import Method, PruningSpec
from snip_gui.core.runs.folder import read_summary
from snip_gui.core.runs.listing import read_entry
from tests.core.plugins import StubPoint, call_with, install, page_files

SNIP = next(iter(METHODS))
TABLES = {
    "methods": ("pruning method", checks.check_method),
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
    registry: Registry = Registry(kind, "field", known, plugins="group", check=check)
    return tuple(map(str, registry.unusable))


@pytest.mark.parametrize(
    ("table", "point", "reason"),
    [
        ("methods", StubPoint("power", ModuleNotFoundError("no_such_thing")), "no_such_thing"),
        ("methods", StubPoint("power", SystemExit(3)), "SystemExit"),
        ("methods", StubPoint("power", 3), "is not a Method"),
        ("methods", StubPoint("other", SNIP), "called “other”, but it is called “snip”"),
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


def titled(kind, **bounds):
    """The type of a setting."""
    return Annotated[kind, Meta(title="Title", description="Description.", **bounds)]


def method_with(*settings, **changes):
    """A method as a package declares it."""
    spec = msgspec.defstruct(
        "Power", settings, bases=(PruningSpec,), frozen=True, kw_only=True, tag="power"
    )
    row = Method(title="Power", description="D.", score_name="s", spec=spec, prune="module:prune")
    return dataclasses.replace(row, **changes)


ROUNDS = titled(int, ge=1, le=100)


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        (method_with(("epochs", titled(int), 1)), "the flag --epochs, which has another meaning"),
        (method_with(("out", titled(str), "")), "the flag --out"),
        (method_with(("device", titled(str), "")), "the flag --device"),
        (method_with(("image_memory", titled(float), 1.0)), "the flag --image-memory"),
        (method_with(("help", titled(bool), False)), "the flag --help"),
        (
            method_with(
                ("steep", Annotated[int, Meta(title="Steep", extra={"flag": "epochs"})], 1),
            ),
            "“steep” would have the flag --epochs",
        ),
        (
            method_with(("one", titled(bool), False), ("no_one", titled(int), 1)),
            "the flag --no-one",
        ),
        (
            method_with(("rounds", titled(float, ge=1, le=100), 2.0)),
            "“rounds” is also one of “han”",
        ),
        (method_with(("rounds", titled(int, ge=1, le=7), 2)), "“rounds” is also one of “han”"),
        (method_with(("exponent", int, 1)), "“exponent” has no title"),
        (method_with(("exponent", titled(int))), "“exponent” has no default"),
        (method_with(("exponent", titled(dict), {})), "no form"),
        (method_with(masks_for="sometimes"), "masks_for is “sometimes”"),
        (method_with(masks_for="training"), "no regime"),
        (method_with(trains_with=("nonsense",)), "trains_with names “nonsense”"),
        (method_with(depends_on=("nonsense",)), "depends_on names “nonsense”"),
        (method_with(depends_on=("training.nonsense",)), "“training.nonsense”"),
        (
            method_with(
                spec=msgspec.defstruct(
                    "Power", [], bases=(PruningSpec,), frozen=True, kw_only=True, tag="unavailable"
                )
            ),
            "its tag “unavailable” is reserved",
        ),
        (
            method_with(
                spec=msgspec.defstruct(
                    "Power", [], bases=(PruningSpec,), frozen=True, kw_only=True, tag=3
                )
            ),
            "tag",
        ),
        (method_with(title=" "), "title is empty"),
        (method_with(score_name=""), "score name is empty"),
        (method_with(prune="module.prune"), "prune is “module.prune”"),
    ],
)
def test_a_method_that_cannot_be_used_in_a_recipe_or_command_is_refused(
    monkeypatch, method, reason
):
    (problem,) = problems_of(monkeypatch, "methods", StubPoint("power", method))
    assert reason in problem
    assert problem.startswith("The pruning method “power” of the package snip-power 1.2 cannot")


@pytest.mark.parametrize(
    "method",
    [
        method_with(),
        method_with(("rounds", ROUNDS, 5)),
        method_with(depends_on=("training", "training.epochs", "pruning.sparsity")),
        method_with(("interval", titled(int, ge=1), 5), trains_with=("interval",)),
        method_with(masks_for="training", regime="module:Regime"),
    ],
)
def test_a_method_that_can_be_used_is_accepted(monkeypatch, method):
    assert problems_of(monkeypatch, "methods", StubPoint("power", method)) == ()


def test_the_flags_that_methods_may_not_use_are_those_of_the_commands():
    (commands,) = (
        one for one in make_parser()._actions if isinstance(one, argparse._SubParsersAction)
    )
    flags = {
        flag.lstrip("-")
        for command in ("run", "sweep")
        for action in commands.choices[command]._actions
        for flag in action.option_strings
    }
    of_methods = {flag for field in flag_fields() for flag in field.flags
                  if field.path.startswith("pruning.")}  # fmt: skip
    assert flags - of_methods == checks.RESERVED_FLAGS


@pytest.mark.parametrize("name", ["own", "torchvision:resnet18"])
def test_a_network_cannot_take_a_reserved_name(monkeypatch, name):
    row = models.ModelInfo(name=name, title="T", description="D.", factory="module:Net")
    (problem,) = problems_of(monkeypatch, "networks", StubPoint(name, row))
    assert f"its name “{name}” is reserved" in problem


def test_two_formats_cannot_have_the_same_extension(monkeypatch):
    point = StubPoint("npz", dataclasses.replace(next(iter(formats.FORMATS)), name="npz"))
    kind, check = TABLES["exports"]
    monkeypatch.setattr(registry_module, "_find_entry_points", lambda _group: (point,))
    own = formats.FORMATS._own
    (problem,) = Registry(kind, "format", own, plugins="group", check=check).unusable
    assert "“safetensors” has the same extension, .safetensors" in problem.reason


def test_a_package_with_several_faults_gets_one_sentence(monkeypatch):
    plugin = Plugin("snip-power", "1.2")
    same = [Unusable(plugin, "method", name, "OSError: disk") for name in "abc"]
    for table, entries in (
        (METHODS, same),
        (models.MODELS, [Unusable(plugin, "network", "n", "x")]),
    ):
        monkeypatch.setattr(table._all, "unusable", entries)
    other = Unusable(Plugin("other", "3"), "data set", "d", "y")
    monkeypatch.setattr(datasets.DATASETS._all, "unusable", [other])
    assert plugin_problems() == (
        "The method “a”, method “b” and method “c” of the package snip-power 1.2 cannot be used: "
        "OSError: disk; nor can the network “n”: x.",
        "The data set “d” of the package other 3 cannot be used: y.",
    )


def test_a_broken_import_is_located(monkeypatch, tmp_path):
    file = tmp_path / "broken_package.py"
    file.write_text("\n\nimport no_such_thing\n")
    monkeypatch.syspath_prepend(tmp_path)
    point = importlib.metadata.EntryPoint("power", "broken_package:POWER", "group")
    broken = StubPoint("power", None)
    monkeypatch.setattr(broken, "load", point.load)
    (problem,) = problems_of(monkeypatch, "methods", broken)
    assert "No module named 'no_such_thing'" in problem
    assert f"({file}, line 3)" in problem


def test_choosing_a_broken_entry_says_why(monkeypatch):
    monkeypatch.setattr(
        registry_module, "_find_entry_points", lambda _group: (StubPoint("power", OSError("disk")),)
    )
    registry = Registry("network", "model.name", models.MODELS._own, plugins="group")
    with pytest.raises(UserError, match=r"“power” of the package snip-power 1.2 .* OSError: disk"):
        registry["power"]
