"""Files that stand for nothing: refused, whatever they hold."""

import pytest

from retain.commands.sides import adapter_notes, kind_of, read_side
from retain.errors import UserError

DEEP = "[" * 200_000


def test_json_nested_too_deeply_is_no_file_of_measurements(tmp_path):
    file = tmp_path / "deep.json"
    file.write_text(DEEP)
    assert kind_of(str(file)) == "file"
    with pytest.raises(UserError, match=r"deep\.json is no whole JSON"):
        read_side(str(file), "file")


def test_an_adapters_config_nested_too_deeply_is_damaged(tmp_path):
    (tmp_path / "adapter_config.json").write_text(DEEP)
    with pytest.raises(UserError, match="is damaged"):
        adapter_notes("base", str(tmp_path))
