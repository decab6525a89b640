"""A page of `keraseq app` for the documentation: python benchmarks/app.py, with Chromium.

It writes benchmarks/figures/app.png, the model of reviews with what it says of one.
"""

import shutil
from pathlib import Path

FIGURE = Path(__file__).parent / "figures" / "app.png"
SIZE = {"width": 1100, "height": 720}


def judged(page, path: Path) -> None:
    """Lets an open page of reviews judge its example, and takes its picture."""
    page.get_by_role("button", name="Judge", exact=True).click()
    page.wait_for_selector("text=/done in/", timeout=60_000)
    page.wait_for_selector(".figure img")
    page.wait_for_timeout(500)  # bars grow
    page.screenshot(path=path)


def main():
    from playwright.sync_api import sync_playwright

    from keraseq.app import serving

    with serving(["imdb"]) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=SIZE)
        page.goto(f"{address}imdb")
        judged(page, FIGURE)
        browser.close()
    print(FIGURE)


if __name__ == "__main__":
    main()
