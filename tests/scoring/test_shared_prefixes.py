import toys

from retain.scoring.shared_prefixes import WORTHWHILE_TOKENS, Group, group_by_prefix


def test_a_long_common_beginning_makes_one_group_longest_first():
    prompts = toys.prompts((3, 9, 5), prefix=[7] * 50)
    assert group_by_prefix(prompts) == [Group(50, [1, 2, 0])]


def test_subjects_are_grouped_apart_where_that_saves_more_than_their_common_system_prompt():
    system = [5] * 10
    one = toys.prompts((4,) * 4, prefix=[*system, *[6] * 100])
    two = toys.prompts((4,) * 3, prefix=[*system, *[7] * 90])
    assert group_by_prefix([*one, *two]) == [Group(110, [0, 1, 2, 3]), Group(100, [4, 5, 6])]


def test_a_short_subject_stays_with_the_system_prompt_of_all():
    system = [5] * 100
    prompts = [[*system, 6, 8], [*system, 6, 9], [*system, 7, 8], [*system, 7, 9]]
    assert group_by_prefix(prompts) == [Group(100, [0, 1, 2, 3])]


def test_what_saves_little_is_not_shared():
    short = WORTHWHILE_TOKENS // 2
    assert group_by_prefix(toys.prompts((4, 4, 4), prefix=[5] * short)) == [Group(0, [0, 1, 2])]


def test_empty_equal_and_nested_prompts():
    prompts = [[], [5] * 80, [5] * 80, [5] * 90, []]
    assert group_by_prefix(prompts) == [Group(80, [3, 1, 2]), Group(0, [0, 4])]


def test_thousands_of_nested_prompts_are_no_trouble():
    prompts = [[5] * length for length in range(1, 2001)]
    groups = group_by_prefix(prompts)
    assert sorted(i for group in groups for i in group.members) == list(range(2000))
