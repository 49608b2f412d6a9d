import errno

import pytest

from retain.errors import FaultError, UserError
from retain.folder import check_writable, whole_file, whole_folder, write_text
from retain.record_files import read_json, read_record, write_json
from retain.records import Gate
from retain.yaml_text import parse_yaml


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_replaced_whole(tmp_path):
    write_text(tmp_path / "new" / "a.txt", "one")
    write_text(tmp_path / "new" / "a.txt", "two")
    assert (tmp_path / "new" / "a.txt").read_text() == "two"
    assert names(tmp_path / "new") == ["a.txt"]


@pytest.mark.parametrize(
    ("fault", "told"), [(KeyboardInterrupt(), KeyboardInterrupt), (OSError(errno.EIO, "no"), FaultError)]
)
def test_after_an_error_the_old_file_stands_and_nothing_is_left_over(tmp_path, monkeypatch, fault, told):
    write_text(tmp_path / "a.txt", "one")

    def fail(*args):
        raise fault

    monkeypatch.setattr("retain.folder.os.replace", fail)
    with pytest.raises(told):
        write_text(tmp_path / "a.txt", "two")
    assert (tmp_path / "a.txt").read_text() == "one"
    assert names(tmp_path) == ["a.txt"]


def test_what_is_no_json_leaves_no_file(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert names(tmp_path) == []


def test_a_full_disk_is_said_in_words(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("retain.folder.os.fsync", full)
    with pytest.raises(UserError, match="The disk is full"):
        write_text(tmp_path / "a.txt", "one")
    assert names(tmp_path) == []


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    place = tmp_path / "model"
    with whole_folder(place) as making:
        (making / "old").write_text("1")
        assert not place.exists()
    with pytest.raises(KeyError), whole_folder(place) as making:
        (making / "new").write_text("2")
        raise KeyError
    assert names(place) == ["old"]
    with whole_folder(place) as making:
        (making / "new").write_text("2")
    assert names(place) == ["new"]
    assert names(tmp_path) == ["model"]


def test_others_may_read_what_a_library_wrote_for_its_owner_alone(tmp_path):
    def mode(path):
        return path.stat().st_mode & 0o777

    with whole_folder(tmp_path / "model") as making:
        (making / "weights").touch(mode=0o600)
        (making / "tool").touch(mode=0o700)
    with whole_file(tmp_path / "file") as making:
        making.touch(mode=0o600)
    assert mode(tmp_path / "model" / "weights") == 0o644 == mode(tmp_path / "file")
    assert mode(tmp_path / "model" / "tool") == 0o744


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
def test_a_file_that_cannot_be_read_is_said_in_words(tmp_path, monkeypatch, code):
    def fail(*args):
        raise OSError(code, "no")

    monkeypatch.setattr("retain.folder.Path.read_text", fail)
    with pytest.raises(UserError, match=r"record\.json could not be read: no"):
        read_record(tmp_path / "record.json", Gate)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOENT])
def test_a_folder_that_takes_no_file_is_refused_before_the_work(tmp_path, monkeypatch, code):
    check_writable(tmp_path / "new" / "file.json")
    assert list((tmp_path / "new").iterdir()) == []

    def refused(dir):
        raise OSError(code, "no", str(dir))

    monkeypatch.setattr("retain.folder.tempfile.TemporaryFile", refused)
    with pytest.raises(UserError, match="could not be written"):
        check_writable(tmp_path / "new" / "file.json")


def test_a_folder_in_the_place_of_a_file_is_said_in_words(tmp_path):
    with pytest.raises(UserError, match="could not be read: Is a directory"):
        read_record(tmp_path, Gate)


def test_json_nested_too_deeply_is_damaged(tmp_path):
    (tmp_path / "a.json").write_text("[" * 200_000)
    (tmp_path / "empty.json").touch()
    with pytest.raises(UserError, match=r"empty\.json is empty"):
        read_json(tmp_path / "empty.json")
    with pytest.raises(UserError, match=r"There is no file .*none\.json"):
        read_json(tmp_path / "none.json")
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(UserError, match="holds no keys with values"):
        read_json(tmp_path / "list.json")
    with pytest.raises(UserError, match="no whole JSON"):
        read_json(tmp_path / "a.json")


def test_on_and_no_are_words_and_true_is_a_truth():
    read = parse_yaml("{on: task, answer: no, off: Yes, kept: true, other: False, n: 1.0e-3}")
    assert read == {"on": "task", "answer": "no", "off": "Yes", "kept": True, "other": False, "n": 0.001}
