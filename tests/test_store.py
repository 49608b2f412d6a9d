"""What is kept is given back as it was, or not at all."""

from __future__ import annotations

import json
import multiprocessing
import os

import pytest

from retain.records import Record
from retain.store import Store, store_folder, store_size


class Note(Record):
    text: str
    number: float = 0.0


class Other(Record):
    words: int


@pytest.fixture
def store():
    return Store("notes")


def test_what_was_written_is_read_and_what_was_not_is_missing(store):
    store.write("k1", Note(text="é\n\x00", number=float("nan")))
    found = store.read("k1", Note)
    assert found is not None and found.text == "é\n\x00" and found.number != found.number
    assert store.read("k2", Note) is None
    store.write_bytes("k3", bytes(range(256)) * 3)
    assert store.read_bytes("k3") == bytes(range(256)) * 3
    assert store_size() == (2, sum(path.stat().st_size for path in store.folder.iterdir()))
    assert store.folder == store_folder() / "notes"


def damage(path, how):
    content = path.read_bytes()
    if how == "torn":
        path.write_bytes(content[:-3])
    elif how == "flipped":
        path.write_bytes(content[:-4] + bytes([content[-4] ^ 1]) + content[-3:])
    elif how == "longer":
        path.write_bytes(content + b" ")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "foreign":
        path.write_text(json.dumps({"text": "mine"}))
    elif how == "foreign line":
        path.write_bytes(b"\xff\xfe\n" + content)
    else:  # the file of another key under this one's name
        Store("notes").write("other", Note(text="b"))
        os.replace(path.with_name("other"), path)


@pytest.mark.parametrize("how", ["torn", "flipped", "longer", "empty", "foreign", "foreign line", "other key"])
def test_a_file_that_is_not_what_its_name_promises_is_set_aside_and_that_is_said(store, caplog, how):
    store.write("k1", Note(text="a" * 50))
    damage(store.folder / "k1", how)
    assert store.read("k1", Note) is None
    assert "its content is made anew" in caplog.text and str(store.folder / "k1") in caplog.text
    assert not (store.folder / "k1").exists() and (store.folder / "damaged" / "k1").exists()
    store.write("k1", Note(text="again"))
    assert store.read("k1", Note) == Note(text="again")


def test_a_sound_file_of_another_kind_is_no_answer(store, caplog):
    store.write("k1", Other(words=3))
    assert store.read("k1", Note) is None
    assert "it is no Note" in caplog.text


def test_a_file_of_another_store_is_no_answer(store):
    Store("letters").write("k1", Note(text="a"))
    store.folder.mkdir(parents=True)
    os.replace(store_folder() / "letters" / "k1", store.folder / "k1")
    assert store.read("k1", Note) is None


@pytest.mark.skipif(os.name == "nt", reason="a folder of no rights")
def test_a_place_that_cannot_be_written_costs_the_entry_and_not_the_work(store, caplog, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    blocked = Store("notes", tmp_path / "file")
    blocked.write("k1", Note(text="a"))
    assert "not kept for later" in caplog.text
    assert blocked.read("k1", Note) is None


def _write_often(place, text):
    store = Store("notes", place)
    for _ in range(60):
        store.write("k1", Note(text=text))
        found = store.read("k1", Note)
        assert found is not None and len(set(found.text)) == 1, "never half of one and half of the other"


def test_two_processes_share_a_store(tmp_path, caplog):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_write_often, args=(tmp_path, letter * 9000)) for letter in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert not list(tmp_path.rglob("*.tmp")) and not list(tmp_path.rglob("damaged"))
