"""Runs the source of a user-supplied network, and creates the network.

Shapes: C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

import importlib.util
import inspect
import linecache
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snip_gui.core.base.errors import UserError
from snip_gui.core.models.own.imports import nothing_beside
from snip_gui.core.models.own.source import Source, candidates, read_trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import ModuleType

    from torch import Tensor, nn

    from snip_gui.core.recipe.recipe import ModelChoice

_PREFIX = "snip_own_"
_SOURCE = "__snip_source__"


def load(choice: ModelChoice, trusted: Collection[str]) -> Callable[..., Any]:
    """Run the file and return the class or function that creates the network.

    Parameters
    ----------
    trusted
        Digests of the files that the user has agreed to run.

    Raises
    ------
    UserError
        As `read_trusted`, and if the file cannot be run or defines no such class or function.
    """
    source = read_trusted(choice, trusted)
    module = _run(source)
    found = vars(module).get(choice.symbol)
    # Names that the file merely imports do not take the arguments of a network.
    if not callable(found) or getattr(found, "__module__", None) != module.__name__:
        raise UserError(
            f"“{source.path.name}” defines no class or function called “{choice.symbol}”.",
            f"It defines: {', '.join(candidates(source)) or 'none'}.",
            field="model.symbol",
        )
    factory: Callable[..., Any] = found
    return factory


def executed_source(digest: str) -> bytes:
    """Return the source that this process has run; raises `KeyError` if none has this digest."""
    data: bytes = vars(sys.modules[_PREFIX + digest])[_SOURCE]
    return data


def _run(source: Source) -> ModuleType:
    """Run a source as a module, once per digest, and return the module."""
    name = _PREFIX + source.digest
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_loader(name, loader=None)
    assert spec is not None
    # Without __file__: a network is a single file and must not look for others beside it.
    module = importlib.util.module_from_spec(spec)
    setattr(module, _SOURCE, source.data)
    file = str(source.path)
    linecache.cache[file] = (len(source.data), None, source.text.splitlines(True), file)
    sys.modules[name] = module  # dataclasses and pickle look it up there
    try:
        # The text rather than the bytes: this is what was shown, whatever encoding it declares.
        code = compile(source.text, file, "exec", dont_inherit=True)
        with nothing_beside(source.path):
            exec(code, module.__dict__)
    except BaseException as error:  # even SystemExit, which must not end the program
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise explain_failure(f"“{source.path.name}” cannot be run", error) from error
    return module


def make(
    factory: Callable[..., Any], choice: ModelChoice, shape: tuple[int, int, int], num_classes: int
) -> nn.Module:
    """Call the class or function with the arguments it takes, and check what it returns.

    Raises
    ------
    UserError
        If it needs other arguments, raises, or returns anything other than a network with
        parameters.
    """
    from torch import nn

    known = {"image_shape": shape, "num_classes": num_classes}
    place = f"“{choice.symbol}” in “{Path(choice.file).name}”"
    try:
        expected = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{place} cannot be called.", "Name a class or a function.", field="model.symbol"
        ) from error
    missing = [
        p.name
        for p in expected
        if p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and p.name not in known
    ]
    if missing:
        raise UserError(
            f"{place} needs an argument “{missing[0]}”, which this program does not give.",
            "Give it a default, or choose a function without it. The available arguments are "
            "image_shape (channels, rows, columns) and num_classes.",
            field="model.symbol",
        )
    given = {name: value for name, value in known.items() if name in {p.name for p in expected}}
    try:
        model = factory(**given)
    except Exception as error:  # user-supplied code may raise anything
        raise explain_failure(f"{place} cannot be created", error) from error
    if not isinstance(model, nn.Module) or not any(True for _ in model.parameters()):
        raise UserError(
            f"{place} returns {type(model).__name__}, not a network with parameters.",
            "It must be a torch.nn.Module.",
            field="model.symbol",
        )
    return model


def make_own(
    choice: ModelChoice,
    shape: tuple[int, int, int],
    num_classes: int,
    trusted: Collection[str],
) -> tuple[nn.Module, tuple[str, ...]]:
    """Run the file and create the network, in single precision and with ordinary weights.

    Returns
    -------
    nn.Module
        The network.
    tuple of str
        Its formerly computed weights, as returned by `make_ordinary`.

    Raises
    ------
    UserError
        As `load`, `make` and `make_ordinary` do, and if the conversion changes the network's
        scores.
    """
    from snip_gui.core.graph.computed_weights import find_computed, make_ordinary

    model = in_single_precision(make(load(choice, trusted), choice, shape, num_classes))
    if next(find_computed(model), None) is None:
        return model, ()
    before_BK = _scores_if_any(model, shape)
    try:
        computed = make_ordinary(model)
    except UserError:
        raise
    except Exception as error:  # user-supplied code may raise anything
        raise explain_failure(f"“{choice.symbol}” cannot compute its weights", error) from error
    after_BK = _scores_if_any(model, shape)
    if before_BK is not None and (
        after_BK is None or not before_BK.allclose(after_BK, rtol=1e-4, atol=1e-5, equal_nan=True)
    ):
        raise UserError(
            f"“{choice.symbol}” gives other scores once these computed weights are ordinary ones: "
            f"{', '.join(computed)}.",
            "Parametrizations that layers share cannot be pruned: remove them.",
            field="model.symbol",
        )
    return model, computed


def in_single_precision(model: nn.Module) -> nn.Module:
    """Convert a network's half precision, in which most sensitivities would be zero.

    Layers in double precision among others stay so: the network's code converts between them.
    """
    import torch

    kinds = {p.dtype for p in model.parameters() if p.is_floating_point()}
    if torch.float32 not in kinds:
        return model.float()
    halves = (torch.float16, torch.bfloat16)
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.dtype in halves:
            tensor.data = tensor.data.float()
    return model


def _scores_if_any(model: nn.Module, shape: tuple[int, int, int]) -> Tensor | None:
    """Return the scores of two noise images in evaluation mode; None if there are none."""
    import torch

    generator = torch.Generator().manual_seed(0)
    images_BCHW = torch.randn(2, *shape, generator=generator)
    training = model.training
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            model.eval()
            scores = model(images_BCHW)
    except Exception:  # noqa: BLE001 - user-supplied code; the trial says what is wrong with it
        return None
    finally:
        model.train(training)
    return scores if isinstance(scores, torch.Tensor) else None


def explain_failure(what: str, error: BaseException) -> UserError:
    """Return the error for code that raised, with the line of the user's file at fault."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.startswith(_PREFIX):
            place = f" ({Path(file).name}, line {trace.tb_lineno})"
        trace = trace.tb_next
    first = str(error).strip().partition("\n")[0]
    return UserError(
        f"{what}: {type(error).__name__}: {first}{place}.".replace("..", "."),
        "Correct the file and choose it again.",
        field="model.file",
    )
