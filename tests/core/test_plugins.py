"""Packages that add methods, networks, data sets and formats: really installed, good and bad."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

ROWS = '''
from typing import Annotated

from msgspec import Meta

from snip_gui.core.data.sets.catalogue import DatasetInfo
from snip_gui.core.export.catalogue import ExportFormat
from snip_gui.core.models.catalogue import ModelInfo
from snip_gui.core.recipe.pruning import Method, ScoringSpec


class Power(ScoringSpec, frozen=True, kw_only=True, tag="power"):
    """Keep the largest power of the gradient."""

    exponent: Annotated[int, Meta(ge=1, title="Exponent", description="Of the gradient.")] = 2


POWER = Method(
    title="Power",
    description="By a power of the gradient.",
    score_name="power",
    spec=Power,
    prune="snip_power.work:prune",
)


def read(folder, cancel):
    from snip_power.work import read_noise

    yield from ()
    return read_noise()


NET = ModelInfo(
    name="tiny", title="Tiny", description="One layer.", factory="snip_power.work:Tiny"
)
NOISE = DatasetInfo("noise", "Noise", "Random images.", "", read)
TEXT = ExportFormat(
    "text", "Text", "Weights as text.", ".weights.txt", "snip_power.text", "anybody"
)
'''

WORK = """
import numpy as np
from torch import nn

from snip_gui.core.data.images.image_set import make_image_set
from snip_gui.core.methods.one_shot import rank, score_minibatch
from snip_gui.core.pruning.events import Pruned


def prune(bench):
    found = yield from score_minibatch(bench)
    score_M = np.abs(found.gradient_M) ** bench.recipe.pruning.exponent
    yield Pruned(rank(bench, score_M), gradient_M=found.gradient_M, loss=found.loss)


class Tiny(nn.Sequential):
    def __init__(self, image_shape, num_classes):
        super().__init__(nn.Flatten(), nn.Linear(int(np.prod(image_shape)), num_classes))


def read_noise():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
    labels = np.arange(60) % 3
    return make_image_set(
        name="noise", title="Noise", classes=("a", "b", "c"),
        train=(images, labels), test=(images[:9], labels[:9]),
    )
"""

TEXT = """
def encode(package):
    return repr({k: v.tolist() for k, v in package.state.items()}).encode()


def prove(package, path):
    assert path.read_bytes() == encode(package)
    return "equal"
"""

EXPONENT = 'Annotated[int, Meta(ge=1, title="Exponent", description="Of the gradient.")]'
METHOD = {"snip_gui.methods": ["power = snip_power:POWER"]}
GOOD = METHOD | {
    "snip_gui.networks": ["tiny = snip_power:NET"],
    "snip_gui.datasets": ["noise = snip_power:NOISE"],
    "snip_gui.exports": ["text = snip_power:TEXT"],
}


def install(folder, points, **modules):
    """Make a package of these modules and install it into a folder of packages."""
    project = folder / "project"
    source = project / "snip_power"
    source.mkdir(parents=True)
    for name, text in modules.items():
        (source / f"{name}.py").write_text(text)
    groups = "".join(
        f'[project.entry-points."{group}"]\n'
        + "".join("{} = '{}'\n".format(*map(str.strip, line.split("=", 1))) for line in lines)
        for group, lines in points.items()
    )
    (project / "pyproject.toml").write_text(
        textwrap.dedent(
            """
            [build-system]
            requires = ["hatchling"]
            build-backend = "hatchling.build"

            [project]
            name = "snip-power"
            version = "1.2"

            [tool.hatch.build.targets.wheel]
            packages = ["snip_power"]
            """
        )
        + groups
    )
    site = folder / "site"
    words = ["install", "-q", "--no-deps", "--no-index", "--no-build-isolation", "--target"]
    subprocess.run([sys.executable, "-m", "pip", *words, str(site), str(project)], check=True)
    return site


def snip_gui(site, *words, cwd):
    path = os.pathsep.join(filter(None, [str(site or ""), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-m", "snip_gui", *words],
        capture_output=True, text=True, cwd=cwd, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    return install(folder, GOOD, __init__=ROWS, work=WORK, text=TEXT)


def test_what_a_package_adds_is_listed_run_exported_and_recorded(site, tmp_path):
    assert "power" in snip_gui(site, "list", "methods", cwd=tmp_path).stdout
    words = "run --method power --exponent 3 --model tiny --dataset noise --epochs 1 --out run"
    done = snip_gui(site, *words.split(), "--minibatch-size", "20", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert recipe["pruning"]["exponent"] == 3
    paths = ("pruning.method", "model.name", "data.name")
    assert recipe["plugins"] == dict.fromkeys(paths, "snip-power==1.2")
    done = snip_gui(site, "export", "run", "--out", "net.weights.txt", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "'1.weight': [[" in (tmp_path / "net.weights.txt").read_text()
    done = snip_gui(site, "run", "--recipe", "run/recipe.json", "--out", "again", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    masks = [(tmp_path / name / "masks.safetensors").read_bytes() for name in ("run", "again")]
    assert masks[0] == masks[1]
    # Without the package: what to install, and the run can still be looked at and exported.
    for command in (["--recipe", "run/recipe.json"], ["--resume", "run"]):
        done = snip_gui(None, "run", *command, cwd=tmp_path)
        assert done.returncode == 1
        assert "pip install 'snip-power==1.2'" in done.stderr


def test_a_run_of_a_missing_method_can_be_looked_at_and_exported(site, tmp_path):
    words = "run --method power --stop-after prune --out run"
    done = snip_gui(site, *words.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    before = json.loads((tmp_path / "run" / "recipe.json").read_text())
    code = (
        "import json; from pathlib import Path\n"
        "from snip_gui.core.runs.listing import read_entry\n"
        "from snip_gui.core.recipe.json import encode_recipe\n"
        "entry = read_entry(Path('run'))\n"
        "print(json.dumps([entry.state, entry.method, json.loads(encode_recipe(entry.recipe))]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True,
        env=os.environ | {"PYTHONPATH": os.environ.get("PYTHONPATH", os.getcwd())},
    )  # fmt: skip
    assert json.loads(done.stdout) == ["pruned", "power", before]
    done = snip_gui(None, "export", "run", "--out", "net.pt", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("points", "rows", "reason"),
    [
        (METHOD, "import no_such_thing", "no_such_thing"),
        (METHOD, "raise SystemExit(3)", "SystemExit"),
        ({"snip_gui.methods": ["power = snip_power:NET"]}, ROWS, "is not a Method"),
        ({"snip_gui.methods": ["other = snip_power:POWER"]}, ROWS, "“other” is called “power”"),
        ({"snip_gui.methods": ["power = snip_power:MISSING"]}, ROWS, "MISSING"),
        (METHOD, ROWS.replace(EXPONENT, "int"), "“exponent” has no title"),
        (
            {"snip_gui.methods": ["snip = snip_power:POWER"]},
            ROWS.replace('tag="power"', 'tag="snip"'),
            "snip",
        ),
        ({"snip_gui.datasets": ["noise = snip_power:NET"]}, ROWS, "is not a DatasetInfo"),
        ({"snip_gui.exports": ["text = snip_power:NET"]}, ROWS, "is not an ExportFormat"),
        ({"snip_gui.networks": ["tiny = snip_power:NOISE"]}, ROWS, "is not a ModelInfo"),
    ],
)  # fmt: skip
def test_a_package_that_cannot_be_used_is_named_and_all_else_works(tmp_path, points, rows, reason):
    site = install(tmp_path, points, __init__=rows, work=WORK, text=TEXT)
    done = snip_gui(site, "list", "methods", cwd=tmp_path)
    assert done.returncode == 0
    assert "snip" in done.stdout
    assert "power" not in done.stdout
    assert "snip-power 1.2 cannot be used" in done.stderr
    assert reason in done.stderr


def test_a_method_that_raises_names_its_package(tmp_path):
    work = WORK.replace("    score_M", "    raise LookupError('nothing there')\n    score_M")
    site = install(tmp_path, GOOD, __init__=ROWS, work=work, text=TEXT)
    code = (
        "from snip_gui.__main__ import main\n"
        "import sys; sys.argv = ['snip-gui', 'run', '--method', 'power', '--out', 'run']\n"
        "try:\n    main()\nexcept LookupError as error:\n    print(error.__notes__)\n"
    )
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", os.getcwd())]))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert "Raised by the package snip-power 1.2." in done.stdout, done.stderr
