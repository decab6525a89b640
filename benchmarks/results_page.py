"""Makes RESULTS.md and its figures from the lines in results/.

    python benchmarks/results_page.py [--results benchmarks/results] [--out benchmarks]

Reads `rnn-*.jsonl`, `scaling-*.jsonl`, `first-*.jsonl`, `linear-*.jsonl` and, a section each,
`gpu-*.jsonl`. Where a thing was measured more than once the last measurement counts, and ratios are
formed only within one run.
"""

import argparse
import json
from pathlib import Path

import gpu_tables
import numpy as np
import pandas as pd

HERE = Path(__file__).parent
KEYS = ["backend", "device", "variant", "dtype", "size", "cell"]
SECOND, THIRD = "256,64,128,256", "256,64,128,512"
FIRST = "128,32,64,128"
OURS, SAME_CELL, LARGE = "keraseq", "keras.layers.RNN", (SECOND, THIRD)
OTHERS = ("Keras' own", "PyTorch's own")
COLOURS = {"tensorflow": "#E69F00", "jax": "#0072B2", "torch": "#D55E00"}
NAMES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
LINEAR_MOST = {"cpu": 0.5, "gpu": 0.02}
DPI = 150


def main() -> None:
    """Writes the page and the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args()
    kinds = ("rnn", "scaling", "first", "linear", "gpu")
    if not any(any(options.results.glob(f"{kind}-*.jsonl")) for kind in kinds):
        parser.error(f"no measurements in {options.results}")
    print(write(options.results, options.out))


def write(results: Path, out: Path) -> Path:
    """Writes the page, and the figures beside it; the site does so too."""
    runs, frame = read(sorted(results.glob("rnn-*.jsonl")))
    scaling = read(sorted(results.glob("scaling-*.jsonl")))
    on_gpus = {path: read([path]) for path in sorted(results.glob("gpu-*.jsonl"))}
    figures = out / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    parts = ["# Speed\n", INTRODUCTION]
    if not frame.empty:
        frame = with_ratios(frame)
        parts += [targets_section(frame), *ratio_sections(frame, figures), first_calls(frame)]
        parts += [troubles(frame)]
    if not scaling[1].empty:
        parts += scaling_sections(*scaling, figures)
    of_first, first = read(sorted(results.glob("first-*.jsonl")))
    of_linear, linear = read(sorted(results.glob("linear-*.jsonl")))
    runs |= of_first | of_linear
    parts.append(first_steps(first))
    if not linear.empty:
        parts.append(linear_section(linear))
    for path, (its_runs, _) in on_gpus.items():
        runs |= its_runs
        parts.append(gpu_section(its_runs, path))
    parts += [machines({**runs, **scaling[0]})]
    page = out / "RESULTS.md"
    page.write_text("\n".join(part for part in parts if part))
    return page


INTRODUCTION = """\
Written by `python benchmarks/results_page.py` from the JSON lines in [`results/`](results/); what
was measured and how is at the top of [`rnn.py`](rnn.py), [`steps.py`](steps.py) and
[`timing.py`](timing.py). Sizes are T,B,D,H: steps, batch, features, units. A training step is the
forward pass over all steps, the loss, every gradient and the update. Medians of interleaved
repeats; those that other processes disturbed do not count. Ratios below 1: keraseq is faster.
"Keras' own" is `keras.layers.LSTM`, `GRU` (the quicker of its two kinds) or `SimpleRNN`,
"PyTorch's own" `torch.nn.LSTM`, `GRU` or `RNN`; for variants of these cells, the nearest. The bound
is the time of the matrix products alone at the rate of a large one.
"""


def read(paths) -> tuple[dict, pd.DataFrame]:
    """The runs, and a row for each thing measured: time and memory together, the last of each."""
    runs, rows = {}, []
    for path in paths:
        for number, text in enumerate(path.read_text().splitlines(), 1):
            try:
                line = json.loads(text)
            except ValueError as error:
                raise SystemExit(f"{path}, line {number}: no JSON ({error})") from None
            if line["kind"] == "run":
                runs[line["run"]] = line
            else:
                rows.append(line)
    frame = pd.DataFrame(rows)
    if not frame.empty and "size" in frame:
        sized = frame["size"].notna()
        frame.loc[sized, "size"] = frame.loc[sized, "size"].map(lambda s: ",".join(map(str, s)))
    return runs, frame


def with_ratios(lines: pd.DataFrame) -> pd.DataFrame:
    """A row for each candidate: its last times and memory, and keraseq's time over its."""
    times = lines[lines["kind"] == "time"].drop_duplicates([*KEYS, "what"], keep="last")
    memory = lines[lines["kind"] == "memory"].drop_duplicates([*KEYS, "what"], keep="last")
    wanted = [c for c in ("peak_mb", "error") if c in memory]
    times = times.drop(columns=[c for c in ("peak_mb",) if c in times])
    memory = memory[[*KEYS, "what", *wanted]].rename(columns={"error": "memory_error"})
    frame = times.merge(memory, on=[*KEYS, "what"], how="outer")
    ours = frame[frame["what"] == OURS].set_index([*KEYS, "run"])
    for measure in ("step_ms", "forward_ms"):
        key = pd.MultiIndex.from_frame(frame[[*KEYS, "run"]])
        own = ours[measure].reindex(key).to_numpy() if measure in ours else np.nan
        frame[f"{measure[:-3]}_ratio"] = own / frame.get(measure, np.nan)
    return frame


# Targets.


def targets(frame: pd.DataFrame) -> list[dict]:
    """What is aimed at, what was measured, and whether it is met."""
    found = []

    def ask(backend, cells, what, sizes, most, ratio="step_ratio", device="cpu"):
        rows = frame[(frame["backend"] == backend) & (frame["variant"] == "plain")]
        rows = rows[(rows["dtype"] == "float32") & (rows["what"] == what)]
        rows = rows[(rows["device"] == "cpu") == (device == "cpu")]
        rows = rows[rows["cell"].isin(cells)] if cells else rows
        rows = rows[rows["size"].isin(sizes)] if sizes else rows
        rows = rows.dropna(subset=[ratio])
        asked = (
            f"{', '.join(cells) if cells else 'every cell'}; {' and '.join(sizes) or 'any size'}"
        )
        where = NAMES[backend] if device == "cpu" else f"{NAMES[backend]}, GPU"
        row = {"backend": where, "against": what, "what": asked, "at most": f"{most:g}"}
        if rows.empty:
            found.append({**row, "measured": "not measured", "met": ""})
            return
        worst = rows.loc[rows[ratio].idxmax()]
        measured = f"{worst[ratio]:.2f} ({worst['cell']}, {worst['size']})"
        if len(rows) > 1:
            met = int((rows[ratio] <= most).sum())
            measured = f"worst {measured}; {met} of {len(rows)} met"
        found.append({**row, "measured": measured, "met": yes(worst[ratio] <= most)})

    for cell in ("gru", "mut1", "mut2", "mut3"):
        ask("tensorflow", [cell], SAME_CELL, LARGE, 0.67)
    ask("tensorflow", ["lstm"], SAME_CELL, LARGE, 0.75)
    ask("tensorflow", [], SAME_CELL, (), 1.0)
    ask("tensorflow", ["lstm"], "keras.layers.LSTM", (SECOND,), 0.75)
    ask("tensorflow", ["gru"], "keras.layers.GRU(reset_after=False)", (SECOND,), 0.6)
    ask("tensorflow", ["lstm"], "torch.nn.LSTM", LARGE, 1.0)
    ask("tensorflow", ["lstm"], "torch.nn.LSTM", (FIRST,), 1.5)
    found.append(compile_target(frame))
    ask("jax", [], SAME_CELL, (), 1.0)
    ask("torch", [], SAME_CELL, (), 0.5)
    ask("jax", ["lstm"], "keras.layers.LSTM", LARGE, 1.25, device="gpu")
    return found


def compile_target(frame) -> dict:
    """At most 3 s more than Keras for the first training step of one layer."""
    rows = frame[(frame["backend"] == "tensorflow") & (frame["variant"] == "plain")]
    row = {
        "backend": NAMES["tensorflow"],
        "against": SAME_CELL,
        "what": "first training step, every cell; any size",
        "at most": "+3 s",
    }
    if "step_first_s" not in rows:
        return {**row, "measured": "not measured", "met": ""}
    wide = rows.pivot_table(index=["size", "cell"], columns="what", values="step_first_s")
    if not {OURS, SAME_CELL} <= set(wide.columns):
        return {**row, "measured": "not measured", "met": ""}
    more = (wide[OURS] - wide[SAME_CELL]).dropna()
    size, cell = more.idxmax()
    return {
        **row,
        "measured": f"worst {more.max():+.1f} s ({cell}, {size}); median {more.median():+.1f} s",
        "met": yes(more.max() <= 3),
    }


def yes(is_so) -> str:
    """In words."""
    return "yes" if is_so else "**no**"


def targets_section(frame) -> str:
    """The targets as a table."""
    said = "A ratio is keraseq's training step over the other's."
    return f"## Targets\n\n{said}\n\n{markdown(pd.DataFrame(targets(frame)))}\n"


# Ratios.


def ratio_sections(frame: pd.DataFrame, figures: Path) -> list[str]:
    """Tables and figures for each backend, device, variant and type."""
    parts = []
    for key, rows in frame.groupby(KEYS[:4], sort=False):
        backend, device, variant, dtype = key
        name = "-".join(["rnn", backend, slug(device), variant, dtype])
        title = f"{NAMES[backend]}, {'CPU' if device == 'cpu' else device}"
        title += "" if variant == "plain" else f", {variant}"
        title += "" if dtype == "float32" else f", {dtype}"
        rows = in_order(rows)
        parts.append(f"## {title}\n")
        if against(rows).notna().any(axis=None):
            draw_ratios(rows, title, figures / f"{name}.png")
            parts.append(
                f"![Training step of each cell over that of other layers]({image(name)})\n"
            )
        parts.append(step_table(rows))
        parts.append(memory_table(rows))
    return parts


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows by size, and cells as they stand in keraseq's table."""
    import keraseq

    cells = {name: place for place, name in enumerate(keraseq.cells.names())}
    sizes = rows["size"].map(lambda size: tuple(map(int, size.split(","))))
    places = rows["cell"].map(lambda cell: cells.get(cell, len(cells)))
    order = pd.DataFrame({"size": sizes, "cell": places}).sort_values(["size", "cell"])
    return rows.loc[order.index]


def image(name: str) -> str:
    """Where the page finds a figure."""
    return f"figures/{name}.png"


def slug(text: str) -> str:
    """A name fit for a file."""
    return "".join(c if c.isalnum() else "-" for c in text).lower()


def group_of(what: str) -> str:
    """What a candidate is to a cell."""
    if what == SAME_CELL:
        return SAME_CELL
    if what.startswith("keras.layers."):
        return OTHERS[0]
    return OTHERS[1] if what.startswith("torch.nn.") else what


def against(rows: pd.DataFrame) -> pd.DataFrame:
    """Ratios, a row for each size and cell, a column for each group that keraseq stands beside.

    Of Keras' two GRU layers the quicker one stands for both.
    """
    rows = rows[rows["step_ratio"].notna()]
    rows = rows[~rows["what"].str.startswith(OURS)]
    rows = rows.assign(group=rows["what"].map(group_of))
    wide = rows.pivot_table(
        index=["size", "cell"], columns="group", values="step_ratio", aggfunc="max", sort=False
    )
    return wide.reindex(columns=[g for g in (SAME_CELL, *OTHERS, "bound") if g in wide])


def step_table(rows: pd.DataFrame) -> str:
    """Milliseconds of a training step and of a forward pass, and ratios, a table a size."""
    parts = []
    for size, mine in rows.groupby("size", sort=False):
        ratios = against(mine)
        table = []
        for cell, one in mine.groupby("cell", sort=False):
            times = one.set_index("what")
            if OURS not in times.index or pd.isna(times["step_ms"].get(OURS)):
                continue
            row = {
                "cell": f"`{cell}`",
                "loop": times["loop"].get(OURS, "") if "loop" in times else "",
                "forward ms": f"{times['forward_ms'][OURS]:.1f}",
                "step ms": f"{times['step_ms'][OURS]:.1f}",
            }
            for group in ratios.columns:
                value = ratios[group].get((size, cell), np.nan)
                row[f"/ {group}"] = "" if pd.isna(value) else f"{value:.2f}"
            calm = times["calm"].get(OURS, True) if "calm" in times else True
            row["cell"] += "" if calm else " (disturbed)"
            table.append(row)
        if table:
            parts.append(f"### {size}\n\n{markdown(pd.DataFrame(table))}\n")
    return "\n".join(parts)


def memory_table(rows: pd.DataFrame) -> str:
    """Peak memory beside that of the same cell in Keras' layer."""
    if "peak_mb" not in rows or rows["peak_mb"].isna().all():
        return ""
    wide = rows.pivot_table(index=["size", "cell"], columns="what", values="peak_mb", sort=False)
    shown = [what for what in wide.columns if what in (OURS, SAME_CELL) or group_of(what) in OTHERS]
    table = wide[shown].reset_index()
    numbers = {c: table[c].map(lambda v: "" if pd.isna(v) else f"{v:.0f}") for c in shown}
    title = "### Peak memory of a training step, MB beyond the data"
    return f"{title}\n\n{markdown(table.assign(**numbers))}\n"


def first_calls(frame: pd.DataFrame) -> str:
    """Seconds of the first training step, which traces and compiles."""
    if "step_first_s" not in frame:
        return ""
    rows = frame[frame["what"].isin([OURS, SAME_CELL])]
    wide = rows.pivot_table(
        index=["backend", "device"],
        columns="what",
        values="step_first_s",
        aggfunc=["median", "max"],
    )
    wide.columns = [f"{what}, {how}" for how, what in wide.columns]
    table = wide.round(2).reset_index()
    return f"## First training step, seconds\n\nOver all cells and sizes.\n\n{markdown(table)}\n"


def first_steps(frame: pd.DataFrame) -> str:
    """What `first_step.py` measured: the first step beside Keras' own layer, and many lengths."""
    if frame.empty:
        return ""
    rows = frame.drop_duplicates(["cell", "what"], keep="last")
    columns = ["cell", "what", "loop", "keras_processor", "keraseq_processor"]
    table = rows[[c for c in [*columns, "ratio_processor", "ratio_seconds"] if c in rows]]
    asked = "Asked: 1.5 for first steps, 0.7 for `again` (an epoch of many lengths)."
    said = "Seconds of the processor; [`first_step.py`](first_step.py) says what is measured."
    return f"## First step beside Keras' own layers\n\n{said} {asked}\n\n{markdown(table)}\n"


def troubles(frame: pd.DataFrame) -> str:
    """What failed, and what was never measured undisturbed."""
    lines = []
    for row in frame.to_dict("records"):
        found = [row[c] for c in ("error", "memory_error") if isinstance(row.get(c), str)]
        if row.get("calm") is False:
            found.append("other processes were at work in most repeats")
        where = ", ".join(row[k] for k in ("backend", "variant", "size", "cell", "what"))
        lines += [f"* {where}: {one}" for one in found]
    return "## Failed or disturbed\n\n" + ("\n".join(lines) or "Nothing.") + "\n"


def draw_ratios(rows: pd.DataFrame, title: str, path: Path) -> None:
    """A panel a size: a mark for each cell and each layer it stands beside."""
    from matplotlib.figure import Figure

    wide = against(rows)
    sizes = list(dict.fromkeys(wide.index.get_level_values("size")))
    cells = list(dict.fromkeys(wide.index.get_level_values("cell")))
    marks = {SAME_CELL: ("o", "#000000"), OTHERS[0]: ("s", "#E69F00"), OTHERS[1]: ("^", "#D55E00")}
    figure = Figure(figsize=(1.5 + 2.9 * len(sizes), 1.6 + 0.3 * len(cells)), layout="constrained")
    axes = figure.subplots(1, len(sizes), sharey=True, sharex=True, squeeze=False)[0]
    for ax, size in zip(axes, sizes, strict=True):
        for group, (marker, colour) in marks.items():
            if group not in wide:
                continue
            values = [wide[group].get((size, cell), np.nan) for cell in cells]
            label = f"over {group}" + (" (same cell)" if group == SAME_CELL else " layer")
            ax.plot(values, range(len(cells)), marker, color=colour, label=label, markersize=6)
        ax.axvline(1, color="#555555", linewidth=1)
        ax.set_title(f"T,B,D,H = {size}", fontsize=10)
        ax.grid(axis="x", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(cells)), cells)
    axes[0].set_ylim(len(cells) - 0.5, -0.5)
    shown = [group for group in marks if group in wide]
    axes[0].set_xlim(0, 1.08 * max(1.0, np.nanmax(wide[shown].to_numpy())))
    figure.suptitle(f"keraseq.layers.RNN on {title}")
    handles, labels = axes[0].get_legend_handles_labels()
    place = {"loc": "outside lower center", "ncols": len(handles), "frameon": False}
    label = "time of a training step over that of the other layer (left of 1: keraseq is faster)"
    figure.legend(handles, labels, title=label, **place)
    figure.savefig(path, dpi=DPI)


# Scaling.


def scaling_sections(runs: dict, lines: pd.DataFrame, figures: Path) -> list[str]:
    """Time and memory against steps, batch and units."""
    keys = ["backend", "cell", "axis", "what"]
    points = lines[lines["kind"] == "scaling"].drop_duplicates([*keys, "size"], keep="last")
    grown = lines[lines["kind"] == "growth"]
    parts = ["## Against length, batch and units\n"]
    for (backend, cell), rows in points.groupby(["backend", "cell"], sort=False):
        name = f"scaling-{backend}-{slug(cell)}"
        title = f"`{cell}` on {NAMES[backend]}"
        draw_scaling(rows, f"{cell} on {NAMES[backend]}", figures / f"{name}.png")
        parts.append(f"### {title}\n\n![Time and memory of {cell} against size]({image(name)})\n")
        mine = grown[(grown["backend"] == backend) & (grown["cell"] == cell)]
        mine = mine[mine["run"] == mine["run"].iloc[-1]] if len(mine) else mine
        if len(mine):
            wide = mine.pivot(index=["axis", "what"], columns="measure", values="exponent")
            wide = wide.rename(columns={"step_ms": "time ~ size^n", "peak_mb": "memory ~ size^n"})
            text = "n over the larger half of the sizes; 1 is linear."
            parts.append(f"{text}\n\n{markdown(wide.reset_index())}\n")
    return parts


def draw_scaling(rows: pd.DataFrame, title: str, path: Path) -> None:
    """Time above, memory below; a column for each of steps, batch, units."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    places = {"steps": 0, "batch": 1, "units": 3}
    axes_names = [axis for axis in places if axis in set(rows["axis"])]
    styles = {SAME_CELL: ("s", "#555555", "--"), OURS: ("o", "#0072B2", "-")}
    figure = Figure(figsize=(1 + 3.6 * len(axes_names), 6), layout="constrained")
    panels = figure.subplots(2, len(axes_names), sharex="col", squeeze=False)
    handles = {}
    for column, axis in enumerate(axes_names):
        mine = rows[rows["axis"] == axis]
        for what, one in mine.groupby("what", sort=False):
            marker, colour, dash = styles.get(what, ("^", "#D55E00", "-"))
            x = one["size"].map(lambda size, axis=axis: int(size.split(",")[places[axis]]))
            one = one.assign(x=x).sort_values("x")
            for row, measure in enumerate(("step_ms", "peak_mb")):
                if measure in one:
                    [handles[what]] = panels[row, column].plot(
                        one["x"], one[measure], marker + dash, color=colour, markersize=5
                    )
        for row in range(2):
            ax = panels[row, column]
            ax.set_xscale("log", base=2)
            ax.set_yscale("log")
            ax.xaxis.set_major_formatter(ScalarFormatter())
            ax.yaxis.set_major_formatter(ScalarFormatter())
            ax.yaxis.set_minor_formatter(NullFormatter())
            ax.grid(alpha=0.3)
            ax.spines[["top", "right"]].set_visible(False)
        held = mine["size"].iloc[0].split(",")
        fixed = [f"{n} {held[i]}" for n, i in {**places, "features": 2}.items() if n != axis]
        panels[0, column].set_title(", ".join(fixed), fontsize=9)
        panels[1, column].set_xlabel(axis)
    panels[0, 0].set_ylabel("training step, ms")
    panels[1, 0].set_ylabel("peak memory beyond the data, MB")
    figure.suptitle(f"{title}: time and memory of a training step")
    figure.legend(
        handles.values(), handles, loc="outside lower center", ncols=len(handles), frameon=False
    )
    figure.savefig(path, dpi=DPI)


# GPUs.


def gpu_section(runs: dict, path: Path) -> str:
    """The tables of one file of `gpu.py`, the device and the day above them."""
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    first = min(runs.values(), key=lambda run: run["date"])
    commit = f", commit {first['commit']}" if "commit" in first else ""
    parts = [f"## {first['device']}, {first['date'][:10]}{commit}\n", GPU_WORDS]
    for title, rows in gpu_tables.tables(lines).items():
        parts.append(f"### {title[0].upper()}{title[1:]}\n\n{markdown(pd.DataFrame(rows))}\n")
    return "\n".join(parts)


GPU_WORDS = """\
`python benchmarks/gpu.py`. `keraseq` is `loop="auto"`; another name behind it is a loop that was
forced, `unroll` the steps in a round of the deferred loop, `compiled` on PyTorch a CUDA graph.
float32 as each library does it unasked: products in TF32 on JAX and in cuDNN's kernels.
"""
# Linear recurrences.


def linear_section(frame: pd.DataFrame) -> str:
    """Each way to run beside Keras' LSTM of the same size, measured in the same run."""
    said = (
        "Many steps: each way to run a linear recurrence beside `keras.layers.LSTM` in the same "
        "process; `busy` is how many processors others used meanwhile. Asked for at 8,192 "
        f"steps: at most {LINEAR_MOST['cpu']} of the LSTM's training step on a CPU, "
        f"{LINEAR_MOST['gpu']} on a GPU."
    )
    keys = ["run", "backend", "device", "size"]
    beside = frame[frame["what"] == "keras.layers.LSTM"].set_index(keys)
    rows = []
    latest = frame.drop_duplicates([*keys[1:], "cell", "what"], keep="last")
    for one in latest.to_dict("records"):
        key = tuple(one[name] for name in keys)
        row = {name: one[name] for name in ("backend", "device", "size", "cell")}
        row |= {"runs": one["what"], "loop": one.get("loop")}
        for name in ("forward_ms", "step_ms"):
            lstm = beside[name].get(key, np.nan)
            row[name.replace("_", " ")] = f"{one[name]:.1f}"
            row[f"{name.removesuffix('_ms')} / LSTM"] = f"{one[name] / lstm:.3f}"
        rows.append(row | {"busy": one.get("busy")})
    return f"## Linear recurrences\n\n{said}\n\n{markdown(pd.DataFrame(rows))}\n"


# The machine.


def machines(runs: dict) -> str:
    """What every run was, machine by machine, newest last."""
    found: dict[str, list[str]] = {}
    for run in sorted(runs.values(), key=lambda run: run["date"]):
        versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
        machine = (
            f"{run.get('device', 'cpu')}; {run['processor']}, {run['cores']} cores, "
            f"{run['memory_gb']} GB, {run['system']}; {versions}"
        )
        line = f"* {run['date'][:16].replace('T', ' ')}: `{run['command']}`"
        found.setdefault(machine, []).append(line)
    parts = ["## Runs\n"]
    for machine, lines in found.items():
        parts += [f"{machine}\n", *lines, ""]
    return "\n".join(parts)


def markdown(frame: pd.DataFrame) -> str:
    """A table; numbers to the right."""
    text = frame.fillna("").astype(str)
    right = [all(is_number(v) for v in text[c] if v) and text[c].any() for c in text.columns]
    lines = [
        "| " + " | ".join(map(str, text.columns)) + " |",
        "|" + "|".join("---:" if r else "---" for r in right) + "|",
        *("| " + " | ".join(row) + " |" for row in text.itertuples(index=False)),
    ]
    return "\n".join(lines)


def is_number(text: str) -> bool:
    """Whether a text is one number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    main()
