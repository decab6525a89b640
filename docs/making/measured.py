"""Measured tables, read from benchmarks/results when the site is built."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import gradients
import pandas as pd
import results_page
from scipy import stats
from tables import table

from keraseq.evaluate import accuracy_interval

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


@dataclass(frozen=True)
class Comparison:
    """Runs of several cells in a file: a row here is a table on the page and a line for each cell.

    Args:
        title: What was compared.
        file: In benchmarks/results; a row a run.
        measure: The column that counts.
        label: What the measure is called.
        page: Where the results are told, in docs/.
        higher: Whether higher is better.
        scale: What the measure is multiplied with.
        digits: After the decimal point.
        also: Further columns, with their names here; their median is shown.
        deviation: Whether the spread is the standard deviation, not half the range of the seeds.
    """

    title: str
    file: str
    measure: str
    label: str
    page: str
    higher: bool = False
    scale: float = 1
    digits: int = 3
    also: tuple[tuple[str, str], ...] = (("units", "units"),)
    deviation: bool = False

    def frame(self) -> pd.DataFrame:
        """A row a cell, the best first."""
        runs = pd.read_csv(RESULTS / self.file)
        runs[self.measure] *= self.scale
        rows = []
        for cell, own in runs.groupby("cell", sort=False):
            seeds = own[self.measure]
            spread = seeds.std() if self.deviation else (seeds.max() - seeds.min()) / 2
            spread = f" ± {spread:.{self.digits}f}" if len(own) > 1 else ""
            row = {"cell": cell, "mean": seeds.mean()}
            row[self.label] = f"{seeds.mean():.{self.digits}f}{spread}"
            row["seeds"] = len(own)
            rows.append(row | {name: number(own[column].median()) for column, name in self.also})
        return pd.DataFrame(rows).sort_values("mean", ascending=not self.higher)

    def table(self) -> str:
        """The table of its page."""
        spread = "the standard deviation" if self.deviation else "half the range"
        frame = markdown(self.frame().drop(columns="mean"), code="cell")
        source = f"`benchmarks/results/{self.file}`; mean ± {spread} of the seeds."
        return f"{frame}\n\n{source}\n{{ .quiet }}"


COMPARISONS = (
    Comparison(
        "Tiny Shakespeare, a million parameters, three epochs",
        *("text-cells.csv", "nats", "nats a character, validation", "results/text.md"),
        also=(("units", "units"), ("processor_seconds_an_epoch", "processor seconds an epoch")),
    ),
    Comparison(
        "IMDB, recurrent part alone, 4.27 million parameters",
        *("imdb-cells.csv", "test_accuracy", "test accuracy, %", "results/reviews.md"),
        higher=True,
        scale=100,
        digits=2,
        also=(("units", "units"), ("processor_seconds_an_epoch", "processor seconds an epoch")),
    ),
    Comparison(
        "Parts of speech (EWT), 300,000 parameters beside the words' vectors, four epochs",
        *("tag-cells.csv", "accuracy", "words right on test, %", "results/tags.md"),
        higher=True,
        scale=100,
        digits=2,
        also=(("units", "units"), ("processor_seconds", "processor seconds")),
    ),
    Comparison(
        "ETTh1, 96 hours from 96, segment-wise, 256 units",
        *("ett-cells.csv", "test_mse", "mean squared error on test", "results/forecasts.md"),
        digits=4,
        deviation=True,
        also=(
            ("parameters", "parameters"),
            ("processor_seconds_an_epoch", "processor seconds an epoch"),
        ),
    ),
    Comparison(
        "Captions (Flickr8k), a million parameters, six epochs",
        *("captions-cells.csv", "cider", "CIDEr on test", "results/captions.md"),
        higher=True,
        digits=1,
        also=(("units", "units"), ("processor_seconds", "processor seconds")),
    ),
)


def comparison(file: str) -> str:
    """The table of a comparison."""
    return next(one for one in COMPARISONS if one.file == file).table()


@cache
def studies() -> dict[str, pd.DataFrame]:
    """The summaries in results/studies, by name."""
    paths = sorted((RESULTS / "studies").glob("*/summary.csv"))
    return {path.parent.name: pd.read_csv(path) for path in paths}


def study(name: str) -> str:
    """The tables of a study, one a task, and how to run it again."""
    config = tomllib.loads((RESULTS / "studies" / name / "config.toml").read_text())
    parts = [
        f"`keraseq compare --config benchmarks/results/studies/{name}/config.toml`; "
        f"{config['seeds']} seeds. Means on test with the interval of the mean; differences are "
        "paired by seed, to the reference cell."
    ]
    for task, own in studies()[name].groupby("task", sort=False):
        shown = pd.DataFrame({"cell": own["cell"], "rank": own["rank"]})
        shown["mean"] = [interval(*row) for row in own[["mean", "low", "high"]].to_numpy()]
        if own["difference"].notna().any():
            columns = ["difference", "difference_low", "difference_high"]
            shown["difference"] = [interval(*row) for row in own[columns].to_numpy()]
        if own["solved"].any():
            shown["solved by"] = own["solved"].astype(int).astype(str) + f" of {config['seeds']}"
            shown["after steps, median"] = own["solved_step"].map(number)
        for column in ("diverged", "not_converged"):
            if own[column].any():
                shown[column.replace("_", " ")] = own[column].astype(int)
        for column in own.columns[own.columns.get_loc("loop") + 1 :]:  # what a task says further
            if own[column].notna().any():
                shown[column] = own[column].map("{:.4f}".format)
        shown["units"], shown["parameters"] = own["units"], own["parameters"]
        shown["learning rate"] = own["learning_rate"]
        shown["ms a step"] = own["step_ms"].map("{:.1f}".format)
        parts += [f"**{task}**", markdown(shown.sort_values("rank"), code="cell")]
    return "\n\n".join(parts)


@cache
def speed() -> pd.DataFrame:
    """A row for each layer that was timed, with keraseq's time over its own."""
    _, frame = results_page.read(sorted(RESULTS.glob("rnn-*.jsonl")))
    return results_page.with_ratios(frame)


def of_cell(name: str) -> Iterator[tuple[str, str, str, str]]:
    """Every comparison that has a cell: what, the value, its place, and the page."""
    for one in COMPARISONS:
        frame = one.frame().reset_index(drop=True)
        if (own := frame[frame["cell"] == name]).size:
            place = f"{own.index[0] + 1} of {len(frame)}"
            yield one.title, f"{own[one.label].iloc[0]} {one.label}", place, one.page
    for title, summary in studies().items():
        for task, rows in summary.groupby("task", sort=False):
            if (own := rows[rows["cell"] == name]).size:
                [row] = own.to_dict("records")
                value = interval(row["mean"], row["low"], row["high"])
                place = f"{row['rank']:g} of {len(rows)}"
                yield f"{task} (study {title})", value, place, "results/compare.md"
    frame = speed()
    ours = frame[(frame["cell"] == name) & (frame["what"] == results_page.OURS)]
    for row in ours.dropna(subset=["step_ms"]).to_dict("records"):
        key = ["backend", "device", "variant", "dtype", "size", "cell"]
        same = frame[(frame[key] == pd.Series({k: row[k] for k in key})).all(axis=1)]
        ratio = same[same["what"] == results_page.SAME_CELL]["step_ratio"].dropna()
        beside = f", {ratio.iloc[-1]:.2f} of `keras.layers.RNN`" if len(ratio) else ""
        where = f"{results_page.NAMES[row['backend']]}, {row['device']}, {row['dtype']}"
        what = f"Training step, {row['size']} ({where}, {row['variant']})"
        yield what, f"{row['step_ms']:.1f} ms{beside}", "", "results/speed.md"


def agreement(name: str) -> str:
    """The row of a cell in the table of largest errors, with its heading."""
    page = (ROOT / "docs" / "results" / "right.md").read_text()
    rows = re.findall(rf"^\| (?:cell|`{re.escape(name)}`) \|.*$", page, re.M)
    if len(rows) < 2:
        return ""
    return f"{rows[0]}\n|{'---|' * rows[0].count(' | ')}---|\n{rows[1]}"


def lines(file: str, columns: dict[str, str], having: dict | None = None) -> str:
    """Columns of a file, by the names that they have here; `having` says values of lines."""
    path = RESULTS / file
    frame = pd.read_json(path, lines=True) if path.suffix == ".jsonl" else pd.read_csv(path)
    for column, value in (having or {}).items():
        frame = frame[frame[column] == value]
    frame = frame.dropna(subset=[next(iter(columns))])
    shown = frame[list(columns)].rename(columns=columns)
    return markdown(shown.map(number))


def seeds(
    file: str, by: str, names: dict[str, str], measure: str, label: str, having: dict | None = None
) -> str:
    """A line for each of the names in the column `by` that was run: mean and range of its seeds.

    `having` says what else must stand in a line, a part of a text by its column.
    """
    frame = pd.read_csv(RESULTS / file)
    for column, text in (having or {}).items():
        frame = frame[frame[column].str.contains(text, regex=False)]
    rows = []
    for name, said in names.items():
        if len(runs := frame[frame[by] == name][measure]):
            spread = f"{runs.min():.1f} to {runs.max():.1f}" if len(runs) > 1 else ""
            rows.append([said, f"{runs.mean():.1f}", spread, len(runs)])
    return table([["", label, "lowest to highest", "seeds"], *rows])


def linear(file: str) -> str:
    """Training steps of linear recurrences, a column a number of steps, over Keras' LSTM."""
    frame = pd.read_json(RESULTS / file, lines=True).query(
        "what in ['keras.layers.LSTM', 'keraseq']"
    )
    frame = frame.assign(steps=frame["size"].str[0])
    lstm = frame[frame["what"] == "keras.layers.LSTM"].set_index("steps")["step_ms"]
    ratio = frame["step_ms"] / frame["steps"].map(lstm)
    frame["shown"] = frame["step_ms"].map("{:,.1f} ms, ".format) + ratio.map("{:.2f}".format)
    cells = frame["cell"].unique()
    shown = frame.pivot(index="cell", columns="steps", values="shown").loc[cells].fillna("")
    shown = shown.rename(columns="{:,} steps".format)
    return markdown(shown.reset_index(), code="cell")


def folds(data: str) -> str:
    """The methods on all folds of a data set of DNA, and their distance to the first one."""
    frame = pd.read_csv(RESULTS / "dna.csv")
    frame, rows = frame[frame["data"] == data], []
    own = frame["method"].iloc[0]
    first = frame[frame["method"] == own].set_index("fold")["accuracy"]
    for method, its in frame.groupby("method", sort=False):
        count = int(its["examples"].sum())
        right = (its["accuracy"] * its["examples"]).sum() / count
        low, high = accuracy_interval(right, count)
        row = {"method": method, "right, %": f"{right:.2%} ({low:.1%} to {high:.1%})"}
        if its.get("sensitivity", its["mcc"] * float("nan")).notna().any():
            row["Sn"], row["Sp"] = its["sensitivity"].mean(), its["specificity"].mean()
        row["MCC"] = its["mcc"].mean()
        gap = 100 * (first - its.set_index("fold")["accuracy"])
        if method != own:
            half = stats.t.ppf(0.975, len(gap) - 1) * gap.std() / len(gap) ** 0.5
            row["points behind"] = (
                f"{gap.mean():.2f} [{gap.mean() - half:.2f}, {gap.mean() + half:.2f}]"
            )
        rows.append(row)
    shown = pd.DataFrame(rows).fillna("")
    number_of = frame["fold"].nunique()
    source = f"`benchmarks/results/dna.csv`; {count:,} sequences, each once, in {number_of} folds."
    return f"{markdown(shown.map(number))}\n\n{source}\n{{ .quiet }}"


def speakers() -> str:
    """Spoken digits of each speaker who was left out, beside the simple methods."""
    runs = pd.read_csv(RESULTS / "speech.csv").set_index("held_out")
    floors = pd.read_csv(RESULTS / "speech-floors.csv").set_index("held_out")
    frame = runs[["accuracy"]].rename(columns={"accuracy": "model"}).join(floors) * 100
    frame["interval"] = [
        f"{100 * low:.1f} to {100 * high:.1f}" for low, high in runs[["low", "high"]].to_numpy()
    ]
    alone = frame.drop("official", errors="ignore")
    means = alone.drop(columns="interval").mean().rename(f"mean of {len(alone)} speakers")
    frame = pd.concat([alone, means.to_frame().T, frame[frame.index == "official"]])
    frame.insert(1, "95 %", frame.pop("interval"))
    shown = frame.rename_axis("left out").reset_index()
    numbers = shown.select_dtypes("number").columns
    shown[numbers] = shown[numbers].map("{:.1f}".format)
    return markdown(shown.fillna(""))


def shares(file: str, columns: dict[str, str], measure: str, label: str) -> str:
    """Runs of a file by some columns: the mean of a share over seeds, in %, and its range."""
    rows = []
    for key, own in pd.read_csv(RESULTS / file).groupby([*columns], sort=False):
        found = 100 * own[measure]
        value = f"{found.mean():.1f}"
        if len(own) > 1:
            value += f" ({found.min():.1f} to {found.max():.1f})"
        else:
            value += f" ({100 * own['low'].iloc[0]:.1f} to {100 * own['high'].iloc[0]:.1f})"
        rows.append({**dict(zip(columns.values(), key, strict=True)), label: value})
        rows[-1]["runs"] = len(own)
    return markdown(pd.DataFrame(rows))


def pivoted(file: str, by: dict[str, str], across: str, value: str, keep: dict[str, list]) -> str:
    """Means of a file, a line for each of the columns in `by`, a column for each value of `across`.

    `keep` says which values of a column stay; logarithms are shown as what they are of.
    """
    frame = pd.read_csv(RESULTS / file)
    for column, values in keep.items():
        frame = frame[frame[column].isin(values)]
    table = frame.pivot_table(value, [*by], across, sort=False)
    table = 10**table if value == "log10" else table
    return markdown(table.map("{:.2g}".format).reset_index().rename(columns=by))


def ends(file: str, by: str, measure: str, last: int) -> str:
    """The mean of the last lines of each of the runs in the column `by`."""
    frame = pd.read_csv(RESULTS / file)
    own = frame.groupby([by, "seed"], sort=False).tail(last).groupby(by, sort=False)[measure]
    return markdown(own.mean().map("{:.3f}".format).reset_index())


def memory(name: str) -> str:
    """Cells by how far back they use their input, and whether the gradients at the start say it."""
    frame = pd.read_csv(RESULTS / f"gradients-{name}.csv")
    one, value, low, high = gradients.correlation(frame, gradients.STEPS[name])
    names = {"steps": "steps of input used", "start": "log10 at the start"}
    names |= {"after": "log10 after training", "loss": "loss on test"}
    shown = one.groupby("cell")[[*names]].mean().sort_values("steps", ascending=False)
    said = (
        f"Spearman {value:.2f}, 95 % from {low:.2f} to {high:.2f} (bootstrap of {len(shown)} cells)"
    )
    shown = shown.rename(columns=names).map("{:.3g}".format).reset_index()
    return f"**{said}.**\n\n{markdown(shown)}"


def number(value) -> str:
    """A value as tables show it."""
    if not isinstance(value, (int, float)):
        return str(value)
    if pd.isna(value):
        return ""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.4g}"


def interval(middle, low, high) -> str:
    """A value and its interval."""
    if pd.isna(middle):
        return ""
    return f"{middle:.4f}" + ("" if pd.isna(low) else f" [{low:.4f}, {high:.4f}]")


def markdown(frame: pd.DataFrame, code: str = "") -> str:
    """A frame as a table; what stands in the column `code` is set as code."""
    if code:
        frame = frame.assign(**{code: [f"`{value}`" for value in frame[code]]})
    return table([list(frame.columns), *frame.to_numpy()])
