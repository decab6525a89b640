"""The page of a comparison, which needs no network: HTML with the figures inside."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from keraseq.experiments.report import statistics
from keraseq.experiments.report.results import Results
from keraseq.experiments.report.tables import LEFT, is_baseline, meaning, rank_rows, rows, telling

PROJECTIONS = {
    "learned": "Input and state differ in width, so the raw input of MUT1 and MUT2 goes through a "
    "learned matrix (input_projection mode 'learned'). With it MUT2 is a GRU whose update gate "
    "weighs the new value: read mut2 as a second GRU, and a difference between them as chance.",
    "identity": "Input and state are equally wide, so MUT1 and MUT2 add the raw input itself "
    "(input_projection mode 'identity').",
    "fixed": "The raw input of MUT1 and MUT2 goes through a fixed random matrix "
    "(input_projection mode 'fixed').",
}
MARKS = (
    "a dot a seed, a bar at the mean, a band of one standard deviation, thin ends for the 95 % "
    "interval. Diamonds are baselines; the dashed line is the best of them, the dotted one the "
    "floor; an arrow points to one that lies outside."
)
VERDICTS = {"yes": "better than it", "no": "worse", "undecided": "not told apart from it"}
CAPTIONS = {  # of the figures of a task, by the ends of their names
    "final": f"Final test values: {MARKS}",
    "learning": "Learning curves: the mean over seeds on the validation part, with a band from the "
    "worst to the best seed. Dotted: the floor of that part, what no learning gives.",
    "time": "Quality against time and against parameters: a small mark a seed, a large one for the "
    "mean.",
    "search": "The search: best validation value so far of each cell, and values against the "
    "learning rate. Open marks were pruned.",
}


def findings(results: Results, task: str) -> str:
    """One or two sentences: the best cell, those that are not told apart from it, the baseline."""
    described, finished = results.tasks[task], results.finished(task)
    if finished.empty:
        return "No trial of this task has finished."
    sign = 1 if described["direction"] == "min" else -1
    digits, label = described["digits"], described["metric_label"]
    means = (sign * finished["test"]).groupby(finished["cell"]).mean().sort_values()
    best = means.index[0]
    mean = f"{sign * means.iloc[0]:.{digits}f} {esc(label)}"
    said = f"<b>{esc(best)}</b> has the best mean, {mean}"
    runs = results.runs(task)
    close = [c for c in means.index[1:] if not statistics.beats(runs[best], runs[c], sign)]
    if close:
        said += f"; these seeds do not tell {listed(close)} apart from it."
    else:
        said += "; every other cell is told apart from it as worse." if len(means) > 1 else "."
    for name, value in list(results.baselines(task).items())[:1]:
        found: dict[str, list[str]] = {}
        for cell in means.index:
            baseline = dict.fromkeys(runs[cell], value)
            verdict = statistics.verdict(runs[cell], baseline, described["direction"])
            found.setdefault(VERDICTS[verdict], []).append(cell)
        every = "; ".join(f"{verdict}: {listed(cells)}" for verdict, cells in found.items())
        said += f" The best baseline, {esc(name)}, has {value:.{digits}f}; {every}."
    return said


def listed(names: Iterable[str]) -> str:
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
    rates = ", ".join(f"{name} {said(task)}" for name, task in settings["tasks"].items())
    seeds = settings["seeds"]
    return [
        f"<b>Size and training</b>: {esc(budgets)}. The units of each cell are the most that the "
        "budget pays for, embedding and output layer included.",
        "<b>Data</b>: the same parts for every cell, and for each seed the same batches in the "
        "same order, so that runs of one seed are pairs.",
        "<b>Optimizer</b>: Adam, gradients clipped to a common norm, a learning rate that falls to "
        f"0 along half a cosine from ({esc(rates)}).",
        choice(settings),
        f"<b>Choice of the weights</b>: the validation part is looked at before training and "
        f"{settings['looks']} times on the way; the weights of the best look are scored on the "
        "test part, which is used once.",
        f"<b>Spread</b>: {seeds} seed{'s' if seeds > 1 else ''} for each cell and task; ± is the "
        "standard deviation of the sample, '95 %' the bootstrap interval of the mean, 'difference' "
        f"the mean paired difference to {esc(results.reference)} with its interval. "
        + (
            "With so few seeds intervals are too narrow: of three they reach from the worst run to "
            "the best. "
            if seeds < 10
            else ""
        )
        + "Cells are told apart where the interval of their difference excludes 0, which takes at "
        f"least {statistics.PAIRS} seeds; all that is said here of better and worse rests on these "
        f"intervals. {meaning(results)}.",
        "<b>Did not converge</b>: runs that diverged, failed, or did not get a twentieth of the "
        "way from the floor, which is what no learning gives.",
        "<b>Times</b> are of this machine, with as many trials at the same time as there were "
        "workers, without the first step, which compiles. The column 'loop' says how the recurrent "
        "layers ran, and 'Layers' at the end of this page why: a slower cell is no artefact of it "
        "where all ran the same way.",
    ]


def said(task: dict[str, Any]) -> str:
    """The learning rates of a task in words."""
    rates = task["learning_rates"]
    if isinstance(rates, dict):
        return f"{rates['from']:.2g} to {rates['to']:.2g}"
    return " or ".join(f"{rate:g}" for rate in rates)


def choice(settings: dict[str, Any]) -> str:
    """How the setting of each cell was chosen, in a sentence or two."""
    chosen = (
        " from a seed that is not used again, and kept the one with the best validation value, "
        "with which fresh seeds were run."
    )
    if settings["trials"]:
        task = next(iter(settings["tasks"].values()))
        how = {
            "random": "drawn at random, the same for every cell",
            "tpe": "of which the first were drawn at random, the same for every cell, and the "
            "others by TPE",
        }[settings["sampler"]]
        pruned = (
            " Trials among the worst quarter at the same step were stopped."
            if settings["pruning"]
            else ""
        )
        return (
            f"<b>Search</b>: each cell tried {settings['trials']} settings, {how}: learning rate, "
            f"scale of the initial matrices ({listed(map(str, task['initial_scales']))} times the "
            f"usual), clipping norm ({listed(map(str, task['clipnorms']))}). It tried each{chosen}"
            f"{pruned}"
        )
    if any(len(task["learning_rates"]) > 1 for task in settings["tasks"].values()):
        return (
            "<b>Choice of the learning rate</b>: each cell tried all of them once,"
            f"{chosen} Clipping norm 1."
        )
    return (
        "<b>Not tuned for each cell</b>: one learning rate for all of a task, clipping norm 1. "
        "Cells differ in the rate that suits them, so small differences may be the rate's; "
        "<code>--trials</code> lets each cell choose."
    )


def as_table(caption: str, found: list[dict[str, str]], said: str = "") -> str:
    """Rows as a table, and what else there is to say; columns of words to the left."""
    names = list((found or [{}])[0])
    kinds = ["" if name in LEFT else " class=number" for name in names]
    head = "".join(f"<th{k}>{esc(name)}</th>" for k, name in zip(kinds, names, strict=True))
    body = ""
    for row in found:
        fields = zip(kinds, row.values(), strict=True)
        row_kind = " class=baseline" if is_baseline(row) else ""
        body += f"<tr{row_kind}>{''.join(f'<td{k}>{esc(value)}</td>' for k, value in fields)}</tr>"
    return (
        f"<div class=wide><table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>" + (f"<p class=said>{esc(said)}</p>" if said else "")
    )


def rank_section(results: Results) -> list[str]:
    """The ranks over the tasks."""
    found = rank_rows(results)
    if len(results.tasks) < 2 or not found:
        return []
    caption = "Rank of each cell on each task, and the mean"
    return ["<h2>Ranks</h2>", as_table(caption, found, meaning(results))]


def as_html(results: Results, images: dict[str, str]) -> str:
    """The page; `images` are PNG files in base64, by the name of the figure."""
    parts = [
        "<h1>Recurrent cells compared</h1>",
        f"<p class=lead>{listed(results.settings['cells'])} on "
        f"{len(results.tasks)} task{'s' * (len(results.tasks) != 1)}, "
        "at an equal number of parameters.</p>",
        image(images, "overview", f"The test value of each cell on each task: {MARKS}"),
        "<h2>In short</h2><ul>",
        *(f"<li><b>{esc(name)}</b>: {findings(results, name)}</li>" for name in results.tasks),
        "</ul><h2>What was held equal</h2><ul>",
        *(f"<li>{line}</li>" for line in held_equal(results)),
        *(f"<li><b>MUT1 and MUT2</b>: {text}</li>" for text in projections(results)),
        "</ul>",
        *rank_section(results),
        *(part for name in results.tasks for part in task_section(results, name, images)),
        *sample_section(results),
        *trouble_section(results),
        *machine_section(results),
    ]
    return PAGE.format(body="\n".join(parts))


def task_section(results: Results, name: str, images: dict[str, str]) -> list[str]:
    """A task: its findings, table, figures and facts."""
    described = results.tasks[name]
    label = described["metric_label"]
    better = "lower" if described["direction"] == "min" else "higher"
    return [
        f"<h2>{esc(described['title'])}</h2>",
        f"<p>{findings(results, name)}</p>",
        as_table(
            f"{esc(label)} on the test part ({better} is better), best cell first",
            *telling(rows(results, name)),
        ),
        *(image(images, f"{name}-{kind}", said) for kind, said in CAPTIONS.items()),
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
    found = [(r, f"failed: {esc(r['reason'])}") for r in results.failed]
    found += [
        (
            r,
            "the loss was not finite, or above ten times that of a model that knows nothing, after "
            f"step {r['diverged_at']:,}; the best weights before count.",
        )
        for r in results.records
        if r["status"] == "diverged"
    ]
    items = [
        f"<li>{esc(r['task'])}, {esc(r['cell'])}, {which(r)}: {said}</li>" for r, said in found
    ]
    items = items or ["<li>None: every trial finished, and none diverged.</li>"]
    return ["<h2>Trials that failed or diverged</h2><ul>", *items, "</ul>"]


def which(record: dict[str, Any]) -> str:
    """Which trial of a cell and a task it is."""
    if record["role"] == "search":
        return f"setting {record['number'] + 1} of the search"
    return f"seed {record['seed']}"


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
        "<dt>Raw numbers</dt><dd><code>results.csv</code> (a row a trial and a baseline), "
        "<code>summary.csv</code> and <code>curves.csv</code>, beside this page.</dd></dl>",
    ]


def projections(results: Results) -> list[str]:
    """What the reports must say of each projection mode that occurred."""
    modes = dict.fromkeys(r["projection"] for r in results.records if r.get("projection"))
    return [esc(PROJECTIONS.get(mode, mode)) for mode in modes]


def image(images: dict[str, str], name: str, caption: str) -> str:
    """A figure inside the page, if it was drawn."""
    source, caption = f"data:image/png;base64,{images.get(name)}", esc(caption)
    figure = (
        f'<figure><img alt="{caption}" src="{source}"><figcaption>{caption}</figcaption></figure>'
    )
    return figure if name in images else ""


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
       max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ margin-bottom: 0; }} h2 {{ margin-top: 3rem; border-bottom: 1px solid #ccc; }}
.lead {{ font-size: 1.15rem; color: #444; margin-top: .3rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-size: .9rem; }}
caption {{ text-align: left; font-weight: 600; padding: .4rem 0; }}
th, td {{ padding: .3rem .5rem; border-bottom: 1px solid #ddd; text-align: left; }}
td:first-child {{ overflow-wrap: anywhere; min-width: 6rem; }}
.said {{ color: #555; font-size: .9rem; margin-top: .3rem; }}
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
