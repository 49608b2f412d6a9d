"""Cards show other people's text as text, and never a row of the data."""

import yaml

from retain.export_records import ExportedFile, ExportRecord, Sameness
from retain.models.licence import AboutBase
from retain.reporting.card import render_card

EVIL = "a|b\n---\nlicense: mine <script>alert(1)</script> `x`"


def record(**changes):
    values = {
        "title": EVIL, "form": "gguf", "type": "q8_0", "base": EVIL, "source": "0", "file": "x.gguf",
        "files": [ExportedFile(name="x.gguf", size=5, sha256="0")], "tensors": {"Q8_0": 3}, "notes": [EVIL],
        "same": Sameness(texts=1, positions=7, largest=0.123456, agreement=0.5),
    }  # fmt: skip
    return ExportRecord(**{**values, **changes})


def test_foreign_text_is_shown_and_not_obeyed():
    card = render_card(None, AboutBase(EVIL, "", EVIL), record())
    front, body = card.split("---\n", 2)[1:]
    assert "license" not in yaml.safe_load(front), "it is no licence's name"
    assert "<script>" not in body
    assert "\\<script\\>alert(1)" in body
    assert "\nlicense: mine" not in body


def test_what_a_base_is_called():
    values = yaml.safe_load(render_card(None, AboutBase("x", "org/x", "MIT"), record()).split("---\n")[1])
    assert values["base_model"] == "org/x"
    assert values["base_model_relation"] == "quantized"
    assert (values["license"], values["library_name"]) == ("mit", "gguf")
    values = yaml.safe_load(render_card(None, AboutBase("x"), record(form="adapter")).split("---\n")[1])
    assert values.keys() == {"library_name", "pipeline_tag", "tags"}
    assert values["library_name"] == "peft"


def test_nothing_measured_nothing_claimed():
    card = render_card(None, AboutBase("x"), record(same=None), measured=False)
    assert "Nothing: no comparison with its base is here." in card
    assert "logits" not in card
    assert "Verdict" not in card
    assert "table above" not in card
    assert "these files were written and not measured" in card


def test_sameness_in_words():
    card = render_card(None, AboutBase("x"), record())
    assert (
        "logits after 7 tokens differ by at most 0.123, and the most likely token is the same at 50.0% of them" in card
    )
    pairs = record(same=Sameness(texts=1, positions=7, largest=0.5, agreement=None))
    assert "scores of 7 pairs differ by at most 0.5" in render_card(None, AboutBase("x"), pairs)
