import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoml_site.errors import Invalid
from training.market_data.csv_file import parse_candles, read_candles

DAY = 86_400
NOW = datetime(2024, 1, 10, tzinfo=UTC)
PRICES = "timestamp,price,market_cap,total_volume\n"
OHLC = "timestamp,open,high,low,close,volume\n"
FIRST = "2024-01-01T00:00:00Z,10,12,9,11,5\n"


def parse(text, *, interval=DAY, now=NOW):
    return parse_candles(text, interval=interval, now=now)


def reasons(text, **options):
    return [str(note) for note in parse(text, **options).refused]


def test_a_price_row_is_the_close_of_the_day_before():
    (candle,) = parse(PRICES + "2024-01-02T00:00:00Z,42000.5,800,25\n").candles
    assert candle == (datetime(2024, 1, 1, tzinfo=UTC), None, None, None, 42000.5, 25.0, 800.0)


def test_an_ohlc_row_is_stamped_with_its_open():
    (candle,) = parse(OHLC + FIRST).candles
    assert candle == (datetime(2024, 1, 1, tzinfo=UTC), 10.0, 12.0, 9.0, 11.0, 5.0, None)


def test_zero_and_empty_amounts_are_absent():
    candles = parse(PRICES + "2024-01-02T00:00:00Z,1,0,0.0\n2024-01-03T00:00:00Z,1,,\n").candles
    assert [(candle.volume, candle.market_cap) for candle in candles] == [(None, None), (None, None)]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + OHLC + FIRST,
        (OHLC + FIRST).replace("\n", "\r\n"),
        OHLC + "\n" + FIRST + "  \n",
        OHLC.upper() + FIRST.replace("Z", "+00:00"),
        '"timestamp","open", "high","low","close","volume"\n"2024-01-01T00:00:00Z","10","12","9","11","5"\n',
    ],
    ids=["byte order mark", "windows line ends", "blank lines", "another spelling", "quotes"],
)
def test_the_habits_of_other_programs_change_nothing(text):
    assert parse(text) == parse(OHLC + FIRST)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2024-13-02T00:00:00Z,10,12,9,11,5", "not an ISO 8601 time"),
        ("2024-01-02T00:00:00,10,12,9,11,5", "names no zone"),
        ("2024-01-02T00:00:00+02:00,10,12,9,11,5", "not in UTC"),
        ("1969-12-31T00:00:00Z,10,12,9,11,5", "before 1970"),
        ("2024-01-02T06:00:00Z,10,12,9,11,5", "not on the grid"),
        ("2024-01-02T00:00:00.000001Z,10,12,9,11,5", "not on the grid"),
        ("2024-01-02T00:00:00Z,10,12,9,-11,5", "close is -11: a price is above zero"),
        ("2024-01-02T00:00:00Z,10,12,9,0,5", "close is 0: a price is above zero"),
        ("2024-01-02T00:00:00Z,10,12,9,,5", "close is absent"),
        ("2024-01-02T00:00:00Z,10,12,9,1e-320,5", "close is 1e-320: a price lies between 1e-18 and 1e+18"),
        ("2024-01-02T00:00:00Z,10,1e308,9,11,5", "high is 1e+308: a price lies between"),
        ("2024-01-02T00:00:00Z,10,12,9,nan,5", "close is not finite"),
        ("2024-01-02T00:00:00Z,10,1e999,9,11,5", "high is not finite"),
        ("2024-01-02T00:00:00Z,10,12,9,eleven,5", "close is not a number: 'eleven'"),
        ("2024-01-02T00:00:00Z,10,12,9,1_1,5", "close is not a number"),
        ("2024-01-02T00:00:00Z,10,12,9,11,-5", "volume is -5"),
        ("2024-01-02T00:00:00Z,10,8,9,11,5", "high 8.0 is below low 9.0"),
        ("2024-01-02T00:00:00Z,10,10.5,9,11,5", "do not bound"),
        ("2024-01-02T00:00:00Z,10,12,9,11", "5 fields instead of 6"),
        ("2024-01-02T00:00:00Z,10,12,9,11,5,6", "7 fields instead of 6"),
        ("2024-01-01T00:00:00Z,10,12,9,11,5", "repeats line 2"),
        ("2024-01-01T00:00:00Z,10,12,9,11,6", "contradicts line 2"),
        ("2023-12-31T00:00:00Z,10,12,9,11,5", "out of order: earlier than line 2"),
    ],
)
def test_a_bad_line_is_refused_by_number_and_reason(line, reason):
    found = parse(OHLC + FIRST + line + "\n2024-01-03T00:00:00Z,11,12,9,11,5\n")
    assert [note.line for note in found.refused] == [3]
    assert reason in found.refused[0].reason
    assert [candle.opened_at.day for candle in found.candles] == [1, 3]


@pytest.mark.parametrize(
    ("stamp", "unit"),
    [
        ("1760010800", "seconds"),
        ("1760010800.0", "seconds"),
        ("1760010800000", "milliseconds"),
        ("1.7600108e+12", "milliseconds"),
        ("1760010800000000", "microseconds"),
        ("1760010800000000000", "nanoseconds"),
    ],
)
def test_a_stamp_that_is_a_plain_number_is_told_as_what_it_looks_like(stamp, unit):
    assert reasons(f"{OHLC}{stamp},10,12,9,11,5\n") == [
        f"line 2: '{stamp}' is no ISO 8601 time but looks like {unit} since 1970: the column timestamp must be "
        "ISO 8601, so write 2025-10-09T11:53:20Z"
    ]


@pytest.mark.parametrize(
    ("stamp", "said"), [("20240102", "names no zone"), ("12", "not an ISO"), ("9" * 400, "not an ISO")]
)
def test_other_digits_are_read_as_iso_8601_has_them(stamp, said):
    assert said in reasons(f"{OHLC}{stamp},10,12,9,11,5\n")[0]


def test_a_line_that_is_cut_off_is_refused():
    assert "cut off" in reasons(OHLC + FIRST + "2024-01-02T00:00:00Z,10,1")[0]


def test_a_last_number_without_line_end_may_be_half_of_it():
    assert "cut off" in reasons(OHLC + FIRST + "2024-01-02T00:00:00Z,10,12,9,11,51")[0]


@pytest.mark.parametrize(
    ("header", "line"),
    [
        (OHLC, "2024-01-10T00:00:00Z,10,12,9,11,5"),
        (PRICES, "2024-01-10T10:08:26Z,11,,"),
        (PRICES, "2024-01-11T00:00:00Z,11,,"),
    ],
)
def test_a_candle_that_still_forms_is_left_out_and_no_failure(header, line):
    found = parse(header + line + "\n", now=NOW + timedelta(hours=12))
    assert (found.candles, found.refused, [note.line for note in found.not_closed]) == ([], [], [2])


def test_a_candle_is_closed_at_the_moment_it_ends():
    text = OHLC + "2024-01-09T00:00:00Z,10,12,9,11,5\n"
    assert len(parse(text, now=NOW).candles) == 1
    assert len(parse(text, now=NOW - timedelta(seconds=1)).candles) == 0


def test_a_future_stamp_before_closed_candles_is_wrong():
    found = parse(OHLC + "2099-01-01T00:00:00Z,10,12,9,11,5\n" + FIRST)
    assert ([note.line for note in found.refused], found.not_closed) == ([2], [])


def test_gaps_are_counted_between_neighbours():
    found = parse(OHLC + "".join(f"2024-01-0{day}T00:00:00Z,10,12,9,11,5\n" for day in (1, 2, 5, 7)))
    assert [(gap.first_missing.day, gap.candles) for gap in found.gaps] == [(3, 2), (6, 1)]


def test_a_daily_file_is_not_taken_for_an_hourly_one():
    days = "".join(f"2024-01-0{day}T00:00:00Z,10,12,9,11,5\n" for day in (1, 2, 3))
    with pytest.raises(Invalid, match="86400 s apart") as refusal:
        parse(OHLC + days, interval=3600)
    assert refusal.value.code == "wrong_interval"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "found no header"),
        (b"date,close\n", "found the header 'date,close'"),
        (OHLC.encode(), "no rows"),
        (b"PK\x03\x04\x00\x00", "binary"),
        ("timestamp".encode("utf-16"), "not UTF-8"),
    ],
    ids=["empty", "another header", "header alone", "binary", "another encoding"],
)
def test_a_file_of_another_kind_is_refused_as_a_whole(tmp_path, content, found):
    (tmp_path / "candles.csv").write_bytes(content)
    with pytest.raises(Invalid, match=found) as refusal:
        read_candles(tmp_path / "candles.csv", interval=DAY, now=NOW)
    assert "expected a UTF-8 CSV file with the header 'timestamp,price" in str(refusal.value)


def test_what_is_no_file_is_said(tmp_path):
    with pytest.raises(Invalid, match="is not a file"):
        read_candles(tmp_path, interval=DAY, now=NOW)


def test_an_open_text_is_read_like_a_path(tmp_path):
    (tmp_path / "candles.csv").write_text(OHLC + FIRST)
    read = [
        read_candles(source, interval=DAY, now=NOW) for source in (tmp_path / "candles.csv", io.StringIO(OHLC + FIRST))
    ]
    assert read[0] == read[1]


@given(st.text(), st.sampled_from(["", PRICES, OHLC, OHLC + FIRST]))
def test_any_text_gives_a_report_or_invalid(text, header):
    try:
        found = parse(header + text)
    except Invalid:
        return
    assert found.rows == len(found.candles) + len(found.refused) + len(found.not_closed)


DATES = ["2024-01-0", "2T00:00:00", "Z", "9999-12-31", "0001-01-01T00:00Z"]
JUNK = st.sampled_from([*DATES, ",", "\n", "\r", '"', "1", "-", ".", "e9"])


@given(st.lists(JUNK, max_size=60).map("".join), st.sampled_from([PRICES, OHLC]), st.sampled_from([60, DAY]))
def test_near_misses_give_a_report_or_invalid(text, header, interval):
    try:
        found = parse(header + text, interval=interval)
    except Invalid:
        return
    opened = [candle.opened_at for candle in found.candles]
    assert opened == sorted(set(opened))


prices = st.floats(min_value=1e-18, max_value=1e18)


@given(st.lists(st.tuples(prices, st.none() | prices), min_size=1, max_size=8))
def test_what_is_written_is_read_again(rows):
    stamps = [NOW - timedelta(days=days) for days in range(len(rows), 0, -1)]
    lines = [
        f"{stamp.isoformat()},{close!r},,{volume or 0.0!r}\n"
        for stamp, (close, volume) in zip(stamps, rows, strict=True)
    ]
    found = parse(PRICES + "".join(lines))
    assert [(candle.close, candle.volume) for candle in found.candles] == rows
    assert [candle.opened_at + timedelta(days=1) for candle in found.candles] == stamps
