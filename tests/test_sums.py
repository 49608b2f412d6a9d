"""A file that does not hold what was written is told from one that does."""

import json
import random

import pytest

from retain.errors import DamagedError, UserError
from retain.folder import whole_folder
from retain.record_files import read_json, read_record, write_record, write_sealed
from retain.records import Record
from retain.sums import SUMS, check_sums, problem_of, sealed, unsealed, write_sums


class Note(Record):
    text: str = ""
    number: float = 0.0


class Empty(Record):
    """Nothing."""


def test_a_record_carries_its_hash_and_is_plain_json(tmp_path):
    path = tmp_path / "note.json"
    write_record(path, Note(text='é "quoted"\n}\n', number=float("nan")))
    found = read_record(path, Note)
    assert found.text == 'é "quoted"\n}\n' and found.number != found.number
    assert list(json.loads(path.read_text())) == ["text", "number", "sha256"]
    write_record(path, Empty())
    assert read_record(path, Empty) == Empty() and list(json.loads(path.read_text())) == ["sha256"]
    write_sealed(path, {"a": 1})
    assert read_json(path) == {"a": 1}


def test_every_bit_that_turns_and_every_cut_is_found(tmp_path):
    path = tmp_path / "note.json"
    write_record(path, Note(text="a b", number=0.25))
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            assert _read(path) in (None, Note(text="a b", number=0.25)), f"bit {bit} of byte {place}"
        path.write_bytes(whole[:place])
        assert _read(path) in (None, Note(text="a b", number=0.25)), f"cut at {place}"


def _read(path):
    try:
        return read_record(path, Note)
    except UserError:
        return None


def test_a_number_that_was_changed_by_hand_is_refused_and_the_way_out_named(tmp_path):
    path = tmp_path / "note.json"
    write_record(path, Note(number=0.25))
    path.write_text(path.read_text().replace("0.25", "0.75"))
    with pytest.raises(DamagedError, match="take that key out if you meant to change it"):
        read_record(path, Note)
    path.write_text('{"number": 0.75}')
    assert read_record(path, Note).number == 0.75


def test_what_is_no_json_of_ours_is_taken_as_it_is():
    assert unsealed('{"a": 1}') == '{"a": 1}' and unsealed("") == ""
    assert unsealed(sealed("{}")) == "{}"


def test_a_folders_sums_are_those_of_sha256sum(tmp_path):
    with whole_folder(tmp_path / "model", sums=True) as making:
        (making / "part").mkdir()
        (making / "part" / "b.bin").write_bytes(b"abc")
        (making / "a.txt").write_text("")
    folder = tmp_path / "model"
    assert (folder / SUMS).read_text() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.txt\n"
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  part/b.bin\n"
    )
    assert problem_of(folder) == ""
    (folder / "later.txt").write_text("added by a person")
    assert problem_of(folder) == ""


@pytest.mark.parametrize("name", ["weights.bin", SUMS])
def test_damage_to_a_folder_is_found_though_it_was_sound_before(tmp_path, name):
    rng = random.Random(0)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(rng.randbytes(5000))
    write_sums(folder)
    check_sums(folder, [folder])
    whole = (folder / name).read_bytes()
    for _ in range(40):
        place = rng.randrange(len(whole))
        (folder / name).write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        with pytest.raises(DamagedError, match=r"Remove .*model, and the same command makes it anew") as error:
            check_sums(folder, [folder])
        assert error.value.remove == (folder,)
    (folder / name).write_bytes(whole)
    check_sums(folder, [folder])


def test_a_missing_file_is_damage_and_missing_sums_are_an_older_folder(tmp_path):
    (tmp_path / "a").write_text("a")
    assert problem_of(tmp_path) == f"it has no {SUMS}"
    check_sums(tmp_path, [])
    write_sums(tmp_path)
    (tmp_path / "a").unlink()
    with pytest.raises(DamagedError, match="a is missing"):
        check_sums(tmp_path, [])
    with pytest.raises(DamagedError, match="nothing is missing"):
        check_sums(tmp_path / "nothing", [])
