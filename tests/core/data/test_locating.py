"""A data set is found above, below or beside the folder that the user names."""

from __future__ import annotations

import pytest

from snip_gui.core.data.download.locating import locate


@pytest.mark.parametrize("inside", ["MNIST/raw", "cifar-10-batches-py"])
@pytest.mark.parametrize("named", [".", "MNIST", "MNIST/raw", "other", "..", "cifar-10-batches-py"])
def test_a_data_set_is_found_near_the_folder(tmp_path, inside, named):
    data = tmp_path / "home" / "data"
    (data / inside).mkdir(parents=True)
    folder = data / named
    if named != "..":
        folder.mkdir(parents=True, exist_ok=True)
    assert locate(folder, inside).resolve() == data


def test_a_folder_without_a_data_set_stays_the_one_to_complain_about(tmp_path):
    (tmp_path / "a" / "MNIST").mkdir(parents=True)
    folder = tmp_path / "a"
    assert locate(folder, "MNIST/raw") == folder
    assert locate(folder / "missing", "MNIST/raw") == folder / "missing"
