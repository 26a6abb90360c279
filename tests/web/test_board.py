"""The board page costs the same few queries however much runs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.rules import Role
from tests import make
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db


def test_the_board_asks_fifteen_times_at_most_however_many_trains_run(sign_in: SignIn) -> None:
    browser = sign_in(Role.RELEASE_MANAGER)
    make.window(name="Quiet", starts_at=make.NOW, ends_at=make.NOW + timedelta(minutes=5))
    counts = []
    for trains in (1, 2):  # two more the second time
        for _ in range(trains):
            train = make.train(f"Train {next(make.number)}")
            make.departure(train)
            departure = make.departure(train, departs_at=make.NOW + timedelta(days=1))
            make.change(departure=departure, state="aboard", boarded_at=make.NOW)
            make.departure(train, state="scheduled", departs_at=make.NOW + timedelta(days=30))
        browser.get("/")
        with CaptureQueriesContext(connection) as asked:
            assert browser.get("/").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 15
