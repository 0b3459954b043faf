"""Code that loads exported files, for the clipboard and for cards.

``{path}`` stands for the repr of the path, ``{loader}`` for that of the loader beside it.
"""

SAFETENSORS = """\
import json
from safetensors import safe_open

with safe_open({path}, framework="pt") as file:
    tensors = {{name: file.get_tensor(name) for name in file.keys()}}
    manifest = json.loads(file.metadata()["snip_gui"])
masks = {{name: tensors.pop(key) for name, key in manifest["masks"].items()}}
# model = the same network, freshly made
model.load_state_dict(tensors)
"""

SAFETENSORS_INT8 = """\
import json
from safetensors import safe_open

with safe_open({path}, framework="pt") as file:
    tensors = {{name: file.get_tensor(name) for name in file.keys()}}
    manifest = json.loads(file.metadata()["snip_gui"])
masks = {{name: tensors.pop(key) for name, key in manifest["masks"].items()}}
for name, key in manifest["scales"].items():
    codes, scale = tensors[name].float(), tensors.pop(key)
    tensors[name] = codes * scale.reshape(-1, *[1] * (codes.dim() - 1))
# model = the same network, freshly made
model.load_state_dict(tensors)
"""

PT = """\
import torch

# model = the same network, freshly made
model.load_state_dict(torch.load({path}, weights_only=True))
"""

PRUNE = """\
import runpy

# model = the same network, freshly made
model = runpy.run_path({loader})["load_pruned"](model, {path})
"""

PACKED = """\
import runpy
import torch

arrays, header = runpy.run_path({loader})["read_packed"]({path})
# model = the same network, freshly made
model.load_state_dict({{name: torch.from_numpy(array) for name, array in arrays.items()}})
"""

CSR = """\
import runpy

# Sparse matrices by name, and what is stored whole.
matrices, whole = runpy.run_path({loader})["load_rows"]({path})
"""

ONNX = """\
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # else the import leaves a device identity in your home
import onnxruntime

session = onnxruntime.InferenceSession({path})
# images = float32 array (B, C, H, W), standardised
scores = session.run(None, {{"images": images}})[0]
"""

SHRUNK = """\
import runpy

model = runpy.run_path({loader})["load"]({path})
"""
