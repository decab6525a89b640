"""What a comparison found, for people: tables, figures, and one page that needs no network."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keraseq import cells as cell_table
from keraseq import plots
from keraseq.experiments.results import Results
from keraseq.experiments.store import write as write_file
from keraseq.experiments.trials import file_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

DPI = 150
SIZES = ("units", "parameters", "ms a step", "training s")
HEADINGS = ("cell", "test", "runs", *SIZES, "loop", "notes")
LEFT = ("cell", "loop", "notes")  # columns of words; the others are numbers
PROJECTIONS = {
    "learned": "Input and state differ in width, so the raw input of MUT1 and MUT2 goes through a "
    "learned matrix (input_projection mode 'learned'). With it MUT2 is a GRU whose update gate "
    "weighs the new value: read mut2 as a second GRU, and a difference between them as chance.",
    "identity": "Input and state are equally wide, so MUT1 and MUT2 add the raw input itself "
    "(input_projection mode 'identity').",
    "fixed": "The raw input of MUT1 and MUT2 goes through a fixed random matrix "
    "(input_projection mode 'fixed').",
}


def write(results: Results) -> Path:
    """Writes `results.csv`, `curves.csv`, `figures/` and `report.html` into the folder.

    Returns:
        The path of the page.
    """
    results.write_csv()
    images: dict[str, str] = {}
    for name, figure in figures(results).items():
        image = io.BytesIO()
        figure.savefig(image, format="png", dpi=DPI)
        path = results.folder / "figures" / f"{file_name(name)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(image.getvalue())
        partial.replace(path)
        images[name] = base64.b64encode(image.getvalue()).decode()
    page = results.folder / "report.html"
    write_file(page, as_html(results, images))
    return page


# Tables.


def rows(results: Results, task: str) -> list[dict[str, str]]:
    """The table of a task as text, a row a cell, best first, then the baselines, best first."""
    described = results.tasks[task]
    digits = described["digits"]
    summary = results.summary()
    table = []
    if len(summary):
        of_task = summary[summary["task"] == task]
        of_task = of_task.sort_values("mean", ascending=described["direction"] == "min")
        for row in of_task.to_dict("records"):
            spread = "" if row["sd"] != row["sd"] else f" ± {row['sd']:.{digits}f}"
            notes = []
            if row["projection"]:
                notes.append(f"projection {row['projection']}")
            if len(results.settings["tasks"][task]["learning_rates"]) > 1:
                notes.append(f"learning rate {row['learning_rate']:g}")
            if row["diverged"]:
                notes.append(f"{row['diverged']} diverged")
            table.append(
                {
                    "cell": row["cell"],
                    "test": f"{row['mean']:.{digits}f}{spread}",
                    "runs": str(row["runs"]),
                    "units": str(row["units"]),
                    "parameters": f"{row['parameters']:,}",
                    "ms a step": f"{row['step_ms']:.1f}"
                    if row["step_ms"] == row["step_ms"]
                    else "",
                    "training s": f"{row['train_seconds']:.1f}",
                    "loop": row["loop"],
                    "notes": ", ".join(notes),
                }
            )
    for name, value in results.baselines(task).items():
        table.append({"cell": name, "test": f"{value:.{digits}f}", "notes": "baseline"})
    return [{heading: row.get(heading, "") for heading in HEADINGS} for row in table]


def print_tables(results: Results, console: Console) -> None:
    """Prints a table a task."""
    from rich.table import Table

    for name, described in results.tasks.items():
        better = "lower" if described["direction"] == "min" else "higher"
        table = Table(
            title=f"{described['title']}\n{described['metric_label']}, {better} is better",
            title_justify="left",
            title_style="bold",
        )
        for heading in HEADINGS:
            table.add_column(heading, justify="left" if heading in LEFT else "right")
        for row in rows(results, name):
            style = "dim" if row["notes"] == "baseline" else ""
            table.add_row(*row.values(), style=style)
        console.print(table)
    for record in results.failed:
        console.print(
            f"failed: {record['task']} {record['cell']} seed {record['seed']}: {record['reason']}",
            markup=False,
            soft_wrap=True,
        )


# Figures.


def cell_styles() -> dict[str, dict]:
    """One look for each registered cell; the presets of a class share its colour."""
    families = {name: kind.__name__ for name, (kind, _) in cell_table.CELLS.items()}
    return plots.styles(cell_table.names(), families)


def figures(results: Results) -> dict[str, Figure]:
    """All figures, by the name of their file: three for each task, and one over all tasks."""
    from matplotlib.figure import Figure

    style = cell_styles()
    curves = results.curves()
    drawn: dict[str, Figure] = {}

    def axes(name: str, count: int = 1, width: float = 6.8, height: float = 4.0):
        figure = drawn[name] = Figure(figsize=(width * count, height), layout="constrained")
        return figure.subplots(1, count, squeeze=False)[0]

    shown = [name for name in results.tasks if len(results.finished(name))]
    for name in shown:
        described, finished = results.tasks[name], results.finished(name)
        baselines = results.baselines(name)
        best = next(iter(baselines.items()), None)
        common = {"label": described["metric_label"], "style": style}
        final = {
            **common,
            "direction": described["direction"],
            "baselines": baselines,
            "digits": described["digits"],
        }
        of_task = curves[curves["task"] == name]
        plots.learning_curves(of_task, **common, baseline=best, ax=axes(f"{name}-learning")[0])
        plots.final_metric(finished, **final, ax=axes(f"{name}-final")[0])
        plots.quality_against_time(finished, **common, baseline=best, ax=axes(f"{name}-time")[0])
    if shown:
        panels = axes("overview", len(shown), width=5.4)
        for ax, name in zip(panels, shown, strict=True):
            described = results.tasks[name]
            plots.final_metric(
                results.finished(name),
                label=described["metric_label"],
                style=style,
                direction=described["direction"],
                baselines=results.baselines(name),
                digits=described["digits"],
                ax=ax,
            ).set_title(name)
    return drawn


# The page.


def findings(results: Results, task: str) -> str:
    """One or two sentences: the best cell, those that are not told apart from it, the baseline."""
    described, finished = results.tasks[task], results.finished(task)
    if finished.empty:
        return "No trial of this task has finished."
    sign = 1 if described["direction"] == "min" else -1
    digits, label = described["digits"], described["metric_label"]
    by_cell = (sign * finished["test"]).groupby(finished["cell"])
    means = by_cell.mean().sort_values()
    best = means.index[0]
    said = f"<b>{esc(best)}</b> is best with {sign * means.iloc[0]:.{digits}f} {esc(label)}"
    if len(means) > 1:
        worst_of_best = by_cell.max()[best]
        close = [cell for cell in means.index[1:] if by_cell.min()[cell] <= worst_of_best]
        said += (
            f"; its runs overlap with those of {listed(close)}, which these seeds do not tell "
            "apart from it."
            if close
            else "; no run of another cell reaches any of its runs."
        )
    else:
        said += "."
    baseline = next(iter(results.baselines(task).items()), None)
    if baseline:
        name, value = baseline
        behind = [cell for cell in means.index if means[cell] >= sign * value]
        said += f" The best baseline, {esc(name)}, has {value:.{digits}f}: "
        said += f"not beaten by {listed(behind)}." if behind else "every cell beats it."
    return said


def listed(names: list[str]) -> str:
    """Names with commas and an 'and'."""
    names = [esc(name) for name in names]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def held_equal(results: Results) -> list[str]:
    """What the comparison kept the same, and what that means, in sentences."""
    settings = results.settings
    budgets = ", ".join(
        f"{name} {task['budget']:,} parameters and {task['steps']:,} steps of {task['batch_size']}"
        for name, task in settings["tasks"].items()
    )
    searched = any(len(task["learning_rates"]) > 1 for task in settings["tasks"].values())
    rates = ", ".join(
        f"{name} {' or '.join(f'{rate:g}' for rate in task['learning_rates'])}"
        for name, task in settings["tasks"].items()
    )
    lines = [
        f"<b>Size and training</b>: {esc(budgets)}. The units of each cell are the most that the "
        "budget pays for, embedding and output layer included.",
        "<b>Data</b>: the same parts for every cell, and for each seed the same batches in the "
        "same order, so that runs of one seed are pairs.",
        f"<b>Optimizer</b>: Adam, gradients clipped to a common norm of {settings['clipnorm']:g}, "
        f"a learning rate that falls to 0 along half a cosine from ({esc(rates)}).",
    ]
    if searched:
        lines.append(
            "<b>Choice of the learning rate</b>: each cell tried all of them once, from a seed "
            "that is not used again, and kept the one with the best validation value."
        )
    else:
        lines.append(
            "<b>Not tuned for each cell</b>: one learning rate for all of a task. Cells differ in "
            "the rate that suits them, so small differences may be the rate's; "
            "<code>--learning-rates</code> lets each cell choose."
        )
    lines.append(
        f"<b>Choice of the weights</b>: the validation part is looked at before training and "
        f"{settings['looks']} times on the way; the weights of the best look are scored on the "
        "test part, which is used once."
    )
    seeds = settings["seeds"]
    lines.append(
        f"<b>Spread</b>: {seeds} seed{'s' if seeds > 1 else ''} for each cell and task; ± is the "
        "standard deviation of the sample"
        + (". With so few it is a rough figure." if seeds < 5 else ".")
    )
    lines.append(
        "<b>Times</b> are of this machine, with as many trials at the same time as there were "
        "workers, without the first step, which compiles. The column 'loop' says how the recurrent "
        "layers ran, and 'Layers' at the end of this page why: a slower cell is no artefact of it "
        "where all ran the same way."
    )
    return lines


def as_html(results: Results, images: dict[str, str]) -> str:
    """The page; `images` are PNG files in base64, by the name of the figure."""
    parts = [
        "<h1>Recurrent cells compared</h1>",
        f"<p class=lead>{listed(results.settings['cells'])} on "
        f"{len(results.tasks)} task{'s' * (len(results.tasks) != 1)}, "
        "at an equal number of parameters.</p>",
        image(
            images,
            "overview",
            "The test value of each cell on each task: a dot a seed, a bar at "
            "the mean, a band of one standard deviation; the dashed line is the best baseline.",
        ),
        "<h2>In short</h2><ul>",
        *(f"<li><b>{esc(name)}</b>: {findings(results, name)}</li>" for name in results.tasks),
        "</ul><h2>What was held equal</h2><ul>",
        *(f"<li>{line}</li>" for line in held_equal(results)),
        *(f"<li><b>MUT1 and MUT2</b>: {text}</li>" for text in projections(results)),
        "</ul>",
    ]
    for name in results.tasks:
        parts += task_section(results, name, images)
    parts += sample_section(results)
    parts += trouble_section(results)
    parts += machine_section(results)
    return PAGE.format(body="\n".join(parts))


def task_section(results: Results, name: str, images: dict[str, str]) -> list[str]:
    """A task: its findings, table, figures and facts."""
    described = results.tasks[name]
    label = described["metric_label"]
    head = "".join(
        f"<th{'' if heading in LEFT else ' class=number'}>{esc(heading)}</th>"
        for heading in HEADINGS
    )
    body = []
    for row in rows(results, name):
        kind = " class=baseline" if row["notes"] == "baseline" else ""
        fields = "".join(
            f"<td{'' if heading in LEFT else ' class=number'}>{esc(value)}</td>"
            for heading, value in row.items()
        )
        body.append(f"<tr{kind}>{fields}</tr>")
    better = "lower" if described["direction"] == "min" else "higher"
    return [
        f"<h2>{esc(described['title'])}</h2>",
        f"<p>{findings(results, name)}</p>",
        f"<div class=wide><table><caption>{esc(label)} on the test part ({better} is better), best "
        f"cell first</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        "</div>",
        image(
            images,
            f"{name}-final",
            f"Final {label}: a dot a seed, a bar at the mean, a band of "
            "one standard deviation. Diamonds are baselines; the dashed line is the best of them; "
            "an arrow points to one that lies outside.",
        ),
        image(
            images,
            f"{name}-learning",
            "Learning curves: the mean over seeds on the validation "
            "part, with a band from the worst to the best seed. The baseline's value is of the "
            "test part.",
        ),
        image(
            images,
            f"{name}-time",
            "Quality against time: a small mark a seed, a large one for the mean.",
        ),
        "<dl>",
        *(f"<dt>{esc(k)}</dt><dd>{esc(v)}</dd>" for k, v in described["facts"].items()),
        "</dl>",
    ]


def sample_section(results: Results) -> list[str]:
    """What models made at the start, in the middle and at the end of training."""
    sampled = [record for record in results.records if record.get("samples")]
    if not sampled:
        return []
    parts = [
        "<h2>What the models write</h2>",
        "<p>Drawn one character at a time at temperature 0.8, each from the 64 characters before "
        "it, after the same piece of the validation part; from the first seed of each cell.</p>",
    ]
    for record in sampled:
        parts.append(f"<h3>{esc(record['cell'])} on {esc(record['task'])}</h3><div class=samples>")
        for one in record["samples"]:
            value = at_step(record, one["step"])
            parts.append(
                f"<figure><figcaption>step {one['step']:,} of {record['steps']:,}{value}"
                f"</figcaption><pre>{esc(one['text'])}</pre></figure>"
            )
        parts.append("</div>")
    return parts


def at_step(record: dict[str, Any], step: int) -> str:
    """The validation value at a step, in words."""
    for look in record["curve"]:
        if look["step"] == step and look["validation"] is not None:
            return f": {look['validation']:.2f} {esc(record['metric'].replace('_', ' '))}"
    return ""


def trouble_section(results: Results) -> list[str]:
    """Trials that failed or diverged; said also where there are none."""
    items = [
        f"<li>{esc(r['task'])}, {esc(r['cell'])}, seed {r['seed']}: failed: {esc(r['reason'])}</li>"
        for r in results.failed
    ]
    items += [
        f"<li>{esc(r['task'])}, {esc(r['cell'])}, seed {r['seed']}: the loss was not finite after "
        f"step {r['diverged_at']:,}; the best weights before count.</li>"
        for r in results.records
        if r["status"] == "diverged"
    ]
    if not items:
        items = ["<li>None: every trial finished, and none diverged.</li>"]
    return ["<h2>Trials that failed or diverged</h2><ul>", *items, "</ul>"]


def machine_section(results: Results) -> list[str]:
    """What ran: versions, data, how the layers were run."""
    versions = ", ".join(f"{name} {value}" for name, value in results.settings["versions"].items())
    paths = dict.fromkeys(r["path"] for r in results.records if r.get("path"))
    return [
        "<h2>Versions and data</h2><dl>",
        f"<dt>Versions</dt><dd>{esc(versions)}</dd>",
        *(
            f"<dt>Data of {esc(name)}</dt><dd>SHA-256 <code>{esc(task['data_sha256'])}</code></dd>"
            for name, task in results.tasks.items()
        ),
        f"<dt>Layers</dt><dd>{'<br>'.join(esc(one) for one in paths)}</dd>",
        "<dt>Raw numbers</dt><dd><code>results.csv</code> (a row a trial and a baseline) and "
        "<code>curves.csv</code>, beside this page.</dd></dl>",
    ]


def projections(results: Results) -> list[str]:
    """What the reports must say of each projection mode that occurred."""
    modes = dict.fromkeys(r["projection"] for r in results.records if r.get("projection"))
    return [esc(PROJECTIONS.get(mode, mode)) for mode in modes]


def image(images: dict[str, str], name: str, caption: str) -> str:
    """A figure inside the page."""
    if name not in images:
        return ""
    return (
        f'<figure><img alt="{esc(caption)}" src="data:image/png;base64,{images[name]}">'
        f"<figcaption>{esc(caption)}</figcaption></figure>"
    )


def esc(text: Any) -> str:
    """Text as it may stand in HTML."""
    return html.escape(str(text))


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Recurrent cells compared</title>
<style>
:root {{ color-scheme: light; }}
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
       max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ margin-bottom: 0; }} h2 {{ margin-top: 3rem; border-bottom: 1px solid #ccc; }}
.lead {{ font-size: 1.15rem; color: #444; margin-top: .3rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; }}
caption {{ text-align: left; font-weight: 600; padding: .4rem 0; }}
th, td {{ padding: .3rem .7rem; border-bottom: 1px solid #ddd; text-align: left;
         white-space: nowrap; }}
.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
.baseline td {{ color: #555; background: #f5f5f5; }}
figure {{ margin: 1.5rem 0; }} img {{ max-width: 100%; height: auto; }}
figcaption {{ color: #555; font-size: .9rem; }}
dt {{ font-weight: 600; margin-top: .5rem; }} dd {{ margin-left: 1.2rem; }}
.samples {{ display: grid; gap: 0 1rem;
           grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); }}
.samples figure {{ margin: .3rem 0; min-width: 0; }}
pre {{ background: #f5f5f5; padding: .7rem; white-space: pre-wrap; overflow-wrap: anywhere;
      font-size: .8rem; margin: .2rem 0; }}
code {{ overflow-wrap: anywhere; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
