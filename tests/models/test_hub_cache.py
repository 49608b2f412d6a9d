"""What is known of a Hub model from the files that were downloaded before."""

import shutil

import pytest
from huggingface_hub import constants

from retain.models.hub_cache import cached_folder
from retain.models.licence import about_base
from retain.models.size import weights_of


@pytest.fixture
def cached(tmp_path, monkeypatch, toy_folder):
    """A hub cache with the toy as org/plain, under a name that says no size."""
    place = tmp_path / "models--org--plain"
    folder = place / "snapshots" / "abc"
    shutil.copytree(toy_folder, folder)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return folder


def test_the_folder_is_found_and_another_models_is_not(cached):
    assert cached_folder("org/plain") == cached
    assert cached_folder("org/other") is None and cached_folder("no such/thing here") is None


def test_its_licence_texts_and_its_card_are_found(cached):
    (cached / "LICENSE").write_text("Use it well.")
    (cached / "README.md").write_text("---\nlicense: mit\n---\n")
    about = about_base("org/plain")
    assert (about.name, about.hub, about.licence) == ("org/plain", "org/plain", "mit")
    assert about.files == [cached / "LICENSE"]
    assert about_base("org/other").files == []


def test_its_weights_are_counted_where_its_name_says_nothing(cached, toy):
    assert weights_of("org/plain") == sum(one.numel() for one in toy.module.parameters())
    assert weights_of("org/other") is None
