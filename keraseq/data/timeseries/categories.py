"""Covariates of texts: their categories, the numbers of these, a column for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import did_you_mean
from keraseq.data import tables
from keraseq.data.tables import place

if TYPE_CHECKING:
    import pandas as pd

MOST = 100  # categories of a column


def is_category(column) -> bool:
    """Whether a column holds categories: texts, none of which is a number."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    found = tables.texts_of(column)
    return bool(found) and not any(
        (text and tables.as_number(text, ".") is not None) or tables.shape(text)
        for text in found.values()
    )


def known(column, categories: Sequence[str] | None) -> tuple[str, ...]:
    """The categories of a column, or those that are given."""
    if categories is not None:
        return tuple(categories)
    found = tuple(sorted({str(one) for one in column.dropna()}))
    if len(found) > MOST:
        raise ValueError(
            f"column {column.name!r} holds {len(found)} different texts; a covariate may have "
            f"{MOST} categories"
        )
    return found


def codes(column, categories: Sequence[str]):
    """The numbers of categories, NaN where none stands; an error where one is unknown."""
    import pandas as pd

    number = {one: float(i) for i, one in enumerate(categories)}
    found = column.astype(object).map(
        lambda one: np.nan if pd.isna(one) else number.get(str(one), -1.0)
    )
    bad = (found == -1).to_numpy()
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{column.iloc[row]!r} in {place(column, row)}, column {column.name!r}, is a category "
            f"that training did not know; known: {', '.join(map(repr, categories))}."
            f"{did_you_mean(column.iloc[row], categories)}"
        )
    return found.astype("float64")


def dummies(column: str, categories: Sequence[str]) -> tuple[str, ...]:
    """The columns that stand for the categories of a column."""
    return tuple(f"{column}={one}" for one in categories)


def expanded(columns: Sequence[str], categories: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The columns, with one for each category in the place of a column of categories."""
    return tuple(
        name
        for one in columns
        for name in (dummies(one, categories[one]) if one in categories else (one,))
    )


def one_hot(frame: pd.DataFrame, categories: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The frame with 1 in the column of each row's category and 0 in the others."""
    for column, known_ones in categories.items():
        if column in frame:
            hot = {
                name: (frame[column] == i).astype("float64").where(frame[column].notna())
                for i, name in enumerate(dummies(column, known_ones))
            }
            at = frame.columns.get_loc(column)
            before, behind = frame.iloc[:, :at], frame.iloc[:, at + 1 :]
            frame = before.assign(**hot).join(behind)
    return frame
