"""Files of the repository in pages: their links lead to pages, or are no links."""

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "reference/architecture.md",
    "CONTRIBUTING.md": "reference/contributing.md",
    "CHANGELOG.md": "reference/changes.md",
    "NOTES.md": "results/notes.md",
    "RESULTS.md": "results/speed.md",
}
FENCE = re.compile(r"^(```.*?^```)", re.S | re.M)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def included(markdown: str, uri: str) -> str:
    """A file's text in the page `uri`."""

    def led(found):
        text, target, fragment = found[1], found[2], found[3] or ""
        name = posixpath.basename(target)
        place = PLACES.get(name) or (f"gallery/{name[:-6]}.md" if name.endswith(".ipynb") else None)
        if place is None:
            return text
        return f"[{text}]({posixpath.relpath(place, posixpath.dirname(uri))}{fragment})"

    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(led, part) for part in parts[::2]]
    return "".join(parts)


def section(file: str, heading: str, uri: str) -> str:
    """What stands below a heading of a file, without the heading."""
    text = (ROOT / file).read_text()
    found = re.search(rf"^(#+) {re.escape(heading)}\n", text, re.M)
    if not found:
        raise ValueError(f"{file} has no heading {heading!r}")
    rest = FENCE.split(text[found.end() :])
    kept = []
    for number, part in enumerate(rest):
        if number % 2 == 0 and (end := re.search(rf"^#{{1,{len(found[1])}}} ", part, re.M)):
            kept.append(part[: end.start()])
            break
        kept.append(part)
    return included("".join(kept).strip(), uri)
