"""Many problems that are one."""

from tasks.importing.findings import FEWEST_REPEATED, Findings


def test_a_long_table_is_one_problem_and_a_few_repeated_lines_are_each():
    long, twice = Findings("long.csv"), Findings("twice.csv")
    for number in range(10 * FEWEST_REPEATED):
        long.name_row(number + 2, f"ACH-{number % 10:06d}")
        twice.name_row(number + 2, f"ACH-{min(number, 10 * FEWEST_REPEATED - 3):06d}")
    (problem,) = long.lines()
    assert problem.startswith(
        "long.csv: 190 rows name a cell line again that has a row already: a long table?"
    )
    assert [line.split(";")[0] for line in twice.lines()] == [
        "twice.csv: row 200: duplicate cell line 'ACH-000197', already in row 199",
        "twice.csv: row 201: duplicate cell line 'ACH-000197', already in row 199",
    ]
