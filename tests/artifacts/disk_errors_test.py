# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A disk that is full or closed is one line for the user, and other errors are left alone."""

import errno

import pytest
import tensorflow as tf

from realm_tf import artifacts, types


def _tf(error, message):
    return error(None, None, message)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x"), "No space left on device: /x. F"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "Disk quota exceeded. Free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "Permission denied: /x. Give"),
        (OSError(errno.EFBIG, "File too large", "/x"), "File too large: /x. Free some space"),
        (_tf(tf.errors.ResourceExhaustedError, "/x; No space left on device"), "/x; No space left"),
        (
            _tf(
                tf.errors.ResourceExhaustedError,
                "{{function_node __wrapped__SaveV2_device_/job:localhost/CPU:0}} /x; No space"
                " left on device [Op:SaveV2]",
            ),
            "/x; No space left on device. Free some space, and",
        ),
        (_tf(tf.errors.UnknownError, "/x; File too large"), "/x; File too large. Free some"),
        (_tf(tf.errors.PermissionDeniedError, "/x; Read-only\n"), "/x; Read-only. Give"),
    ],
)
def test_a_full_or_closed_disk_is_one_line(error, message):
    with pytest.raises(types.UserError) as raised, artifacts.storage_errors():
        raise error
    assert str(raised.value).startswith(message)
    assert str(raised.value).endswith("it goes on where it stopped.")


def test_other_errors_of_storage_stay_what_they_are():
    with pytest.raises(FileNotFoundError), artifacts.storage_errors():
        raise FileNotFoundError(errno.ENOENT, "No such file")
    out_of_memory = _tf(tf.errors.ResourceExhaustedError, "OOM when allocating a tensor")
    with pytest.raises(tf.errors.ResourceExhaustedError), artifacts.storage_errors():
        raise out_of_memory


def test_a_directory_is_made(tmp_path):
    artifacts.make_directory(str(tmp_path / "a" / "b"))
    artifacts.make_directory(str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("name", ["file", "file/below", "/proc/nothing/here"])
def test_a_directory_that_cannot_be_made(tmp_path, name):
    (tmp_path / "file").write_text("x")
    path = str(tmp_path / name)
    with pytest.raises(types.UserError, match=path) as raised:
        artifacts.make_directory(path)
    assert "\n" not in str(raised.value)
