"""A diagram of what each gate of a cell reads, drawn from the equation in its docstring."""

import html
import re

SYMBOL = re.compile(r"(?<![A-Za-z_])([a-z])_(\{?(?:t|n|depth|0)(?:-1)?\}?)(?![\w}])")
OPTIONAL = re.compile(r"\[\+[^]]*\]")
COLUMN, ROW, WIDTH, HEIGHT = 168, 76, 124, 48
KINDS = {"sigmoid(": "gate", "tanh(": "squash", "relu(": "squash", "f(": "squash"}


def symbols(text: str) -> list[str]:
    """The inputs, states and gates that a formula names, each once."""
    return list(
        dict.fromkeys(f"{base}_{below.strip('{}')}" for base, below in SYMBOL.findall(text))
    )


def parsed(equation: str, options: dict) -> list[tuple[str, str, str]]:
    """Symbol, formula and meaning of each line; of several with one symbol the one that counts."""
    found: dict[str, tuple[str, str, str]] = {}
    for line in equation.splitlines():
        formula, _, label = line.strip().partition("  ")
        left, _, right = formula.partition(" = ")
        if not right or not (name := symbols(left)):
            continue
        meaning, _, condition = label.strip().partition(", ")
        chosen = re.fullmatch(r'(\w+)="(\w+)"', condition)
        if name[0] in found and (not chosen or options.get(chosen[1]) != chosen[2]):
            continue
        found[name[0]] = (name[0], right, meaning)
    return list(found.values())


def svg(equation: str, title: str, options: dict) -> str:
    """The diagram: inputs and states on the left, what is made of them to the right."""
    lines = parsed(equation, options)
    made = {name: (right, label) for name, right, label in lines}
    sources = [s for _, right, _ in lines for s in symbols(right) if s not in made]
    sources = list(dict.fromkeys(sources))
    rank = dict.fromkeys(sources, 0)
    for name, right, _ in lines:
        rank[name] = 1 + max((rank.get(s, 0) for s in symbols(right) if s != name), default=0)
    columns = [[n for n in rank if rank[n] == r] for r in range(max(rank.values()) + 1)]
    rows = max(map(len, columns))
    high, wide = rows * ROW + 8, len(columns) * COLUMN - (COLUMN - WIDTH) + 8
    place = {}
    for r, names in enumerate(columns):
        top = (high - len(names) * ROW) / 2
        for i, name in enumerate(names):
            place[name] = (4 + r * COLUMN, top + i * ROW + (ROW - HEIGHT) / 2)
    parts = [
        edge(place, rank, source, name, right)
        for name, right, _ in lines
        for source in symbols(right)
    ]
    parts += [node(name, *place[name], *made.get(name, ("", ""))) for name in rank]
    return (
        f'<div class="gates"><svg viewBox="0 0 {wide} {high}" style="width:{wide}px" role="img" '
        f'aria-label="{html.escape(title)}">{"".join(parts)}</svg></div>'
    )


def edge(place: dict, rank: dict, source: str, name: str, right: str) -> str:
    """A line from what is read to what reads it; dashed where the equation puts it in brackets."""
    if source not in place or source == name:
        return ""
    (x, y), (u, v) = place[source], place[name]
    x, y, v = x + WIDTH, y + HEIGHT / 2, v + HEIGHT / 2
    bend = 0 if rank[name] - rank[source] == 1 else ROW * 0.55 * (-1 if y <= v else 1)
    option = "" if source in symbols(OPTIONAL.sub("", right)) else ' class="option"'
    middle = (x + u) / 2
    curve = f"{middle:g} {y + bend:g} {middle:g} {v + bend:g} {u:g} {v:g}"
    return f'<path d="M{x:g} {y:g} C{curve}"{option}/>'


def node(name: str, x: float, y: float, right: str, label: str) -> str:
    """A box: the symbol, and below it what it is."""
    kind = next((kind for start, kind in KINDS.items() if right.startswith(start)), "")
    kind = kind or ("state" if right else "source")
    base, _, below = name.partition("_")
    label = label.partition(" of layer")[0]
    if not label and not right:
        label = "input" if base == "x" else "state before" if below.endswith("-1") else ""
    middle = x + WIDTH / 2
    return (
        f'<g class="{kind}"><rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<text x="{middle:g}" y="{y + 20:g}"><tspan class="symbol">{base}</tspan>'
        f'<tspan class="below" dy="4">{html.escape(below)}</tspan></text>'
        f'<text x="{middle:g}" y="{y + 38:g}" class="label">{html.escape(label[:22])}</text></g>'
    )
