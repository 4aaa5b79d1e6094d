from __future__ import annotations

import datetime
import json
import uuid

import pytest

from ft_dcc.errors import OperationError
from ft_dcc.session.transport import codec
from ft_dcc.session.transport.codec import LazyDateTime, dumps

UTC = datetime.timezone.utc


def test_time_is_sent_with_zone_and_microseconds():
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    assert json.loads(dumps(moment)) == {"__type__": "datetime", "value": "2024-01-02T03:04:05.000678+00:00"}


def test_date_is_sent_as_a_time():
    assert json.loads(dumps(datetime.date(2024, 1, 2))) == {"__type__": "datetime", "value": "2024-01-02"}


@pytest.mark.parametrize("text", ["2022-10-10T10:12:09", "2022-10-10T10:12:09Z", "2022-10-10T12:12:09+02:00"])
def test_time_without_zone_is_utc(text):
    assert LazyDateTime(text).parsed() == datetime.datetime(2022, 10, 10, 10, 12, 9, tzinfo=UTC)


def test_date_is_read_as_midnight():
    assert LazyDateTime("2022-10-10").parsed() == datetime.datetime(2022, 10, 10, tzinfo=UTC)


def test_unread_time_is_sent_unchanged():
    assert LazyDateTime("2022-10-10T10:12:09").to_wire() == {"__type__": "datetime", "value": "2022-10-10T10:12:09"}


def test_ids_and_sets_are_sent_as_texts_and_lists():
    assert json.loads(dumps([uuid.UUID(int=1), {"x"}])) == ["00000000-0000-0000-0000-000000000001", ["x"]]


def test_value_without_json_form_is_named():
    with pytest.raises(OperationError, match="cannot be sent"):
        dumps({"name": object()})


def test_a_time_without_arrow_names_the_extra_of_missing_methods(monkeypatch):
    monkeypatch.setattr(codec, "_arrow", lambda: None)
    time = codec.LazyDateTime("2026-05-01T10:00:00").parsed()
    assert time == datetime.datetime(2026, 5, 1, 10, tzinfo=UTC)
    for name in ("humanize", "format", "shift", "to", "floor"):
        with pytest.raises(AttributeError, match=rf"'{name}' without the package arrow.*ft-dcc\[compat\]"):
            getattr(time, name)
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = time.no_such_name


def test_a_time_is_an_arrow_object_if_arrow_is_installed():
    arrow = pytest.importorskip("arrow")
    time = codec.LazyDateTime("2026-05-01T10:00:00").parsed()
    assert isinstance(time, arrow.Arrow)
    assert time.shift(days=1).floor("day").format("YYYY-MM-DD") == "2026-05-02"
    assert codec.to_wire(time) == {"__type__": "datetime", "value": "2026-05-01T10:00:00+00:00"}
    assert codec.to_datetime(time) == datetime.datetime(2026, 5, 1, 10, tzinfo=UTC)
