from retain.reporting.measured import ways

from .makers import make_measurement, make_record


def test_settings_that_differ_between_the_models_are_named():
    record = make_record(
        before=[make_measurement(settings={"max_tokens": 32, "precision": "bf16"})],
        after=[make_measurement(settings={"max_tokens": 32, "precision": "4bit"})],
    )
    assert ways(record)[0].alike == "no: precision"
    assert ways(make_record())[0].alike == "yes"


def test_a_probe_that_one_model_lacks_is_named():
    record = make_record(before=[make_measurement("a")], after=[make_measurement("b")])
    assert [way.alike for way in ways(record)] == [
        "only the base was measured",
        "only the tuned model was measured",
    ]


def test_reasons_for_leaving_items_out_are_counted_once_per_item():
    left_out = {"x": "too long", "y": "too long", "z": "no answer"}
    record = make_record(before=[make_measurement(left_out=left_out)], after=[make_measurement(left_out=left_out)])
    assert ways(record)[0].left_out == "2 too long; 1 no answer"
