"""Tracing of a network into a graph of operations, and classification of its nodes.

Shapes: B images, C channels, H rows, W columns.
"""

from __future__ import annotations

import collections
import inspect
import operator
from typing import Any

import torch
from torch import Tensor, fx, nn

from snip_gui.core.graph import operations as ops
from snip_gui.core.graph.layers import ConvSame


class CannotFollowError(Exception):
    """The network cannot be traced, or does something that a trace does not show."""


class _Tracer(fx.Tracer):
    """Treats the project's own padded convolution as a layer, like those of torch."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, ConvSame) or super().is_leaf_module(m, module_qualified_name)


class _ShapeRecorder(fx.Interpreter):
    """Runs a graph and annotates the nodes whose values contain tensors.

    ``meta["shape"]`` is the shape of a node's tensor, or None if its value contains several.
    torch's `ShapeProp` does the same, but imports sympy, which takes a third as long as importing
    torch.
    """

    def run_node(self, n: fx.Node) -> Any:  # noqa: ANN401 - any value
        value = super().run_node(n)
        if isinstance(value, Tensor):
            n.meta["shape"] = tuple(value.shape)
        elif _contains_tensor(value):
            n.meta["shape"] = None
        return value


def _contains_tensor(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_contains_tensor, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_contains_tensor, value))
    return isinstance(value, Tensor)


def _plain_defaults(model: nn.Module) -> dict[str, Any]:
    """Return the arguments of ``forward`` whose defaults are plain values, which they keep."""
    parameters = inspect.signature(model.forward).parameters.values()
    plain = (bool, int, float, str, type(None))
    return {p.name: p.default for p in parameters if isinstance(p.default, plain)}


def _drop_assertions(graph: fx.Graph) -> None:
    """Remove the checks of torch.fx that such arguments are not given."""
    for node in reversed(graph.nodes):
        if node.target in (torch._assert, fx._symbolic_trace._assert_is_none):
            graph.erase_node(node)
            checked = node.args[0]
            if isinstance(checked, fx.Node) and checked.target is operator.eq and not checked.users:
                graph.erase_node(checked)


def trace(model: nn.Module, sample_BCHW: Tensor) -> fx.Graph:
    """Return the graph of a network, annotated with the shape of every tensor."""
    try:
        graph = _Tracer().trace(model, _plain_defaults(model))
        _drop_assertions(graph)
        module = fx.GraphModule(model, graph)
    except Exception as error:  # the network's code may raise anything
        raise CannotFollowError(f"it cannot be traced ({_first_line(error)})") from error
    _refuse_overwriting(module)
    training = {part: part.training for part in module.modules()}
    try:
        # In evaluation mode, so as to leave BatchNorm's statistics and the random generators alone.
        module.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            _ShapeRecorder(module).run(sample_BCHW.clone())
    except Exception as error:
        raise CannotFollowError(f"its trace does not run ({_first_line(error)})") from error
    finally:
        for part, mode in training.items():
            part.training = mode
    return module.graph


def _refuse_overwriting(module: fx.GraphModule) -> None:
    """Raise `CannotFollowError` if values are read after they were overwritten in place.

    The graph does not show that an operation changes its input. That makes no difference where only
    its result is read afterwards.
    """
    roots: dict[fx.Node, fx.Node] = {}  # by view, the tensor that it is a view of
    overwritten: dict[fx.Node, int] = {}  # by root, position of the last in-place operation
    places = {node: place for place, node in enumerate(module.graph.nodes)}
    for node, place in places.items():
        for read in node.all_input_nodes:
            root = roots[read]
            if places[read] < overwritten.get(root, 0):
                raise CannotFollowError(f"“{read.name}” is read after it was changed in place")
        first = node.all_input_nodes[0] if node.all_input_nodes else node
        if _is_in_place(module, node):
            overwritten[roots[first]] = place
            roots[node] = roots[first]
        else:
            roots[node] = roots[first] if _may_be_view(module, node) else node


def _is_in_place(module: fx.GraphModule, node: fx.Node) -> bool:
    """Return whether an operation overwrites its first input."""
    if node.op == "call_module":
        return bool(getattr(module.get_submodule(str(node.target)), "inplace", False))
    if node.op not in ("call_method", "call_function") or not node.all_input_nodes:
        return False
    if node.kwargs.get("inplace") or node.kwargs.get("out") is not None:
        return True
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    in_operator = getattr(node.target, "__module__", "") == "_operator" and name.startswith("i")
    return (name.endswith("_") and not name.endswith("__")) or (
        in_operator
        and name not in ("index", "inv", "invert", "is_", "is_not", "indexOf", "itemgetter")
    )


_VIEWS = {
    "flatten", "view", "reshape", "permute", "transpose", "squeeze", "unsqueeze", "expand",
    "narrow", "select", "chunk", "split", "unbind", "t", "T", "mT", "movedim", "swapaxes",
    "unflatten", "contiguous", "view_as", "reshape_as", "getitem", "getattr", "diagonal",
    "detach", "ravel", "expand_as", "to", "float", "Identity", "Flatten", "Unflatten", "Dropout",
    "Dropout2d", "dropout",
}  # fmt: skip


def _may_be_view(module: fx.GraphModule, node: fx.Node) -> bool:
    """Return whether an operation's result may share the memory of its first input."""
    if node.op == "call_module":
        return type(module.get_submodule(str(node.target))).__name__ in _VIEWS
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return node.op in ("call_method", "call_function") and name in _VIEWS


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def used_once(model: nn.Module, graph: fx.Graph) -> set[str]:
    """Return the modules that are called once and share no parameter with another module."""
    calls = collections.Counter(str(n.target) for n in graph.nodes if n.op == "call_module")
    owners = collections.Counter(
        id(parameter)
        for module in model.modules()
        for parameter in module._parameters.values()
        if parameter is not None
    )
    direct = {str(node.target).rpartition(".")[0] for node in graph.nodes if node.op == "get_attr"}
    modules = dict(model.named_modules())
    return {
        name
        for name, number in calls.items()
        if number == 1
        and name not in direct
        and all(owners[id(parameter)] == 1 for parameter in modules[name].parameters())
    }


def find_shape(node: fx.Node) -> tuple[int, ...] | None:
    """Return the shape of a node's tensor; None if its value is not a single tensor."""
    shape: tuple[int, ...] | None = node.meta.get("shape")
    return shape


def is_tensor_default(node: fx.Node) -> bool:
    """Return whether a placeholder is an argument with a default rather than the images."""
    return bool(node.args)


def is_flatten(node: fx.Node) -> bool:
    """Return whether a node flattens each image to a row, whatever its size."""
    target, args = node.target, node.args
    if node.op == "call_module":
        whole = node.graph.owning_module
        assert whole is not None
        module = whole.get_submodule(str(target))
        return type(module) is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1)
    if target in ops.FLATTENS or target == "flatten":
        given = (*args[1:], *node.kwargs.values())
        return given in ((1,), (1, -1)) and set(node.kwargs) <= {"start_dim", "end_dim"}
    if target in ("view", "reshape", torch.reshape):
        # Only if the batch axis is unchanged and all other axes are collapsed by -1.
        sizes = args[1] if len(args) == 2 and isinstance(args[1], list | tuple) else args[1:]
        if len(sizes) != 2 or sizes[1] != -1:
            return False
        return isinstance(sizes[0], fx.Node) and reads_batch_size(sizes[0])
    return False


def reads_batch_size(node: fx.Node) -> bool:
    """Return whether a node is the batch size, or a shape of which only the batch size is read."""
    if node.target == "size" and node.op == "call_method":
        if len(node.args) == 2:
            return bool(node.args[1] == 0)
        return all(_is_first_item(user) for user in node.users)
    if node.target is getattr and node.args[1] == "shape":
        return all(_is_first_item(user) for user in node.users)
    before = node.args[0] if node.args else None
    return _is_first_item(node) and isinstance(before, fx.Node) and reads_batch_size(before)


def _is_first_item(node: fx.Node) -> bool:
    return node.target is operator.getitem and bool(node.args[1] == 0)


def is_over_places(node: fx.Node) -> bool:
    """Return whether a mean or sum is over the rows and columns of feature maps."""
    values = (*node.args[1:], *(v for k, v in node.kwargs.items() if k == "dim"))
    rank = len(find_shape(node.args[0]) or ())  # type: ignore[arg-type]  # a followed tensor
    if not values or rank != 4 or not isinstance(values[0], list | tuple):
        return False
    return sorted(int(axis) % rank for axis in values[0]) == [2, 3]


def has_weights(module: nn.Module) -> bool:
    """Return whether a module or any of its submodules has parameters."""
    return next(module.parameters(), None) is not None
