from retain.records import content_hash


def test_half_a_character_has_a_hash():
    assert content_hash("\ud83d") != content_hash("\ud83e")
    assert content_hash("\u65e5") == "85217f7aff778414"
