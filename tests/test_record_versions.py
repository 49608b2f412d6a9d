"""A record's version: absent in folders of earlier times, and another one is said."""

import json

import pytest

from retain.errors import DamagedError, UserError
from retain.record_files import read_record, write_record
from retain.records import RunRecord
from retain.stages.measurements import Measurements
from tests.reporting.makers import make_record


def test_a_file_without_a_version_is_of_the_first(tmp_path):
    path = tmp_path / "record.json"
    write_record(path, make_record())
    values = json.loads(path.read_text())
    assert values["version"] == 1
    del values["version"]
    values.pop("sha256", None)
    path.write_text(json.dumps(values))
    assert read_record(path, RunRecord).version == 1


@pytest.mark.parametrize(("found", "told"), [(2, "a newer Retain"), (0, "an older Retain")])
def test_another_version_is_said_and_not_called_damaged(tmp_path, found, told):
    path = tmp_path / "measured.json"
    path.write_text(json.dumps({"version": found, "measurements": [], "other": 1}))
    with pytest.raises(UserError, match=f"its format is version {found}; this Retain .* reads version 1") as error:
        read_record(path, Measurements)
    assert told in str(error.value) and not isinstance(error.value, DamagedError)


def test_a_version_that_is_none_is_damage(tmp_path):
    path = tmp_path / "measured.json"
    path.write_text('{"version": "x", "measurements": []}')
    with pytest.raises(DamagedError, match="does not hold what Retain reads there"):
        read_record(path, Measurements)
