"""What `gpu.py` found, as tables: each ask beside its figure, times, agreement, what failed.

`results_page.py` makes a section of each file of lines with them.
"""

import itertools

LSTM = "keras.layers.LSTM"
SMALL, MIDDLE, LARGE, LONG = (
    (128, 32, 64, 128),
    (256, 64, 128, 256),
    (512, 128, 256, 512),
    (2048, 16, 64, 256),
)
TINY = {
    SMALL: (4, 2, 3, 8),
    MIDDLE: (6, 2, 3, 8),
    LARGE: (5, 3, 3, 8),
    LONG: (9, 2, 3, 8),
    (8192, 16, 64, 256): (40, 2, 3, 8),
}
# What is asked for: backend, cell, size, beside which layer (of which cell), at most.
ASKS = [
    ("jax", "lstm", MIDDLE, LSTM, "lstm", 0.4),
    ("jax", "mut1", MIDDLE, LSTM, "lstm", 0.45),
    ("jax", "lstm", SMALL, LSTM, "lstm", 0.45),
    *(("torch", "lstm", size, "torch.nn.LSTM", "lstm", 1.1) for size in (SMALL, MIDDLE)),
    *(("torch", "gru-after", size, "torch.nn.GRU", "gru-after", 1.1) for size in (SMALL, MIDDLE)),
    *(
        ("torch", cell, size, "torch.nn.LSTM", "lstm", 2.0)
        for cell, size in itertools.product(("gru", "elman", "mut1"), (SMALL, MIDDLE))
    ),
]


def joined(size) -> str:
    """A size as it is written."""
    return ",".join(map(str, size))


def short(line: dict) -> dict:
    """A line as it is printed."""
    left_out = ("text", "versions", "processor", "part", "do", "run", "reason", "repeats")
    return {key: value for key, value in line.items() if key not in left_out}


def asked(lines: list[dict]) -> list[dict]:
    """Each ask beside its figure."""
    last = {}
    for line in lines:
        if line["kind"] == "time" and (line["variant"], line["dtype"]) == ("plain", "float32"):
            last[line["backend"], line["cell"], tuple(line["size"]), line["what"]] = line
    tiny = not any(size == MIDDLE or size == SMALL for _, _, size, _ in last)
    rows = []
    for backend, cell, size, other, of, most in ASKS:
        size = TINY[size] if tiny else size
        own = last.get((backend, cell, size, "keraseq"), {})
        its = last.get((backend, of, size, other), {})
        row = {"backend": backend, "cell": cell, "size": joined(size), "against": other}
        row |= {"at most": most, "measured": "", "met": "not measured"}
        if "step_ms" in own and "step_ms" in its:
            ratio = own["step_ms"] / its["step_ms"]
            row["measured"] = f"{ratio:.2f} ({own['step_ms']:.2f} / {its['step_ms']:.2f} ms)"
            row["met"] = "yes" if ratio <= most else "**no**"
        rows.append(row)
    return rows


def timetable(lines: list[dict], backend: str, measure: str) -> list[dict]:
    """What was measured on a backend: a row a variant, size and cell, a column a candidate."""
    found: dict[tuple, dict] = {}
    for line in lines:
        if line["kind"] == "time" and line["backend"] == backend:
            variant = line["variant"]
            if line["dtype"] != "float32":
                variant = f"{variant}, {line['dtype']}"
            row = found.setdefault((variant, joined(line["size"]), line["cell"]), {})
            if measure in line:
                row[line["what"]] = f"{line[measure]:.2f}"
    names = ("variant", "size", "cell")
    whats = list(dict.fromkeys(what for row in found.values() for what in row))
    whats.sort(key=lambda what: (what.split(".")[0].split(" ")[0], len(what), what))
    return [
        {**dict(zip(names, key, strict=True)), **{what: row.get(what, "") for what in whats}}
        for key, row in found.items()
        if row
    ]


def agreed(lines: list[dict]) -> list[dict]:
    """The largest errors over all cells, for each backend and type."""
    found: dict[tuple, dict] = {}
    for line in lines:
        if line["kind"] != "agreement" or "error" not in line:
            continue
        row = found.setdefault((line["backend"], line["precision"]), {"cells": 0})
        row["cells"] += 1
        row["several"] = bool(line["loops"])
        for name, errors in (("oracle", line["error"]), ("loops", line["loops"])):
            worst = max([*errors.values(), 0.0])
            if worst >= row.get(name, (0.0, ""))[0]:
                row[name] = (worst, line["cell"])
    return [
        {
            "backend": backend,
            "type": precision,
            "cells": row["cells"],
            "against the oracle": "{:.1e} ({})".format(*row["oracle"]),
            "gradients of loops apart": "{:.1e} ({})".format(*row["loops"])
            if row["several"]
            else "",
        }
        for (backend, precision), row in found.items()
    ]


def others(lines: list[dict]) -> list[dict]:
    """Memory, writing, generation, what a loop launches."""
    rows = []
    for line in lines:
        row = {"backend": line.get("backend", ""), "what": "", "measured": ""}
        if line["kind"] == "memory":
            row["what"] = f"memory, {line['what']}, {joined(line['size'])}"
            row["measured"] = f"{line['peak_mb']:.0f} MB"
        elif line["kind"] == "write" and "evaluation" in line:
            nats = {one["method"]: one for one in line["evaluation"] if one["part"] == "validation"}
            said = ", ".join(
                f"{method} {one['nats_per_character']:.4f}" for method, one in nats.items()
            )
            row["what"] = f"Tiny Shakespeare, {line['epochs']} epochs"
            row["measured"] = f"{line['seconds']} s, {line['characters_per_s']:,}/s; {said}"
        elif line["kind"] == "generation":
            row["what"] = f"characters a second, {line['sampler']}, {line['streams']} at once"
            row["measured"] = f"{line['characters_per_s']:,}"
        elif line["kind"] == "kernels":
            row["what"] = f"operations a round, {line['cell']}, {line['what']}, {line['loop']}"
            row["measured"] = ", ".join(f"{n} {kind}" for kind, n in line["counts"].items())
        else:
            continue
        rows.append(row)
    return rows


def troubles(lines: list[dict]) -> list[dict]:
    """What failed or was left out."""
    rows = []
    for line in lines:
        why = line.get("error") if line["kind"] in ("time", "failed") else line.get("failed")
        why = line["reason"] if line["kind"] == "skipped" else why
        if isinstance(why, str):
            where = [
                str(line[k]) for k in ("backend", "do", "cell", "variant", "what") if k in line
            ]
            where += [joined(line["size"])] if "size" in line else []
            rows.append({"what": " ".join(where), "kind": line["kind"], "why": why})
    return rows


MEASURES = {
    "step_ms": "training step, ms",
    "forward_ms": "forward pass, ms",
    "step_first_s": "first training step, s",
}


def tables(lines: list[dict]) -> dict[str, list[dict]]:
    """All tables that have rows, by their titles."""
    found, asks = {}, asked(lines)
    if any(row["measured"] for row in asks):
        found["asks"] = asks
    for measure, title in MEASURES.items():
        for backend, name in (("jax", "JAX"), ("torch", "PyTorch")):
            found[f"{title}, {name}"] = timetable(lines, backend, measure)
    found["agreement"] = agreed(lines)
    found["others"] = others(lines)
    found["failed or left out"] = troubles(lines)
    return {title: rows for title, rows in found.items() if rows}


def report(lines: list[dict]) -> str:
    """All tables as text."""
    parts = tables(lines)
    return "\n\n".join(f"== {title}\n{text_of(rows)}" for title, rows in parts.items())


def text_of(rows: list[dict]) -> str:
    """A table as text."""
    names = [name for name in rows[0] if any(str(row[name]) for row in rows)]
    table = [names, *([str(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )
