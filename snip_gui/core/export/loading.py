"""The code that loads an exported file, for the clipboard and for cards. No torch."""

from __future__ import annotations

from snip_gui.core.export.catalogue import FORMATS

_SAFETENSORS = """\
import json
from safetensors import safe_open

with safe_open({path}, framework="pt") as file:
    tensors = {{name: file.get_tensor(name) for name in file.keys()}}
    manifest = json.loads(file.metadata()["snip_gui"])
masks = {{name: tensors.pop(key) for name, key in manifest["masks"].items()}}
# model = the same network, freshly made
model.load_state_dict(tensors)
"""

_LINES = {
    "safetensors": _SAFETENSORS,
    "safetensors-fp16": _SAFETENSORS,
    "pt": """\
import torch

# model = the same network, freshly made
model.load_state_dict(torch.load({path}, weights_only=True))
""",
    "prune": """\
import runpy

# model = the same network, freshly made
model = runpy.run_path({loader})["load_pruned"](model, {path})
""",
    "packed": """\
import runpy
import torch

arrays, header = runpy.run_path({loader})["read_packed"]({path})
# model = the same network, freshly made
model.load_state_dict({{name: torch.from_numpy(array) for name, array in arrays.items()}})
""",
    "csr": """\
import runpy

# Sparse matrices by name, and what is stored whole.
matrices, whole = runpy.run_path({loader})["load_rows"]({path})
""",
    "onnx": """\
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # else the import leaves a device identity in your home
import onnxruntime

session = onnxruntime.InferenceSession({path})
# images = float32 array (B, C, H, W), standardised
scores = session.run(None, {{"images": images}})[0]
""",
    "shrunk": """\
import runpy

model = runpy.run_path({loader})["load"]({path})
""",
}
_LINES["shrunk-onnx"] = _LINES["onnx"]


def loading_code(format_name: str, path: str) -> str:
    """Return Python code that loads a file of a format."""
    own = FORMATS[format_name].loading_code or f"# {FORMATS[format_name].readers}: {{path}}"
    lines = _LINES.get(format_name, own)
    return lines.format(path=repr(path), loader=repr(f"{path}.load.py")).rstrip()
