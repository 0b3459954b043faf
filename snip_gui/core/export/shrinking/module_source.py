"""Writes a network as Python source that needs only torch.

The network is traced; its layers become attributes of a class, and its graph the code of
``forward``. BatchNorm is folded into the preceding layer, dropout is dropped, and the project's
padded convolution is written as padding and a plain convolution.

Shapes: B images, C channels, H rows, W columns, P selected pixels.
"""

from __future__ import annotations

import math
import operator
import re
import types
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import fx, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

from snip_gui.core.graph import operations as ops
from snip_gui.core.graph.layers import ConvSame, find_same_padding
from snip_gui.core.graph.tracing import CannotFollowError, find_shape, trace

if TYPE_CHECKING:
    from torch import Tensor

    from snip_gui.core.data.images.pixels import PixelChoice

_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.Identity)
_DROPOUT_FUNCTIONS = (functional.dropout, functional.dropout2d)
_KNOWN = ("torch", "math", "operator", "builtins", "_operator")
_CONSTANTS = ("inf", "nan", "NoneType")

_HEAD = '''"""A pruned network made smaller; needs torch alone. The weights lie beside this file."""

import math
import operator
from math import inf, nan

import torch
from torch import device, nn


class Network(nn.Module):
    """Takes standardised images (B, C, H, W) and gives class scores (B, K)."""

    def __init__(self):
        super().__init__()
'''

_TAIL = '''

def load(path):
    """Return the network with the weights of a file, ready for use."""
    network = Network()
    network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    return network.eval()
'''


def write_source(
    small: nn.Module, pixels: PixelChoice | None, images_BCHW: Tensor
) -> tuple[nn.Module, str]:
    """Return a network created from source, with the weights of another, and the source.

    Parameters
    ----------
    small
        The network, in evaluation mode.
    pixels
        The pixels that it receives; None for all. The source takes whole images.

    Raises
    ------
    CannotFollowError
        If the network cannot be traced, or an operation cannot be written as source.
    """
    seen_BCHW = images_BCHW if pixels is None else pixels(images_BCHW)
    graph = trace(small, seen_BCHW)
    writer = _Writer(small, graph)
    writer.tidy()
    if pixels is not None:
        writer.choose(pixels, cast("tuple[int, int, int]", tuple(images_BCHW.shape[1:])))
    source = writer.source()
    network = make_from_source(source)
    try:
        network.load_state_dict(writer.state)
    except RuntimeError as error:
        raise CannotFollowError("one of its layers cannot be written as code") from error
    return network, source


def make_from_source(source: str) -> nn.Module:
    """Return the network that generated source defines, in evaluation mode.

    Raises
    ------
    CannotFollowError
        If it cannot be created.
    """
    module = types.ModuleType("smaller_network")
    try:
        exec(compile(source, "smaller_network.py", "exec"), module.__dict__)
        network = module.Network()
    except Exception as error:  # the repr of a layer need not be code
        raise CannotFollowError(f"it cannot be written as code ({error})") from error
    return cast("nn.Module", network.eval())


class _Writer:
    """Simplifies a traced graph and writes it as source."""

    def __init__(self, small: nn.Module, graph: fx.Graph) -> None:
        self._graph = graph
        self._modules: dict[str, Any] = dict(small.named_modules())
        self._small = small
        self.state: dict[str, Tensor] = {}
        self._lines: list[str] = []

    def tidy(self) -> None:
        """Fold BatchNorm, remove dropout and unused values, and make padding explicit."""
        self._graph.eliminate_dead_code()
        for node in list(self._graph.nodes):
            if node.op == "call_module":
                module = self._modules[str(node.target)]
                if type(module) in _DROPOUTS:
                    self._bypass(node)
                elif type(module) in ops.NORMS:
                    self._fold_norm(node, module)
                elif isinstance(module, ConvSame):
                    self._pad(node, module)
            elif node.target in _DROPOUT_FUNCTIONS:
                self._bypass(node)

    def choose(self, pixels: PixelChoice, shape: tuple[int, int, int]) -> None:
        """Make the network select its pixels from whole images."""
        images = next(node for node in self._graph.nodes if node.op == "placeholder")
        users = list(images.users)
        with self._graph.inserting_after(images):
            flat = self._graph.call_method("flatten", (images, 1))
        with self._graph.inserting_after(flat):
            indices = self._graph.create_node("get_attr", "pixels_P")
        with self._graph.inserting_after(indices):
            chosen = self._graph.call_method("index_select", (flat, 1, indices))
        with self._graph.inserting_after(chosen):
            reshaped = self._graph.call_method("reshape", (chosen, -1, *pixels.shape))
        for user in users:
            user.replace_input_with(images, reshaped)
        self.state["pixels_P"] = pixels.indices_P
        number = math.prod(pixels.shape)
        self._lines.append(
            f'self.register_buffer("pixels_P", torch.zeros({number}, dtype=torch.int64))'
            f"  # of {math.prod(shape):,}"
        )

    def source(self) -> str:
        """Return the source; afterwards the state_dict of its network is known."""
        names: dict[str, str] = {}
        for node in self._graph.nodes:
            node.type = None
            if node.op == "call_module":
                node.target = self._define(str(node.target), names)
            elif node.op == "get_attr" and node.target not in self.state:
                node.target = self._hold(str(node.target), names)
        code = self._graph.python_code("self")
        for name, value in code.globals.items():
            home = str(getattr(value, "__module__", None) or getattr(value, "__name__", ""))
            if name not in _CONSTANTS and home.partition(".")[0] not in _KNOWN:
                raise CannotFollowError(f"it uses “{name}”, which is not part of torch")
        forward = re.sub(r";  \w+( = \w+)* = None.*$", "", code.src.strip(), flags=re.MULTILINE)
        forward = re.sub(r"^def forward\(.*\):", _signature(self._graph), forward, count=1)
        body = "".join(f"        {line}\n" for line in self._lines)
        indented = "".join(f"    {line}\n" if line else "\n" for line in forward.splitlines())
        return f"{_HEAD}{body}\n{indented}{_TAIL}"

    def _bypass(self, node: fx.Node) -> None:
        node.replace_all_uses_with(node.all_input_nodes[0])
        self._graph.erase_node(node)

    def _fold_norm(self, node: fx.Node, norm: Any) -> None:  # noqa: ANN401 - a BatchNorm
        """Fold BatchNorm into the preceding layer, if nothing else reads that layer."""
        before = node.args[0]
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            return
        layer = self._modules[str(before.target)]
        calls = sum(n.target == before.target for n in self._graph.nodes)
        if calls > 1 or norm.running_mean is None:
            return
        scale = torch.ones_like(norm.running_mean) if norm.weight is None else norm.weight
        shift = torch.zeros_like(norm.running_mean) if norm.bias is None else norm.bias
        given = (norm.running_mean, norm.running_var, norm.eps, scale, shift)
        # Computed in double precision, and rounded once.
        wide: Any = [g.double() if isinstance(g, torch.Tensor) else g for g in given]
        bias = None if layer.bias is None else layer.bias.double()
        if type(layer) is nn.Linear and len(find_shape(before) or ()) == 2:
            fused = fuse_linear_bn_weights(layer.weight.double(), bias, *wide)
        elif type(layer) in ops.CONVOLUTIONS:
            fused = fuse_conv_bn_weights(layer.weight.double(), bias, *wide)
        else:
            return
        layer.weight, layer.bias = (nn.Parameter(part.detach().float()) for part in fused)
        self._bypass(node)

    def _pad(self, node: fx.Node, module: ConvSame) -> None:
        """Separate padding from the convolution."""
        shape = find_shape(cast("fx.Node", node.args[0])) or ()
        rows = find_same_padding(shape[2], module.kernel_size[0], module.stride[0])
        columns = find_same_padding(shape[3], module.kernel_size[1], module.stride[1])
        with self._graph.inserting_before(node):
            padded = self._graph.call_function(functional.pad, (node.args[0], (*columns, *rows)))
        node.args = (padded,)

    def _define(self, target: str, names: dict[str, str]) -> str:
        """Add the line that creates a layer; return its name as an identifier."""
        if target in names:
            return names[target]
        names[target] = name = _free(target, names)
        module = self._modules[target]
        if next(module.children(), None) is not None:
            kind = type(module).__name__
            raise CannotFollowError(f"“{target}” is a {kind}, which cannot be written as code")
        text = _quote_words(module)
        if isinstance(module, ConvSame):
            text = text.replace("ConvSame(", "Conv2d(", 1)
        if not type(module).__module__.startswith("torch.nn") and not isinstance(module, ConvSame):
            raise CannotFollowError(f"“{target}” is not a layer of torch")
        weight = getattr(module, "weight", None)
        if isinstance(weight, torch.Tensor) and weight.dtype != torch.float32:
            text = f"{text.removesuffix(')')}, dtype={weight.dtype})"
        self._lines.append(f"self.{name} = nn.{' '.join(text.split())}")
        for key, tensor in module.state_dict().items():
            self.state[f"{name}.{key}"] = tensor
        return name

    def _hold(self, target: str, names: dict[str, str]) -> str:
        """Add the line that creates a parameter or buffer of the network itself."""
        if target in names:
            return names[target]
        names[target] = name = _free(target, names)
        tensor = operator.attrgetter(target)(self._small)
        if not isinstance(tensor, torch.Tensor):
            raise CannotFollowError(f"“{target}” is not a tensor")
        shape = f"{tuple(tensor.shape)}, dtype={tensor.dtype}"
        self._lines.append(f'self.register_buffer("{name}", torch.zeros({shape}))')
        self.state[name] = tensor.detach()
        return name


def _quote_words(module: nn.Module) -> str:
    """Return the repr of a layer as code: ``padding_mode=reflect`` has no quotes in torch's."""

    def quote(found: re.Match[str]) -> str:
        key, word = found.groups()
        return f"{key}={word!r}" if getattr(module, key, None) == word else found[0]

    return re.sub(r"(\w+)=(\w+)", quote, repr(module))


def _free(target: str, names: dict[str, str]) -> str:
    """Return an unused identifier for a target."""
    word = re.sub(r"\W", "_", target) or "layer"
    word = f"layer_{word}" if word[0].isdigit() else word
    while word in names.values() or hasattr(nn.Module, word):
        word += "_"
    return word


def _signature(graph: fx.Graph) -> str:
    """Return the signature of ``forward``, without types; later arguments keep their defaults."""
    given = [node for node in graph.nodes if node.op == "placeholder"]
    parts = [str(n.target) if not n.args else f"{n.target}={n.args[0]!r}" for n in given]
    return f"def forward(self, {', '.join(parts)}):"
