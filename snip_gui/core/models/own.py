"""A network of the user's own: a Python file, and the name of a class or function in it.

Running such a file can do anything that its user can, so none is run whose digest is not among
those that the user agreed to. Shapes: C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from torch import nn

    from snip_gui.core.recipe.recipe import ModelChoice, Recipe

OWN = "own"


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file's contents; raises `UserError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"“{path}” cannot be read: {error.strerror}.",
            "Check that the file is there and that you may read it.",
            field="model.file" if path.suffix == ".py" else "model.weights",
        ) from error


def pin_files(recipe: Recipe) -> Recipe:
    """Return the recipe with the digests of the files that it names.

    Raises
    ------
    UserError
        If a file cannot be read, or is no longer the one that the recipe was made with.
    """
    changes: dict[str, str] = {}
    for field in ("file", "weights"):
        path, known = getattr(recipe.model, field), getattr(recipe.model, f"{field}_digest")
        if not path:
            if known:
                changes[f"{field}_digest"] = ""
            continue
        found = digest_file(Path(path))
        if known and known != found:
            raise UserError(
                f"“{path}” has changed since the recipe was saved.",
                "Choose the file again to use it as it is now.",
                field=f"model.{field}",
            )
        changes |= {f"{field}_digest": found, field: str(Path(path).absolute())}
    model = msgspec.structs.replace(recipe.model, **changes)
    return recipe if model == recipe.model else msgspec.structs.replace(recipe, model=model)


def candidates(path: Path) -> tuple[str, ...]:
    """Return the names of the classes and functions of a Python file, without running it.

    Classes that derive from a ``Module`` come first.

    Raises
    ------
    UserError
        If the file cannot be read or is not Python.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except OSError as error:
        raise UserError(f"“{path}” cannot be read: {error.strerror}.", "Choose another file.",
                        field="model.file") from error  # fmt: skip
    except (SyntaxError, ValueError) as error:
        raise UserError(
            f"“{path.name}” is not Python: {error}.", "Choose another file.", field="model.file"
        ) from error
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    modules = [c.name for c in classes if any("Module" in ast.unparse(b) for b in c.bases)]
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    found = [*modules, *functions, *(c.name for c in classes)]
    return tuple(dict.fromkeys(name for name in found if not name.startswith("_")))


def refuse_untrusted(choice: ModelChoice, digest: str, trusted: Collection[str]) -> None:
    """Raise a `UserError` if the user has not agreed to run a file with these contents."""
    if digest not in trusted:
        raise UserError(
            f"The code in “{choice.file}” has not been agreed to.",
            "Choose the file again and agree to run it; on the command line add --trust-code.",
            field="model.file",
        )


def load(choice: ModelChoice, trusted: Collection[str]) -> Callable[..., Any]:
    """Run the file and return the class or function that makes the network.

    Parameters
    ----------
    trusted
        Digests of the files that the user agreed to run.

    Raises
    ------
    UserError
        If the user has not agreed, the file has changed or cannot be run, or has no such name.
    """
    path = Path(choice.file)
    if not choice.file or not choice.symbol:
        raise UserError(
            "A network of your own needs a Python file and the name of a class or function in it.",
            "Choose both.",
            field="model.file",
        )
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"“{path}” cannot be read: {error.strerror}.", "Choose the file again.",
            field="model.file",
        ) from error  # fmt: skip
    digest = hashlib.sha256(source).hexdigest()
    if choice.file_digest not in ("", digest):
        raise UserError(
            f"“{path.name}” has changed since it was chosen.",
            "Choose the file again to use it as it is now.",
            field="model.file",
        )
    refuse_untrusted(choice, digest, trusted)
    return _run(path, source, digest, choice.symbol)


def make(
    factory: Callable[..., Any], choice: ModelChoice, shape: tuple[int, int, int], num_classes: int
) -> nn.Module:
    """Call the class or function with what it has parameters for, and check what it returns.

    Raises
    ------
    UserError
        If it wants other arguments, raises, or returns something that is no network with
        parameters.
    """
    from torch import nn

    known = {"image_shape": shape, "num_classes": num_classes}
    place = f"“{choice.symbol}” in “{Path(choice.file).name}”"
    try:
        wanted = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{place} cannot be called.", "Name a class or a function.", field="model.symbol"
        ) from error
    missing = [
        p.name
        for p in wanted
        if p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and p.name not in known
    ]
    if missing:
        raise UserError(
            f"{place} wants an argument “{missing[0]}” that is not known here.",
            "Give it a default, or name a function without it. Known are image_shape (channels, "
            "rows, columns) and num_classes.",
            field="model.symbol",
        )
    given = {name: value for name, value in known.items() if name in {p.name for p in wanted}}
    try:
        model = factory(**given)
    except Exception as error:  # the user's own code may raise anything
        raise _broken(f"{place} cannot be made", error) from error
    if not isinstance(model, nn.Module) or not any(True for _ in model.parameters()):
        raise UserError(
            f"{place} gives {type(model).__name__}, not a network with parameters.",
            "It must be a torch.nn.Module.",
            field="model.symbol",
        )
    return model


def check_scores(
    model: nn.Module, choice: ModelChoice, shape: tuple[int, int, int], num_classes: int
) -> None:
    """Check that a network takes the images and gives a score for each class.

    Raises
    ------
    UserError
        If it does not.
    """
    import torch

    place = f"“{choice.symbol}”"
    size = "x".join(map(str, shape))
    parameter = next(model.parameters())
    images_BCHW = torch.zeros(2, *shape, device=parameter.device, dtype=parameter.dtype)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            scores = model(images_BCHW)
    except Exception as error:  # the user's own code may raise anything
        raise _broken(f"{place} cannot take images of {size}", error) from error
    finally:
        model.train(was_training)
    if not isinstance(scores, torch.Tensor) or tuple(scores.shape) != (2, num_classes):
        got = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
        raise UserError(
            f"{place} gives {got} for two images of {num_classes} classes, not class scores of "
            f"shape (2, {num_classes}).",
            "Its last layer must have one output for each class; take num_classes as a parameter.",
            field="model.symbol",
        )


def _run(path: Path, source: bytes, digest: str, symbol: str) -> Callable[..., Any]:
    """Run the source as a module of its own and return the symbol."""
    name = f"snip_own_{digest[:16]}"
    module = sys.modules.get(name)
    if module is None:
        spec = importlib.util.spec_from_loader(name, loader=None, origin=str(path))
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        module.__file__ = str(path)
        sys.modules[name] = module  # dataclasses and pickling look themselves up there
        try:
            exec(compile(source, str(path), "exec"), module.__dict__)
        except BaseException as error:  # also SystemExit: it must not end the program
            del sys.modules[name]
            if isinstance(error, KeyboardInterrupt):
                raise
            raise _broken(f"“{path.name}” cannot be run", error) from error
    found = getattr(module, symbol, None)
    if not callable(found):
        raise UserError(
            f"“{path.name}” has no class or function called “{symbol}”.",
            f"It has: {', '.join(candidates(path)) or 'none'}.",
            field="model.symbol",
        )
    factory: Callable[..., Any] = found
    return factory


def _broken(what: str, error: BaseException) -> UserError:
    """Return the error for code that raised, with the line of the user's file where it did."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.startswith("snip_own_"):
            place = f" ({Path(file).name}, line {trace.tb_lineno})"
        trace = trace.tb_next
    first = str(error).strip().partition("\n")[0]
    return UserError(
        f"{what}: {type(error).__name__}: {first}{place}.".replace("..", "."),
        "Correct the file and choose it again.",
        field="model.file",
    )
