"""Training and test parts of a data set, by folder names or as a fixed fifth."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.seeding import numpy_stream
from snip_gui.core.base.text import listed
from snip_gui.core.data.images.decoding import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

Part: TypeAlias = Literal["train", "test", "validation"]
_PARTS: tuple[Part, ...] = ("train", "test", "validation")

_TEST_SHARE = 0.2
_WORDS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev"), "validation"),
    **dict.fromkeys(("eval", "evaluation", "holdout"), "validation"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
# Uninformative words, as in train_images, TrainingSet, test-data.
_PADDING = (
    "(?:sets?|data|datasets?|images?|imgs?|pictures|photos|splits?|part|folder|files|samples)"
)
_JUNK = frozenset({"__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found",
                   "system volume information", "__pycache__"})  # fmt: skip


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden or belongs to a tool: ``.ipynb_checkpoints``."""
    return name.startswith(".") or name.casefold() in _JUNK


@dataclass(frozen=True, slots=True)
class Parts:
    """Folders of a data set by purpose.

    Attributes
    ----------
    test, validation
        Empty if there is none.
    others
        Folders that are none of these.
    """

    train: str
    test: str
    validation: str
    others: tuple[str, ...] = ()


def find_parts(names: Sequence[str]) -> Parts | None:
    """Return which folders are the parts of a data set; None if they are classes.

    Parts are recognised by name in any spelling: ``Training``, ``test_images``, ``val2017``. A name
    such as ``train`` among other vehicles is a class.

    Raises
    ------
    UserError
        If two folders are the same part, or there is no training part.
    """
    groups: dict[str, dict[Part, list[str]]] = defaultdict(lambda: defaultdict(list))
    num_parts = 0
    for name in names:
        part, rest = _find_part(name)
        if part is not None:
            groups[rest][part].append(name)
            num_parts += 1
    complete = [group for group in groups.values() if "train" in group and len(group) > 1]
    if len(complete) > 1:
        every = [name for group in complete for same in group.values() for name in same]
        raise _unclear(f"{_listed(every)} are the parts of more than one data set.")
    if complete:
        (group,) = complete
    elif len(groups) == 1 and num_parts == len(names):
        (group,) = groups.values()
        if "train" not in group:
            raise _unclear(f"There is no training part beside {_listed(names)}.")
    else:
        return None
    # Among several spellings, the plain one wins.
    chosen = {part: [part] if part in same else same for part, same in group.items()}
    for same in chosen.values():
        if len(same) > 1:
            raise _unclear(f"{_listed(same)} are named as the same part of a data set.")
    train, test, validation = (chosen.get(part, [""])[0] for part in _PARTS)
    known = (train, test, validation)
    return Parts(train, test, validation, tuple(name for name in names if name not in known))


def are_parts(names: Iterable[str]) -> bool:
    """Return whether the names include one for training and one for another part."""
    found = {_find_part(name)[0] for name in names} - {None}
    return "train" in found and len(found) > 1


def _find_part(name: str) -> tuple[Part | None, str]:
    """Return the part that a folder is named after, and the rest of the name."""
    found, rest = [], []
    for word in re.findall(r"[^\W\d_]+", name.casefold()):
        bare = word if word in _WORDS else re.sub(f"^{_PADDING}|{_PADDING}$", "", word)
        if bare in _WORDS:
            found.append(_WORDS[bare])
        elif bare:
            rest.append(bare)
    # A name with two parts, such as “train and test”, is neither.
    return (found[0] if len(found) == 1 else None), " ".join(rest)


def _listed(names: Sequence[str]) -> str:
    return listed([shown(name) for name in names])


def _unclear(message: str) -> UserError:
    hint = "Choose a folder with “train” and “test” in it, or with one folder for each class."
    return UserError(message, hint, field="data.name")


def fixed_test_part(labels_N: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which images to use for testing if that is not specified: a fixed fifth of each class.

    This is at least one image of a class, but never its only one.
    """
    generator = numpy_stream(0, "folder", "test")
    is_test = np.zeros(len(labels_N), bool)
    for label in np.unique(labels_N):
        members = np.flatnonzero(labels_N == label)
        number = max(1, round(len(members) * _TEST_SHARE)) if len(members) > 1 else 0
        is_test[generator.permutation(members)[:number]] = True
    return is_test
