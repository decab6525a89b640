"""Tables as people have them: the right numbers, or one line that names the option."""

import datetime
import gzip
import re

import numpy as np
import pandas as pd
import pytest

from keraseq import data
from keraseq.data import tables
from keraseq.data.timeseries.times import times

DAYS = pd.date_range("2024-01-01", periods=40)


def written(values, sep=";", date="%d.%m.%Y", head="date{}y", end="\n"):
    rows = [f"{day.strftime(date)}{sep}{value}" for day, value in zip(DAYS, values, strict=False)]
    return end.join([head.format(sep), *rows, ""])


def german(value):
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


VALUES = [1234.56 + 500 * i for i in range(40)]
FILES = {  # how it is written: bytes, ending, options
    "german": (written(map(german, VALUES)).encode(), "csv", {}),
    "german with a mark": (written(map(german, VALUES)).encode("utf-8-sig"), "csv", {}),
    "utf-16 with tabs": (written(map(german, VALUES), "\t").encode("utf-16"), "txt", {}),
    "crlf": (written(map(german, VALUES), end="\r\n").encode(), "csv", {}),
    "excel says so": (("sep=;\n" + written(map(german, VALUES))).encode(), "csv", {}),
    "swedish": (
        written((f"{v:,.2f}".replace(",", "\u00a0").replace(".", ",") for v in VALUES),
                date="%Y-%m-%d").encode(), "csv", {}),
    "french": (
        written((f"{v:,.2f}".replace(",", "\u202f").replace(".", ",") for v in VALUES),
                date="%d/%m/%Y").encode(), "csv", {}),
    "american": (
        written((f'"{v:,.2f}"' for v in VALUES), ",", "%m/%d/%Y").encode(), "csv", {}),
    "american, two digits, pm": (
        written((f"{v:.2f}" for v in VALUES), ",", "%m/%d/%y 12:00 AM").encode(), "csv", {}),
    "months by name": (written((f"{v:.2f}" for v in VALUES), ",", "%d-%b-%Y").encode(), "csv", {}),
    "eight digits": (written((f"{v:.2f}" for v in VALUES), ",", "%Y%m%d").encode(), "csv", {}),
    "tabs": (written((f"{v:.2f}" for v in VALUES), "\t").encode(), "tsv", {}),
    "bars": (written((f"{v:.2f}" for v in VALUES), "|").encode(), "txt", {}),
    "packed": (gzip.compress(written(map(german, VALUES)).encode()), "csv.gz", {}),
    "packed text": (gzip.compress(written(map(german, VALUES)).encode()), "txt.gz", {}),
    "blanks": (written((f"{v:.2f}" for v in VALUES), "  ").encode(), "txt", {"sep": "space"}),
    "cp1252": (
        written(map(german, VALUES), head="date{}größe").encode("cp1252"), "csv",
        {"encoding": "cp1252"}),
    "no header": (
        "\n".join(written(map(german, VALUES)).split("\n")[1:]).encode(), "csv",
        {"header": "no", "sep": ";"}),
    "another name": (
        written(map(german, VALUES), head="Tag{}Umsatz").encode(), "csv", {}),
    "trailing separators": (
        written(german(v) + ";;" for v in VALUES).encode(), "csv", {}),
}  # fmt: skip


MONTHS = pd.date_range("2020-01-01", periods=36, freq="MS")
NAMES = {
    "German": "Jan. Feb. Mrz Apr. Mai Juni Juli Aug. Sep. Okt. Nov. Dez.",
    "German, whole": "Januar Februar März April Mai Juni Juli August September Oktober November "
    "Dezember",
    "Swedish": "jan feb mar apr maj jun jul aug sep okt nov dec",
    "French": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "Spanish": "ene feb mar abr may jun jul ago sep oct nov dic",
    "Italian": "gen feb mar apr mag giu lug ago set ott nov dic",
    "Portuguese": "jan fev mar abr mai jun jul ago set out nov dez",
    "Dutch": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "English": "Jan Feb Mar Apr May June July Aug Sept Oct Nov Dec",
}


@pytest.mark.parametrize("language", NAMES)
def test_names_of_months(language):
    words = NAMES[language].split()
    for form in ("{m} {y}", "{y} {m}", "{d}. {m} {y}", "{d}-{m}-{y}", "{d} de {m} de {y}",
                 "{m} {d}, {y}", "{d} {m} {s}", "{d} {m} {y} 00:00"):  # fmt: skip
        column = pd.Series(
            [form.format(m=words[at.month - 1].upper(), y=at.year, d=at.day, s=at.year % 100)
             for at in MONTHS], name="date")  # fmt: skip
        assert list(times(column)[0]) == list(MONTHS), form
    short = pd.Series([f"{words[at.month - 1]}-{at.year % 100}" for at in MONTHS], name="date")
    with pytest.raises(ValueError, match="give date_format, such as date_format='%b-%y'"):
        times(short)  # 20 may be a day or a year
    assert list(times(short, "%b-%y")[0]) == list(MONTHS)


def test_other_words_in_times_are_refused():
    for cell, said in (
        ("mar. 02/01/2024", "'mar. 02/01/2024' in row 0"),  # Tuesday in French and Italian
        ("5 sty 2024", "'sty' is the name of no month that is known: write dates in numbers"),
        ("Mon 01 Jan 2024", "give date_format, such as date_format='%a %d %b %Y'"),
        ("45292.5", "give date_format, such as date_format='excel'"),
        ("2024M13", "is no time that is known"),
    ):
        with pytest.raises(ValueError, match=re.escape(said)):
            times(pd.Series([cell] * 3, name="date"))
    with pytest.raises(ValueError, match=r"'Total' in row 2, column 'date', .* delete the row if"):
        times(pd.Series(["1 May 2024", "2 May 2024", "Total"], name="date"))
    days = times(pd.Series(["Mon 01 Jan 2024", "Tue 02 Jan 2024"], name="date"), "%a %d %b %Y")[0]
    assert list(days) == list(DAYS[:2])


def test_times_of_spreadsheets_and_statistical_offices():
    serial = pd.Series([str(45292 + i) for i in range(40)], name="date")
    with pytest.raises(ValueError, match=r"a day as a spreadsheet counts it; give .*'excel'"):
        times(serial)
    assert list(times(serial, "excel")[0]) == list(DAYS)
    hours = times(pd.Series(45292 + np.arange(48) / 24, name="date"), "excel")[0]
    assert list(hours) == list(pd.date_range("2024-01-01", periods=48, freq="h"))
    weeks = pd.date_range("2024-01-01", periods=60, freq="W-MON")
    quarters = pd.date_range("2020-01-01", periods=12, freq="QS")
    for written_ones, starts in (
        ([f"{y}-W{w:02}" for y, w, _ in (one.isocalendar() for one in weeks)], weeks),
        ([f"Q{one.quarter} {one.year}" for one in quarters], quarters),
        ([f"{one.year}:Q{one.quarter}" for one in quarters], quarters),
        ([f"{one.year}M{one.month:02}" for one in MONTHS], MONTHS),
    ):
        assert list(times(pd.Series(written_ones, name="t"))[0]) == list(starts)


def prices(*lines):
    return "".join(f"{line}\n" for line in lines) + "".join(
        f"{day:%Y-%m-%d},{100 + i},{200 + i},{300 + i}\n" for i, day in enumerate(DAYS)
    )


def test_names_in_several_lines():
    joined = ("Close AAA", "Close BBB", "High AAA")
    for lines in (
        ("Price,Close,Close,High", "Ticker,AAA,BBB,AAA", "Date,,,"),
        (",Close,Close,High", ",AAA,BBB,AAA"),
        ("Price,Close,Close,High", "Ticker,AAA,BBB,AAA"),
    ):
        found = data.series(prices(*lines).encode())
        assert found.targets == joined and found.freq == "D"
        assert found.frames["series"].iloc[0].tolist() == [100, 200, 300]
    one = data.series(prices("Price,Close,High,Low", "Ticker,A,A,A", "Date,,,").encode())
    assert one.targets == ("Close A", "High A", "Low A")
    three = ("a,x,x,y", "b,u,v,u", "c,k,k,k", "Date,,,")
    assert data.series(prices(*three).encode()).targets == ("x u k", "x v k", "y u k")
    for lines in (("date,y,z,w", ",kg,m,s"), ("date,y,z,w", "-,[kg],[m],[s]")):
        with pytest.raises(ValueError, match=r"line 2 .* holds no data, the lines below hold num"):
            data.series(prices(*lines).encode())
    with pytest.raises(ValueError, match=r"line 3 \(date,y,z,w\) holds the names.*delete the"):
        data.series(prices("Station 7", "", "date,y,z,w").encode())
    twice = prices("date,y,z,w") + prices("date,y,z,w")
    with pytest.raises(ValueError, match=r"line 42 repeats line 1 .* if tables were joined delete"):
        data.series(twice.encode())


REVIEWS = [
    "".join(f"I {'loved' if good else 'hated'} film {i}\t{labels[good]}\n"
            for i in range(30) for good in (i % 2,))
    for labels in (("neg", "pos"), ("0", "1"))
]  # fmt: skip
LONG_TEXTS = "".join(
    f"This film is about nothing that I could name and yet I saw its end {i}\t{i}.5\n"
    for i in range(30)
)


@pytest.mark.parametrize("text", [*REVIEWS, LONG_TEXTS], ids=["words", "numbers", "long"])
def test_texts_without_a_header_are_found_out(text):
    with pytest.raises(ValueError, match=r"line 1 .* may be data .*header='no' \(in a sh"):
        tables.read(text.encode())
    assert len(tables.read(text.encode(), header="no").frame) == 30
    assert len(tables.read(text.encode(), header="yes").frame) == 29
    assert len(tables.read(b"text\tlabel\n" + text.encode()).frame) == 30


def test_names_that_stand_below_by_chance_are_names():
    words = "token\ttag\n" + "".join(f"w{i}\tO\n" for i in range(99)) + "token\tO\n"
    assert list(tables.read(words.encode()).frame) == ["token", "tag"]
    wide = "label,0,1,2\n" + "".join(f"a,{i % 2},{i % 3},2\n" for i in range(20))
    assert list(tables.read(wide.encode()).frame) == ["label", "0", "1", "2"]


def test_rows_that_are_too_short_or_too_long():
    body = [f"{day:%Y-%m-%d};{i}" for i, day in enumerate(DAYS)]
    for head, rows in (
        ("date;y;", body), ("date;y;;", [row + ";" for row in body]),
        ("date;y", [row + ";;" for row in body]), ("date;y;", [row + ";" for row in body]),
    ):  # fmt: skip
        found = data.series("\n".join([head, *rows]).encode())
        assert found.targets == ("y",) and found.frames["series"]["y"].tolist() == [*range(40)]
    for rows, said in (
        ([*body, "Source: me"], "line 42 has 1 cell, too few: line 1 (date, y) has 2, with sep=';'"
         ": end it with ';' if its last cells are empty, delete it if it is no row"),
        ([*body, "2024-02-10;1;5"], "line 42 has 3 cells, too many: line 1 (date, y) has 2, with "
         "sep=';': quote what holds ';'"),
        ([f"{i};{row}" for i, row in enumerate(body, 1)],
         "all lines have 3 cells, line 1 (date, y) alone has 2, with sep=';': give the first"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=re.escape(said)):
            data.series("\n".join(["date;y", *rows]).encode())


def test_numbers_with_signs_and_marks_of_offices():
    for cell, said in (("0.5%", "0.5"), ("$1,100.50", "1100.5"), ("1.100,50 €", "1100.5"),
                       ("(1,100.50)", "-1100.5"), ("12.5-", "-12.5")):  # fmt: skip
        with pytest.raises(ValueError, match=f"write it as a number alone, such as {said}$"):
            tables.numbers(pd.Series([cell], name="y"))
    with pytest.raises(ValueError, match=r"'1.5K' in row 0, column 'y', is no number$"):
        tables.numbers(pd.Series(["1.5K"], name="y"))  # it is not 1.5
    assert tables.numbers(pd.Series([".", ":", "#DIV/0!", ".5"], name="y")).tolist()[3] == 0.5
    months = ",".join(f"{at:%b}" for at in MONTHS[:12])
    years = "".join(f"{1990 + i},{','.join(map(str, range(12)))}\n" for i in range(30))
    with pytest.raises(ValueError, match="'Jan' to 'Dec' are the months of a year"):
        data.series(f"Year,{months}\n{years}".encode())


def test_numbers_that_might_be_months_are_numbers(tmp_path):
    """As those of statsmodels' macrodata; and a table as scikit-learn writes it."""
    path = tmp_path / "macro.csv"
    rows = [f"{1959 + i // 4},{i % 4 + 1},{1707.1 + i},{2000 + i}" for i in range(40)]
    path.write_text("year,quarter,consumption,income\n" + "\n".join(rows))
    with pytest.raises(ValueError, match=r"'year', 'quarter' are times together.*--time year,quar"):
        data.series(path, targets="income")
    series = data.series(path, targets="income", time=["year", "quarter"])
    assert (series.freq, series.season) == ("QS-JAN", 4)
    path.write_text("3,4,setosa,versicolor\n" + "5.1,3.5,1.4,0.2,0\n" * 3)
    with pytest.raises(
        ValueError, match=r"line 2 has 5 cells, too many: line 1 .* has 4, with sep=','"
    ):
        data.series(path)


@pytest.mark.parametrize("how", FILES)
def test_files_of_spreadsheets(tmp_path, how):
    raw, ending, options = FILES[how]
    path = tmp_path / f"sales.{ending}"
    path.write_bytes(raw)
    [(name, frame)] = data.series(path, **options).frames.items()
    assert name == "sales" and list(frame.index) == list(DAYS)
    np.testing.assert_allclose(frame.iloc[:, 0], VALUES, rtol=1e-12)


ISO = "%Y-%m-%d"
REFUSED = {  # bytes, ending, what the line says
    "thousands or decimals": (written(["1.234"] * 40).encode(), "csv", "give decimal=','"),
    "quoted thousands": (written(['"1,234"'] * 40, ",", ISO).encode(), "csv", "give decimal=','"),
    "both marks": (written(["1,5", "1.5"] * 20, date=ISO).encode(), "csv", "in line 2, column 'y'"),
    "two separators": (b"a;b,c\n" + b"1;2,5\n" * 30, "csv", "sep="),
    "days or months": (
        written(range(12), ",", "%d/%m/%Y").encode(), "csv", "date_format='%d/%m/%Y'"),
    "two digits": (written(range(40), ",", "%d-%m-%y").encode(), "csv", "date_format="),
    "no header": (written(range(40), ",", ISO).partition("\n")[2].encode(), "csv", "header='no'"),
    "too many cells": (b"date,y\n2024-01-01,1\n2024-01-02,1,2\n", "csv", "line 3 has 3 cells"),
    "too few cells": (b"date,y,z\n2024-01-01,1,2\n2024-01-02,1\n2024-01-03,1,2\n", "csv",
                      "line 3 has 2 cells"),
    "not utf-8": ("date,größe\n2024-01-01,1\n".encode("cp1252"), "csv", "encoding='cp1252'"),
    "one cell or two": (b"y\n0,5\n1,5\n2,5\n", "csv", "sep='tab'"),
    "blanks": (written(range(40), "  ", ISO).encode(), "txt", "sep='space'"),
    "one name twice": (b"date,y,y\n2024-01-01,1,2\n", "csv", "two columns are called 'y'"),
    "a quote": (b'date,y,t\n2024-01-01,1,"a" b\n', "csv", "does not pair up"),
    "a text among numbers": (written(["many", *range(39)], ",", ISO).encode(), "csv",
                             "'many' in line 2, column 'y', is no number"),
    "seconds since 1970": (b"time,y\n" + b"".join(b"%d,1\n" % (1_700_000_000 + 60 * i)
                           for i in range(30)), "csv", "date_format='s'"),
    "year and month": (b"year,month,y\n" + b"".join(b"%d,%d,1\n" % (2000 + i // 12, i % 12 + 1)
                       for i in range(48)), "csv", "--time year,month"),
}  # fmt: skip


@pytest.mark.parametrize("how", REFUSED)
def test_what_may_mean_two_things_is_refused_with_the_option(tmp_path, how):
    raw, ending, message = REFUSED[how]
    path = tmp_path / f"sales.{ending}"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        data.series(path)
    assert "\n" not in str(caught.value)


def test_advice_that_is_followed_gives_right_numbers():
    raw = written(["1.234"] * 40).encode()
    assert data.series(raw, decimal=",").frames["series"]["y"].iloc[0] == 1234
    assert data.series(raw, decimal=".").frames["series"]["y"].iloc[0] == 1.234
    raw = written(range(12), ",", "%d/%m/%Y").encode()
    found = data.series(raw, date_format="%d/%m/%Y")
    assert found.freq == "D" and list(found.frames["series"].index) == list(DAYS[:12])
    again = data.series(
        raw, day_first=data.series(written(VALUES, ",", "%d/%m/%Y").encode()).day_first
    )
    assert again.freq == "D"
    rows = b"".join(b"%d,%d,%d\n" % (2000 + i // 12, i % 12 + 1, i) for i in range(48))
    found = data.series(b"year,month,y\n" + rows, time=["year", "month"])
    assert found.freq == "MS" and found.targets == ("y",)
    assert found.frames["series"].index[13] == pd.Timestamp("2001-02-01")


def test_texts_stay_texts(tmp_path):
    frame = tables.read(b"id,name,n\n007,NA,1\n008,None,NA\n,nan,\n").frame
    assert frame["id"].tolist()[:2] == ["007", "008"] and pd.isna(frame["id"].iloc[2])
    assert frame["name"].tolist() == ["NA", "None", "nan"]
    assert (
        tables.numbers(frame["n"]).tolist()[0] == 1 and tables.numbers(frame["n"]).isna().sum() == 2
    )
    kept = tables.typed(tables.read(b"a,b,c,d\n007,1,1.5,NA\n008,2,2.5,x\n").frame)
    assert kept.iloc[0].tolist() == ["007", 1, 1.5, "NA"]
    rows = [f'"Loved it {i}' if i in (3, 9) else f"film {i}" for i in range(12)]
    found = tables.read(("text\tlabel\n" + "".join(f"{r}\t1\n" for r in rows)).encode()).frame
    assert found["text"].tolist() == rows
    paired = tables.read(b'text\tlabel\n"a ""b"""\t1\n').frame
    assert paired["text"].tolist() == ['a "b"']


@pytest.mark.parametrize("form", ["frame", "file"])
def test_series_in_one_table_are_told_apart(tmp_path, form):
    table = pd.DataFrame({
        "when": np.tile(DAYS, 3), "shop": np.repeat(["007", "08", "NA"], 40),
        "sales": np.repeat([10.0, 20.0, 30.0], 40) + np.tile(np.arange(40), 3)})  # fmt: skip
    source = table
    if form == "file":
        source = tmp_path / "shops.csv"
        table.to_csv(source, index=False)
    for fill in (None, "previous"):
        with pytest.raises(ValueError, match=re.escape("give id='shop' (in a shell --id shop)")):
            data.series(source, targets="sales", fill=fill)
    found = data.series(source, id="shop")
    assert list(found.frames) == ["007", "08", "NA"] and found.targets == ("sales",)
    assert found.frames["NA"]["sales"].tolist() == (30 + np.arange(40.0)).tolist()
    two = pd.concat([table.assign(item="a"), table.assign(item="b", sales=1.0)])
    assert list(data.series(two, id=["shop", "item"]).frames)[:2] == ["007/a", "08/a"]


def test_date_and_time_of_day_in_two_columns():
    frame = pd.DataFrame({
        "Date": np.repeat(DAYS.strftime("%d.%m.%Y"), 4),
        "Time": np.tile(["00:00", "06:00", "12:00", "18:00"], 40),
        "y": np.arange(160.0)})  # fmt: skip
    with pytest.raises(ValueError, match="--time Date,Time"):
        data.series(frame, targets="y", fill="previous")
    found = data.series(frame, time=["Date", "Time"])
    assert found.freq == "6h" and found.frames["series"]["y"].tolist() == list(range(160))
    hours = frame.assign(hour=np.tile([0, 6, 12, 18], 40)).drop(columns="Time")
    with pytest.raises(ValueError, match="--time Date,hour"):
        data.series(hours)
    assert data.series(hours, time=["Date", "hour"]).freq == "6h"
    parts = pd.DataFrame({"year": DAYS.year, "month": DAYS.month, "day": DAYS.day, "y": 1.0})
    assert data.series(parts, time=["year", "month", "day"]).freq == "D"


def test_indexes_and_columns_of_frames():
    y = np.arange(40.0)
    for index in (DAYS, DAYS.to_period("D"), DAYS.strftime("%Y-%m-%d"), [d.date() for d in DAYS]):
        found = data.series(pd.DataFrame({"y": y}, index=index))
        assert found.freq == "D" and found.times_after("series", 1)[0] == pd.Timestamp("2024-02-10")
    assert isinstance(DAYS[0].date(), datetime.date)
    quarters = pd.DataFrame({"y": y}, index=pd.period_range("2000Q1", periods=40, freq="Q"))
    assert data.series(quarters).season == 4
    levels = pd.DataFrame(
        np.ones((40, 2)), DAYS, pd.MultiIndex.from_product([["Close"], ["A", "B"]])
    )
    assert data.series(levels).targets == ("Close A", "Close B")
    saved = pd.DataFrame({"y": y, "date": DAYS}).to_csv().encode()
    assert data.series(saved).targets == ("y",)
    years = pd.DataFrame({"ds": range(1981, 2021), "y": y})
    assert data.series(years).times_after("series", 2).tolist() == [2021, 2022]
    with pytest.raises(ValueError, match="sep=';'"):
        data.series(pd.DataFrame({"date;y": ["2024-01-01;1"] * 5}))
    with pytest.raises(ValueError, match="say which are those of the rows, such as time='a'"):
        data.series(pd.DataFrame({"a": DAYS, "b": DAYS, "y": y}))


@pytest.mark.parametrize("freq", ["D", "W-MON", "MS", "QS-JAN"])
def test_days_of_a_zone_with_summer_time(freq):
    index = pd.date_range("2024-01-01", periods=40, freq=freq, tz="Europe/Berlin")
    coming = pd.date_range(index[-1], periods=4, freq=freq)[1:]
    frame = pd.DataFrame({"y": 1.0, "known": 0.0}, index=index)
    local = frame.set_axis(index.tz_localize(None))
    for found in (
        data.series(frame, targets="y", future_covariates=["known"]),
        data.series(local, targets="y", future_covariates=["known"], tz="Europe/Berlin"),
    ):
        assert found.tz == "Europe/Berlin" and found.freq == freq
        assert list(found.times_after("series", 3)) == list(coming)
        known = pd.DataFrame({"known": [1.0, 2, 3]}, index=coming.tz_localize(None))
        assert found.future("series", 3, known)["known"].tolist() == [1, 2, 3]


def test_known_covariates_go_by_time_and_id(tmp_path):
    table = pd.concat([
        pd.DataFrame({"shop": s, "day": DAYS, "y": i + np.arange(40.0),
                      "promo": i + np.arange(40) % 5})
        for i, s in enumerate(["a", "b"])])  # fmt: skip
    past = table[table["day"] < DAYS[33]]
    found = data.series(past, id="shop", targets="y", future_covariates=["promo"])
    source = tmp_path / "known.csv"
    table.sample(frac=1, random_state=0)[["promo", "day", "shop"]].to_csv(
        source, index=False, sep=";", date_format="%d.%m.%Y"
    )
    for known in (table.drop(columns="y"), source):
        for i, shop in enumerate("ab"):
            got = found.future(shop, 7, known)["promo"].tolist()
            assert got == (i + np.arange(33, 40) % 5).tolist()
    inside = table.assign(y=table["y"].where(table["day"] < DAYS[33]))
    ahead = data.series(inside, id="shop", targets="y", future_covariates=["promo"])
    filled = data.series(
        inside, id="shop", targets="y", future_covariates=["promo"], fill="previous"
    )
    for one in (ahead, filled):
        assert len(one.frames["a"]) == 33
        assert one.future("b", 7)["promo"].tolist() == (1 + np.arange(33, 40) % 5).tolist()
    with pytest.raises(ValueError, match="there is none at 2024-02-05"):
        found.future("a", 7, table[table["day"] != DAYS[35]])
    with pytest.raises(ValueError, match="the future covariates have no times"):
        found.future("a", 7, pd.DataFrame({"promo": [1.0] * 7}))


def test_covariates_of_texts_are_columns_of_categories():
    sky = ["sun", "rain", "None", "snow"] * 10
    frame = pd.DataFrame({"date": DAYS, "y": 1.0, "sky": sky})
    found = data.series(frame, targets="y", future_covariates=["sky"])
    assert found.future_covariates == ("sky=None", "sky=rain", "sky=snow", "sky=sun")
    assert found.frames["series"].iloc[1].tolist() == [1, 0, 1, 0, 0]
    known = pd.DataFrame({"date": pd.date_range("2024-02-10", periods=2), "sky": ["snow", "sun"]})
    assert found.future("series", 2, known).to_numpy().tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]
    with pytest.raises(ValueError, match="'hail' in row 0, column 'sky', is a category that"):
        found.future("series", 2, known.assign(sky="hail"))
    late = frame.assign(sky=[*sky[:39], "hail"])
    with pytest.raises(ValueError, match=r"'hail' in row 39 .* the training part does not hold"):
        data.series(late, targets="y", future_covariates=["sky"])


def test_a_column_that_begins_late_is_never_filled_backwards():
    frame = pd.DataFrame({"date": DAYS, "y": 1.0, "z": [np.nan] * 5 + [2.0] * 35})
    for fill in (None, "previous", "linear"):
        with pytest.raises(ValueError, match="start='2024-01-06"):
            data.series(frame, fill=fill)
    found = data.series(frame, start="2024-01-06")
    assert found.frames["series"].index[0] == DAYS[5] and len(found.frames["series"]) == 35


def test_nearly_nothing_is_nothing():
    t = np.arange(700)
    wave = np.sin(2 * np.pi * t / 7)
    assert np.abs(wave[7:] - wave[:-7]).max() > 0  # rounding
    with pytest.raises(ValueError, match="repeat exactly"):
        data_scale(wave, 7)
    assert data_scale(wave + 1e-6 * t, 7) == pytest.approx(7e-6, rel=1e-3)
    assert data.deviation_of(np.full(280, 0.1)) == 1
    assert data.season_of("2D") == 1 and data.season_of("BME") == 12


def data_scale(values, season):
    from keraseq.evaluate.forecasts import seasonal_scale

    return seasonal_scale(values, season)


def test_a_second_column_that_may_be_times_is_no_target():
    table = pd.DataFrame({"TIME": range(1, 31), "YEAR": range(1951, 1981), "price": range(30)})
    with pytest.raises(ValueError, match="column 'YEAR' holds times beside 'TIME': name the"):
        data.series(table)
    assert data.series(table, targets="price", time="YEAR").time == ("YEAR",)


def test_signs_of_units_are_named(tmp_path):
    path = tmp_path / "sales.csv"
    for written in ("$1.50", "1.50 kr"):
        path.write_text(
            "date,sales\n" + "".join(f"2024-01-{i:02},{written}\n" for i in range(1, 31))
        )
        with pytest.raises(ValueError, match=r"in line 2, column 'sales', is no number; write it"):
            data.series(path)
