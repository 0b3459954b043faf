"""What importing a part brings with it, each in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT_TORCH = [
    "snip_gui",
    "snip_gui.core.base.resources",
    "snip_gui.core.comparing.comparison",
    "snip_gui.core.comparing.frequency",
    "snip_gui.core.recipe.recipe",
    "snip_gui.core.recipe.methods",
    "snip_gui.core.recipe.fields",
    "snip_gui.core.recipe.stages",
    "snip_gui.core.base.events",
    "snip_gui.core.runs.folder",
    "snip_gui.core.reports.error_sparsity",
    "snip_gui.core.runs.listing",
    "snip_gui.core.runs.edits",
    "snip_gui.core.runs.lease",
    "snip_gui.core.reports.tables",
    "snip_gui.core.recipe.sweeps",
    "snip_gui.core.reports.text_tables",
    "snip_gui.core.pruning.scored",
    "snip_gui.core.comparing.state_names",
    "snip_gui.core.base.environment",
    "snip_gui.core.comparing.variations",
    "snip_gui.core.data.sets.catalogue",
    "snip_gui.core.data.minibatch.curation",
    "snip_gui.core.data.images.decoders",
    "snip_gui.core.data.images.decoding",
    "snip_gui.core.data.sets.digits",
    "snip_gui.core.data.sets.listing",
    "snip_gui.core.data.sets.scan",
    "snip_gui.core.data.images.store",
    "snip_gui.core.data.images.thumbnails",
    "snip_gui.core.data.sets.tiny_imagenet",
    "snip_gui.core.data.download.fetch",
    "snip_gui.core.data.sets.loading",
    "snip_gui.core.models.catalogue",
    "snip_gui.core.graph.layout",
    "snip_gui.core.pruning.ranking",
    "snip_gui.core.export.catalogue",
    "snip_gui.core.pruning.histogram",
    "snip_gui.core.views.input_map",
    "snip_gui.core.pruning.layer_table",
    "snip_gui.core.views.mask_difference",
    "snip_gui.core.views.picture",
    "snip_gui.core.views.readout",
    "snip_gui.core.views.weight_canvas",
]
TORCH = {"torch", "torchvision", "safetensors"}
QT = {"PySide6", "shiboken6", "pyqtgraph"}


def imported_with(*modules):
    """Top-level names that importing modules leaves in a fresh interpreter."""
    code = "import sys\n" + "".join(f"import {module}\n" for module in modules)
    code += "print(*{name.partition('.')[0] for name in sys.modules})"
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    ).stdout
    return set(output.split())


def test_the_light_modules_import_neither_torch_nor_qt():
    found = imported_with(*WITHOUT_TORCH)
    assert not found & TORCH
    assert not found & QT


def test_the_package_itself_imports_next_to_nothing():
    assert not imported_with("snip_gui") & (TORCH | QT | {"numpy", "msgspec"})


@pytest.mark.parametrize("module", ["snip_gui.core.execution.run", "snip_gui.core.export.export"])
def test_the_work_itself_needs_no_qt(module):
    found = imported_with(module)
    assert "torch" in found
    assert not found & QT
    assert "torchvision" not in found  # it may be broken; only its own data sets need it


def test_the_command_line_needs_no_qt_and_loads_torch_only_to_work():
    found = imported_with("snip_gui.cli.main", "snip_gui.__main__")
    assert not found & (QT | TORCH)


def test_reading_the_digits_needs_no_torch():
    code = (
        "import sys\n"
        "from snip_gui.core.data.sets.loading import load_images\n"
        "load_images('digits', None)\n"
        "print('torch' in sys.modules)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    ).stdout
    assert output.strip() == "False"


def test_scoring_does_not_load_the_compiler_of_torch():
    code = (
        "import sys\n"
        "from snip_gui.core.api import build_recipe\n"
        "build_recipe({})\n"
        "print('torch' in sys.modules, 'torch._dynamo' in sys.modules)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    ).stdout
    assert output.split() == ["True", "False"]
