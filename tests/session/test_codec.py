from __future__ import annotations

import datetime
import json
import uuid

import pytest

from ft_dcc.errors import OperationError
from ft_dcc.session.codec import Moment, dumps

UTC = datetime.timezone.utc


def test_a_time_is_sent_with_its_zone_and_its_microseconds():
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    assert json.loads(dumps(moment)) == {"__type__": "datetime", "value": "2024-01-02T03:04:05.000678+00:00"}


def test_a_date_is_sent_as_a_time_too():
    assert json.loads(dumps(datetime.date(2024, 1, 2))) == {"__type__": "datetime", "value": "2024-01-02"}


@pytest.mark.parametrize("text", ["2022-10-10T10:12:09", "2022-10-10T10:12:09Z", "2022-10-10T12:12:09+02:00"])
def test_a_time_without_a_zone_means_utc(text):
    assert Moment(text).parsed() == datetime.datetime(2022, 10, 10, 10, 12, 9, tzinfo=UTC)


def test_a_date_is_read_as_midnight():
    assert Moment("2022-10-10").parsed() == datetime.datetime(2022, 10, 10, tzinfo=UTC)


def test_a_time_that_was_never_read_is_sent_as_it_came():
    assert Moment("2022-10-10T10:12:09").to_wire() == {"__type__": "datetime", "value": "2022-10-10T10:12:09"}


def test_ids_and_sets_are_sent_as_texts_and_lists():
    assert json.loads(dumps([uuid.UUID(int=1), {"x"}])) == ["00000000-0000-0000-0000-000000000001", ["x"]]


def test_what_has_no_form_in_json_is_named():
    with pytest.raises(OperationError, match="cannot be sent"):
        dumps({"name": object()})
