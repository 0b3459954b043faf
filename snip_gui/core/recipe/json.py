"""Strict conversion of recipes to and from JSON and plain dictionaries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import read_bytes
from snip_gui.core.base.json_files import JSON_ERRORS
from snip_gui.core.base.registry import find_plugin, install_hint
from snip_gui.core.recipe.methods import METHODS, find_method, method_named, unavailable_error
from snip_gui.core.recipe.pruning import UNAVAILABLE, PruningSpec, Unavailable
from snip_gui.core.recipe.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BEYOND = 2**63  # the libraries below accept nothing larger
_MOST_BYTES = 64_000_000  # a minibatch picked by hand may have millions of indices
# A recipe's requirement ends up in a command that people paste into a shell.
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}==[A-Za-z0-9][A-Za-z0-9.+!_-]{0,99}")

# Fields that name an entry of a registry, and its entry-point group.
_TABLES = {
    "pruning.method": "snip_gui.methods",
    "model.name": "snip_gui.networks",
    "data.name": "snip_gui.datasets",
}


def encode_recipe(recipe: Recipe, plugins: Mapping[str, str] | None = None) -> str:
    """Return the recipe as indented JSON that ends in a newline.

    Parameters
    ----------
    plugins
        The packages that its results were made with, as requirements for pip, by the field that
        names one of their entries; None for the installed ones. Omitted if there are none.
    """
    raw = recipe_to_builtins(recipe)
    if plugins is None:
        plugins = _installed_plugins(recipe, raw)
    if plugins:
        raw["plugins"] = dict(plugins)
    return msgspec.json.format(msgspec.json.encode(raw), indent=2).decode() + "\n"


def _installed_plugins(recipe: Recipe, raw: dict[str, Any]) -> dict[str, str]:
    """Return the requirements of the installed packages that a recipe needs."""
    found = {path: find_plugin(group, _value(raw, path)) for path, group in _TABLES.items()}
    plugins = {path: plugin.requirement for path, plugin in found.items() if plugin is not None}
    if isinstance(recipe.pruning, Unavailable):
        plugins["pruning.method"] = recipe.pruning.requirement
    return plugins


def recipe_to_builtins(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain dictionaries."""
    raw: dict[str, Any] = msgspec.to_builtins(recipe)
    if isinstance(recipe.pruning, Unavailable):
        raw["pruning"] = msgspec.json.decode(recipe.pruning.settings)
    return raw


def decode_recipe(text: str | bytes, *, where: str = "The recipe", to_look: bool = False) -> Recipe:
    """Read a recipe from JSON.

    Parameters
    ----------
    text
        The JSON.
    where
        Name of the source, for the error: ``"recipe.json"``.
    to_look
        Whether to read the settings of a pruning method that cannot be used here as `Unavailable`,
        and to accept that other packages are missing.

    Raises
    ------
    UserError
        If the text is not JSON; a field, which the error names, is unknown, missing, of the wrong
        type or out of bounds; or a package that the recipe needs is not installed, is broken, or is
        a version with other settings.
    """
    try:
        raw = msgspec.json.decode(text)
        if isinstance(raw, dict):
            if _value(raw, "pruning.method") == UNAVAILABLE:  # only ever created here, never read
                raise msgspec.ValidationError(f"Invalid value '{UNAVAILABLE}' - at `$.pruning`")
            if "plugins" in raw:
                _resolve_plugins(raw, to_look=to_look)
                text = msgspec.json.encode(raw)
        for path, number in _whole_numbers(raw, ""):
            if not -_BEYOND < number < _BEYOND:
                raise msgspec.ValidationError(f"Expected a smaller number - at `$.{path}`")
        return msgspec.json.decode(text, type=Recipe)
    except msgspec.ValidationError as error:
        problem, field = _split_path(str(error))
        place = f" at “{field}”" if field else ""
        raise UserError(
            f"{where} cannot be used{place}: {problem}.",
            _hint(field),
            field=field.partition("[")[0],  # forms and flags exist for the field, not for its items
        ) from error
    except JSON_ERRORS as error:
        raise UserError(
            f"{where} is not valid JSON: {error}.",
            "Choose a recipe file saved by this program, or correct it in a text editor.",
        ) from error


def _hint(field: str) -> str:
    """Return what to do about a field that has an impossible value."""
    if field.rpartition(".")[2] in ("sparsity", "validation_fraction"):
        return "It is a fraction from 0 to below 1: write 0.9 for 90 %."
    return "Correct that field, or start from a new recipe."


def _whole_numbers(part: object, path: str) -> Iterator[tuple[str, int]]:
    """Yield every integer in a recipe with its dotted name."""
    if isinstance(part, int):
        yield path, part
    elif isinstance(part, list):
        for number, item in enumerate(part):
            yield from _whole_numbers(item, f"{path}[{number}]")
    elif isinstance(part, dict):
        for name, value in part.items():
            yield from _whole_numbers(value, f"{path}.{name}" if path else str(name))


def _resolve_plugins(raw: dict[str, Any], *, to_look: bool) -> None:
    """Remove the list of needed packages; raise `UserError` if one of them cannot be used."""
    plugins = msgspec.convert(raw.pop("plugins"), dict[str, str])
    for path, requirement in plugins.items():
        name = _value(raw, path)
        if _REQUIREMENT.fullmatch(requirement) is None:
            raise msgspec.ValidationError(
                "Expected the name and version of a package - at `$.plugins`"
            )
        if path not in _TABLES or not name:
            continue
        if path == "pruning.method":
            if not _can_use_method(raw["pruning"], name, requirement):
                if not to_look:
                    raise unavailable_error(name, requirement)
                raw["pruning"] = _unavailable(raw["pruning"], name, requirement)
        elif not to_look:
            _refuse_missing(path, name, requirement)


def _can_use_method(part: dict[str, Any], name: str, requirement: str) -> bool:
    """Return whether the method is installed, and accepts settings of another of its versions.

    Settings of the same version, or of a method of the program, are checked with the whole recipe.
    """
    plugin = METHODS.get_plugin(name)
    if plugin is None or plugin.requirement == requirement:
        return name in METHODS.names
    try:
        msgspec.convert(part, METHODS[name].spec)
    except msgspec.ValidationError:
        return False
    return True


def _refuse_missing(path: str, name: str, requirement: str) -> None:
    """Raise `UserError` if no installed package provides an entry that a recipe names."""
    if find_plugin(_TABLES[path], name) is None:
        message = f"The recipe needs “{name}”, which is not installed."
        raise UserError(message, install_hint(requirement), field=path)


def refuse_missing(raw: Mapping[str, Any], path: str) -> None:
    """Raise `UserError` if the package of an entry that a recipe names is not installed.

    Parameters
    ----------
    raw
        The recipe as plain dictionaries, with the packages that it names.
    path
        The field that names the entry: ``"model.name"``.
    """
    requirement = raw.get("plugins", {}).get(path)
    if requirement:
        _refuse_missing(path, _value(raw, path), requirement)


def load_plugins(path: Path) -> dict[str, str]:
    """Return the packages that a recipe file names, as requirements for pip, by field.

    Raises
    ------
    UserError
        As `load_recipe`.
    """
    return dict(_load_raw(path).get("plugins", {}))


def describe_other_versions(path: Path) -> str:
    """Return a sentence on the packages that a recipe file names if others are installed now.

    Empty if the installed versions are the same. Raises as `load_recipe` does.
    """
    raw = _load_raw(path)
    found = {}
    for field, requirement in raw.get("plugins", {}).items():
        plugin = find_plugin(_TABLES.get(field, ""), _value(raw, field))
        if plugin is not None and plugin.requirement != requirement:
            found[requirement.replace("==", " ")] = str(plugin)
    made_with, installed = " and ".join(found), " and ".join(dict.fromkeys(found.values()))
    return f"It was made with {made_with}; installed is {installed}." if found else ""


def _load_raw(path: Path) -> dict[str, Any]:
    """Return a recipe file as plain dictionaries; raises as `load_recipe` does."""
    load_recipe(path, to_look=True)  # refuses what is not a recipe
    raw: dict[str, Any] = msgspec.json.decode(read_bytes(path, max_bytes=_MOST_BYTES))
    return raw


def _unavailable(part: dict[str, Any], name: str, requirement: str) -> dict[str, Any]:
    """Return settings of a method that is not installed, keeping those common to all methods."""
    common = {key: part[key] for key in PruningSpec.__struct_fields__ if key in part}
    settings = msgspec.json.encode(part).decode()
    return (
        {"method": UNAVAILABLE, "name": name, "requirement": requirement}
        | common
        | {"settings": settings}
    )


def _value(raw: Mapping[str, Any], path: str) -> str:
    """Return the name at a dotted path; empty if there is none."""
    part: Any = raw
    for key in path.split("."):
        part = part.get(key) if isinstance(part, dict) else None
    return part if isinstance(part, str) else ""


def load_recipe(path: Path, *, to_look: bool = False) -> Recipe:
    """Read a recipe file; raises `UserError` as `decode_recipe` and `read_bytes` do."""
    data = read_bytes(path, max_bytes=_MOST_BYTES)
    return decode_recipe(data, where=f"“{path.name}”", to_look=to_look)


def with_value(recipe: Recipe, path: str, value: object) -> Recipe:
    """Return the recipe with the field at a dotted path replaced, validated like a file.

    Raises
    ------
    UserError
        If the value is not valid for the field, or the recipe's method cannot be used here.
    """
    find_method(recipe.pruning)
    raw = msgspec.to_builtins(recipe)
    *parents, last = path.split(".")
    part = raw
    for name in parents:
        part = part[name]
    if path == "pruning.method" and value in METHODS.names:
        raw["pruning"] = switch_method(part, str(value))
    else:
        part[last] = msgspec.to_builtins(value)
    return from_builtins(raw)


def switch_method(pruning: dict[str, Any], method: str) -> dict[str, Any]:
    """Return the pruning part for another method; changed settings that both have are kept."""
    known = METHODS[method].spec.__struct_fields__
    usual = msgspec.to_builtins(method_named(pruning["method"]).spec())
    changed = {k: v for k, v in pruning.items() if k in known and v != usual[k]}
    return {"method": method} | changed


def from_builtins(raw: object) -> Recipe:
    """Return a recipe from plain dictionaries; raises `UserError` as for a file."""
    return decode_recipe(msgspec.json.encode(raw))


def _split_path(message: str) -> tuple[str, str]:
    """Split msgspec's ``problem - at `$.path` `` into the problem and a dotted field name."""
    problem, _, location = message.partition(" - at `")
    field = location.rstrip("`").removeprefix("$").lstrip(".")
    if problem.startswith("Object contains unknown field "):
        name = problem.split("`")[1]
        field = f"{field}.{name}" if field else name
        problem = "this field is unknown"
    elif problem.startswith("Object missing required field "):
        name = problem.split("`")[1]
        field = f"{field}.{name}" if field else name
        problem = "this field is missing"
    return problem[:1].lower() + problem[1:], field
