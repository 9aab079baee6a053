"""The bench of equal nights: that it judges as the product does, in small."""

from infra.bench.nights_of_equals import QUICK, Month, equal_series, table_of


def test_equal_versions_stay_quiet_and_a_lost_fifth_is_found_at_once() -> None:
    assert equal_series(100, QUICK) == {"alarm": 0.0, "promotion": 0.0}
    month = Month(100, seed=1, resamples=QUICK.resamples)
    month.night(month.new())
    assert month.night(month.new(worse=0.3))
    assert month.promotions == 0


def test_a_better_version_is_promoted_and_measured_again_before_others_are_held_to_it() -> None:
    month = Month(200, seed=1, resamples=QUICK.resamples)
    month.night(month.new(worse=-0.25))
    assert month.promotions == 1
    assert month.measured == 1
    month.night(month.new(worse=-0.25))
    assert month.measured == 2


def test_the_table_has_a_row_a_loss_and_a_column_a_benchmark() -> None:
    rows = [
        {"before": 1, "points": 10, "questions": count, "nights": [50.0, 70.0]}
        for count in (200, 100)
    ]
    assert table_of(rows).splitlines() == [
        "| equal nights before | points lost | 100 | 200 questions |",
        "| --: | --: | --: | --: |",
        "| 1 | 10 | 60 % | 60 % |",
    ]
