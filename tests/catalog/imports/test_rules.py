"""What is decided of an import without looking at file or database."""

import pytest

from catalog.imports.rules import rest


@pytest.mark.parametrize(
    ("worked", "share", "seconds"),
    [(0.3, 1.0, 0.0), (0.3, 0.5, 0.3), (0.2, 0.25, 0.6), (0.1, 0.05, 1.9), (0.0, 0.5, 0.0)],
)
def test_a_share_of_the_time_is_worked_and_the_rest_is_rest(
    worked: float, share: float, seconds: float
) -> None:
    assert rest(worked, share=share) == pytest.approx(seconds)
    assert worked == pytest.approx((worked + seconds) * share)
