"""The source of a user-supplied network: read, checked and listed here, but never run.

Such a file can do anything that its user can, so it is run only if its digest is among those that
the user has agreed to. The bytes shown, agreed to and run are the same.
"""

from __future__ import annotations

import ast
import codecs
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import open_regular, read_bytes

if TYPE_CHECKING:
    from collections.abc import Collection

    from snip_gui.core.recipe.recipe import ModelChoice, Recipe

OWN = "own"

MOST_BYTES = 1_000_000
"""Largest source file; nobody reviews more than that."""

# PEP 263: a comment in one of the first two lines may declare the encoding.
_DECLARED = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


@dataclass(frozen=True, slots=True)
class Source:
    """The contents of a Python file.

    Attributes
    ----------
    data, text
        The contents of the file, and the same decoded from UTF-8.
    """

    path: Path
    data: bytes
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the contents."""
        return hashlib.sha256(self.data).hexdigest()


def read_source(path: Path) -> Source:
    """Read the source file of a network.

    Raises
    ------
    UserError
        If the file cannot be read, is not a regular file of at most `MOST_BYTES`, or is not UTF-8:
        in another encoding, the code that runs might differ from the code shown.
    """
    try:
        data = read_bytes(path, max_bytes=MOST_BYTES)
    except UserError as error:
        raise UserError(error.message, error.hint, field="model.file") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_python(
            path, f"it is not UTF-8 ({error.reason} at byte {error.start})"
        ) from error
    for line in text.splitlines()[:2]:
        declared = _DECLARED.match(line)
        if declared and not _is_utf8(declared[1]):
            raise _not_python(path, f"it declares the encoding “{declared[1]}”; only UTF-8 is run")
    if "\0" in text:
        raise _not_python(path, "it contains null characters")
    return Source(path, data, text)


def _is_utf8(name: str) -> bool:
    try:
        return codecs.lookup(name).name == "utf-8"
    except LookupError:
        return False


def _not_python(path: Path, reason: str) -> UserError:
    return UserError(
        f"“{path.name}” is not Python: {reason}.", "Choose another file.", field="model.file"
    )


def candidates(source: Source) -> tuple[str, ...]:
    """Return the names of the classes and functions that a file defines, without running it.

    Classes that derive from a ``Module`` come first.

    Raises
    ------
    UserError
        If it is not valid Python.
    """
    try:
        tree = ast.parse(source.text)
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        modules = [c.name for c in classes if any("Module" in ast.unparse(b) for b in c.bases)]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _not_python(source.path, str(error) or "it is nested too deeply") from error
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    found = [*modules, *functions, *(c.name for c in classes)]
    return tuple(dict.fromkeys(name for name in found if not name.startswith("_")))


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file's contents; raises `UserError` if it cannot be read."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"“{path}” cannot be read: {error.strerror}.",
            "Check that the file exists and that you may read it.",
            field="model.file" if path.suffix == ".py" else "model.weights",
        ) from error


def pin_files(recipe: Recipe) -> Recipe:
    """Return the recipe with the digests of the files that it names.

    Raises
    ------
    UserError
        If a file cannot be read, or is not the one that the recipe was created with.
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


def read_trusted(choice: ModelChoice, trusted: Collection[str]) -> Source:
    """Read the source file that a recipe names, provided that the user has agreed to run it.

    Parameters
    ----------
    trusted
        Digests of the files that the user has agreed to run.

    Raises
    ------
    UserError
        If no file or no name in it is chosen, or if the file cannot be read, is not the one that
        was chosen, or has not been agreed to.
    """
    if not choice.file or not choice.symbol:
        raise UserError(
            "A network of your own needs a Python file and the name of a class or function in it.",
            "Choose both.",
            field="model.file",
        )
    source = read_source(Path(choice.file))
    if choice.file_digest not in ("", source.digest):
        raise UserError(
            f"“{source.path.name}” has changed since it was chosen.",
            "Choose the file again to use it as it is now.",
            field="model.file",
        )
    if source.digest not in trusted:
        raise UserError(
            f"You have not agreed to run the code in “{choice.file}”.",
            "Choose the file again and agree to run it; on the command line add --trust-code.",
            field="model.file",
        )
    return source
