import yaml

from retain.reporting.facts import MOST_ROWS, as_text, as_yaml, blocks, table


def test_plain_values_mappings_and_tables_become_blocks_of_their_own():
    found = blocks(
        {
            "shape": "chat",
            "rows": {"train": 5, "by_source": {"a.jsonl": 3}},
            "refused": [{"line": 3, "reason": "x"}, {"line": 4}],
        }
    )
    assert [block.title for block in found] == ["", "rows", "refused"]
    assert found[0].facts == [("shape", "chat")]
    assert found[1].facts == [("train", "5"), ("by source a.jsonl", "3")]
    assert (found[2].columns, found[2].rows) == (["line", "reason"], [["3", "x"], ["4", ""]])


def test_empty_parts_leave_no_heading():
    assert blocks({"refused": [], "dropped": {}, "note": ""}) == []


def test_a_long_table_says_what_it_leaves_off():
    found = table([{"line": i} for i in range(MOST_ROWS + 12)])
    assert (len(found.rows), found.left_off) == (MOST_ROWS, 12)


def test_long_lists_say_how_many_more_there_are():
    assert as_text(list(range(MOST_ROWS + 5))).endswith("... and 5 more")
    assert as_text({"b_c": [1, 2], "d": None}) == "b c: 1, 2, d: none"


def test_the_recipe_reads_back_as_it_was_in_its_own_order(tmp_path):
    recipe = {
        "model": {"base": "x: y"},
        "data": ("a", "b"),
        "folder": tmp_path,
        "seed": 0,
        "rate": 2e-4,
        "none": None,
    }
    text = as_yaml(recipe)
    expected = {
        "model": {"base": "x: y"},
        "data": ["a", "b"],
        "folder": str(tmp_path),
        "seed": 0,
        "rate": 2e-4,
        "none": None,
    }
    assert yaml.safe_load(text) == expected
    assert text.index("model") < text.index("data") < text.index("seed")
