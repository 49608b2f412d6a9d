"""What a base's own files say of its licence."""

import pytest

from retain.models.licence import about_base


def test_the_embedded_model():
    about = about_base("builtin:smollm2-135m")
    assert (about.licence, about.hub) == ("Apache-2.0", "HuggingFaceTB/SmolLM2-135M-Instruct")
    assert about_base("builtin:none").licence == ""


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: llama3.2\ntags: [a]\n---\n# x", "llama3.2"),
        ("# no front matter\nlicense: mit", ""),
        ("---\nlicense: [mit, other]\n---\n", ""),
        ("---\nlicense: [\n---\n", ""),
        ("---\n- a\n---\n", ""),
    ],
)
def test_a_folders_card(tmp_path, card, licence):
    (tmp_path / "README.md").write_text(card)
    for name in ("LICENSE", "NOTICE.txt", "LICENCE.md", "licensed.py", "USE_POLICY.md", "config.json"):
        (tmp_path / name).write_text(name)
    about = about_base(str(tmp_path))
    assert about.licence == licence
    assert [path.name for path in about.files] == ["LICENCE.md", "LICENSE", "NOTICE.txt", "USE_POLICY.md"]
    assert about.name == tmp_path.name, "never the whole path"


def test_hub_ids_and_others():
    assert about_base("org/some-model-1.5B").hub == "org/some-model-1.5B"
    assert about_base("no such/thing here").hub == ""
    assert about_base("gpt2").hub == ""


def test_a_damaged_gguf_file(tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"GGUF\0")
    assert about_base(str(tmp_path / "x.gguf")).licence == ""
