"""Pages of saved models: in a real browser where there is one, else by Gradio's client."""

import importlib.util
import json
import os
import re
import shutil
import socket
import sys
import time
import urllib.request
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seen
import tones
from typer.testing import CliRunner

import keraseq
from keraseq import cli, data, recipes
from keraseq.bundle import BundleError
from keraseq.files import MODELS, RESULTS
from keraseq.recipes.classify import kinds

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import app

pytestmark = [
    pytest.mark.skipif(not importlib.util.find_spec("gradio"), reason="needs the extra `app`"),
    pytest.mark.filterwarnings("ignore"),  # of Gradio and what it stands on
]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
needs_browser = pytest.mark.skipif(
    not BROWSER or not importlib.util.find_spec("playwright"),
    reason="needs Playwright and Chromium",
)
ENDED = "() => /done|MASE|stopped/.test(document.querySelector('.said')?.innerText) "
ENDED += "|| document.querySelector('.said.wrong')"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a bundle of an unknown recipe, a damaged one, and a comparison half done."""
    folder = tmp_path_factory.mktemp("runs")
    for name, card in (("strange", {"recipe": "dream"}), ("cut", {})):
        shutil.copytree(MODELS / "digits", folder / name)
        path = folder / name / "card.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | card))
    manifest = folder / "strange" / "manifest.json"
    known = json.loads(manifest.read_text())
    known["files"]["card.json"] = {
        "bytes": (path := folder / "strange" / "card.json").stat().st_size,
        "sha256": keraseq.files.sha256(path),
    }
    manifest.write_text(json.dumps(known))
    whole = json.loads((RESULTS / "studies" / "parity" / "results.json").read_text())
    whole["records"] = whole["records"][: len(whole["records"]) // 2]
    (folder / "half").mkdir()
    (folder / "half" / "results.json").write_text(json.dumps(whole))
    return folder


@pytest.fixture(scope="module")
def address(folder):
    """Where all models that come with keraseq are served."""
    from keraseq.app import serving

    names = keraseq.files.names(MODELS)
    with serving(names, folder, port=free_port()) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium, address):
    """Opens pages; at the end nothing was asked of other hosts, and no script has failed."""
    asked, failed, contexts = [], [], []

    def opened(name="", **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda one: asked.append(one.url))
        page.on("pageerror", lambda one: failed.append(str(one)))
        page.goto(address + name)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert not failed


def click(page, label):
    page.get_by_role("button", name=label, exact=True).click()


def said(page):
    page.wait_for_function(ENDED, timeout=60_000)
    return page.locator(".said").inner_text()


def use(page, example=None):
    """Presses the buttons of a page, and waits for what it says."""
    if example:
        click(page, example)
        page.wait_for_function("() => document.querySelector('.said')?.innerText === ''")
        page.wait_for_timeout(100)
    page.locator("button.primary").click()
    return said(page)


def content(page, name):
    """The content of a file that a page has to download."""
    link = page.locator(f'a[href$="{name}"]').first
    with urllib.request.urlopen(link.get_attribute("href")) as answer:
        return answer.read()


@needs_browser
def test_models_are_listed_with_their_cards(tab):
    page = tab()
    page.wait_for_selector(".card")
    assert page.locator(".card").count() == len(keraseq.files.names(MODELS))
    assert "test accuracy 0.8727" in page.locator(".card", has_text="msraction3d").inner_text()
    wrong = page.locator(".wrong").all_inner_texts()
    assert ("cut: bundle" in wrong[0] and "was changed" in wrong[0]) or "damaged" in wrong[0]
    assert wrong[1].startswith("strange: the bundle's card names the recipe 'dream'; known recipes")
    page.locator(".card", has_text="tinyshakespeare").click()
    page.get_by_text("What is known of this model").click()
    page.wait_for_selector("text=nats per character")


@needs_browser
def test_text_streams_and_is_stopped(tab):
    page = tab("shakespeare")
    page.get_by_label("number input for Tokens to write").fill("2000")
    click(page, "Write")
    text = page.get_by_label("Text", exact=True)
    lengths = []
    for _ in range(2):
        so_far = len(text.input_value())
        page.wait_for_function(
            f"() => document.querySelectorAll('textarea')[1].value.length > {so_far + 20}",
            timeout=60_000,
        )
        lengths.append(len(text.input_value()))
    click(page, "Stop")
    assert said(page) == "stopped"
    page.wait_for_timeout(300)
    kept = text.input_value()
    page.wait_for_timeout(300)
    assert text.input_value() == kept and kept.startswith("ROMEO:\n")
    assert lengths[0] < lengths[1] <= len(kept) < 2000
    page.get_by_label("Beginning").fill("x" * 100_000)
    click(page, "Write")
    page.wait_for_selector(".wrong")
    assert said(page).startswith("a page reads 20,000 characters at most; received 100,000")
    assert text.input_value() == kept  # nothing is lost


@needs_browser
def test_a_review_is_judged(tab, tmp_path):
    page = tab("imdb", viewport=app.SIZE)
    app.judged(page, tmp_path / "page.png")
    assert page.locator('[data-testid="label-output-value"]').inner_text() == "pos"
    assert page.locator("figure pre span").count() > 5
    assert plt.imread(tmp_path / "page.png").shape[:2] == (app.SIZE["height"], app.SIZE["width"])


@needs_browser
def test_entities_are_coloured(tab):
    page = tab("tagger", color_scheme="dark")
    use(page)
    colours = "one => [one.parentElement, one].map(it => getComputedStyle(it).color)"
    black = page.locator("p > span", has_text="person").evaluate(colours)
    assert black == ["rgb(0, 0, 0)"] * 2  # on white and pale colours, also where all else is dark
    assert page.locator("span", has_text="Taylor Swift person").count()
    assert page.get_by_text("B-location").count()


@needs_browser
def test_two_users_translate_at_once(tab):
    pages = [tab("de-en"), tab("de-en")]
    pages[1].get_by_label("Sentences, one a line").fill("Eine Frau singt.")
    for page in pages:
        click(page, "Translate")
    for page, wanted in zip(
        pages, ["A dog runs through the snow.", "A woman is singing."], strict=True
    ):
        assert "done" in said(page)
        assert page.get_by_label("Translation").input_value().strip().lower() == wanted.lower()
        assert page.locator(".figure img").count() == 1


@needs_browser
def test_a_piece_is_composed(tab):
    page = tab("chorales")
    page.get_by_label("number input for Frames to write").fill("8")
    use(page)
    assert content(page, "compose.mid").startswith(b"MThd")
    assert page.locator(".figure img").count() == 1


@needs_browser
def test_a_recording_is_heard(tab):
    page = tab("digits")
    assert "done" in use(page, "a recording")
    assert page.get_by_label("Words").input_value()


@needs_browser
def test_a_body_in_motion_is_named(tab):
    page = tab("action")
    assert "done" in use(page, "a waving arm")
    assert (
        page.locator('[data-testid="label-output-value"]').inner_text()
        in data.labelled.skeletons.ACTIONS
    )


@needs_browser
def test_a_table_becomes_a_forecast(tab):
    page = tab("ett")
    assert re.search("(The model|A baseline) is better.* MASE", use(page, "an example"))
    assert len(content(page, "forecast.csv").splitlines()) == 1 + 96
    assert page.get_by_text("seasonal naive (24)").count()


@needs_browser
def test_uploads_that_do_not_do_are_refused_on_the_page(tab, tmp_path):
    page = tab("ett")
    upload = page.locator('input[type="file"]').first
    (tmp_path / "large.csv").write_bytes(b"1,2\n" * 3_000_000)
    upload.set_input_files(tmp_path / "large.csv")
    page.wait_for_selector("text=/maximum allowed size/")
    page.reload()
    upload = page.locator('input[type="file"]').first
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    upload.set_input_files(tmp_path / "picture.png")
    page.wait_for_selector("text=/Invalid file type/")
    click(page, "Forecast")
    page.wait_for_selector(".wrong")
    assert said(page) == "there is no file; give a table of measurements, such as a CSV file"


@needs_browser
def test_a_comparison_is_watched(tab, folder):
    page = tab("comparisons")
    page.wait_for_selector("text=trials have ended")
    [count, planned] = map(int, re.findall(r"\d+", page.locator(".said").inner_text()))
    assert 0 < count < planned
    page.wait_for_selector(".grid-wrap img, .gallery-item img, .preview img")
    path = folder / "half" / "results.json"
    whole = json.loads(path.read_text())
    path.write_text(json.dumps(whole | {"records": whole["records"][:-1]}))
    page.wait_for_selector(f"text={count - 1} of {planned} trials", timeout=10_000)


@needs_browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_pages_fit_and_follow_the_scheme(tab, scheme, width):
    for name in ("", "shakespeare"):
        page = tab(name, color_scheme=scheme, viewport={"width": width, "height": 800})
        page.wait_for_selector("h1, h2")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, re.findall(r"\d+", back)[:3])) < 128) == (scheme == "dark")


def test_a_page_a_recipe_and_a_kind():
    from keraseq.app import pages

    assert {*pages.PAGES, "classify"} == set(recipes.RECIPES)
    assert set(pages.CLASSIFY) == set(kinds.KINDS)


RNG, LABELS = np.random.default_rng(0), ["a", "b"] * 20
KINDS = {  # what is learned, in a folder; what somebody types, None for the example file
    "series": (lambda path: data.labelled_series(RNG.normal(size=(40, 6, 2)), LABELS), None),
    "frames": (
        lambda path: data.labelled_frames(RNG.integers(0, 99, (40, 3, 9, 9, 1), "uint8"), LABELS),
        None,
    ),
    "dna": (
        lambda path: data.labelled_dna(
            pd.DataFrame(
                {"sequence": ["".join(RNG.permutation([*"ACGTACGT"])) for _ in LABELS]}
                | {"label": LABELS}
            )
        ),
        "ACGTT\nGGTA",
    ),
    "trees": (
        lambda path: data.labelled_trees([f"({n % 5} (2 a{n}) (3 b))" for n in range(50)]),
        "(3 (2 a1) (2 b))",
    ),
    "signals": (lambda path: data.labelled_signals(tones.folders(path)), None),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_classified(kind, tmp_path, plain_loop, step_by_step):
    from keraseq.app import pages

    parts, text = KINDS[kind]
    small = {"units": 2, "epochs": 1, "batch_size": 32, "report": None}
    bundle = recipes.train("classify", parts(tmp_path), **small)
    page = pages.page_of(bundle)
    assert page is pages.CLASSIFY[kind] and page.shows() and page.asks()
    asked = next(iter(page.examples.values()))(bundle) if text is None else [text]
    *_, shown = page.act(bundle, *asked)
    assert set(shown[0]) == set(bundle.preprocessing["classes"])
    assert len(shown[1]) == {"series": 5, "dna": 2}.get(kind, 1)
    assert len(shown) == len(page.shows())
    if text:  # what a recipe without a row of its own has
        [frame] = next(pages.ANYTHING.act(bundle, text, None))
        assert frame.equals(recipes.predict(bundle, text.splitlines()))


def test_a_picture_gets_a_caption(tmp_path, step_by_step):
    from keraseq.app import pages

    folder = seen.captioned(tmp_path)
    tiny = {"units": 4, "embedding": 4, "epochs": 1, "minimum": 1, "measured_pictures": 2}
    tiny |= {"encoder": str(folder / "eye.keras"), "cache": str(folder / "cache.h5")}
    bundle = recipes.train("caption", folder / "said.csv", report=None, **tiny)
    page = pages.page_of(bundle)
    (written, _), (again, drawn) = page.act(bundle, *page.examples["sun and sea"](bundle))
    assert isinstance(written, str) and again == written and drawn.width > 300
    with pytest.raises(ValueError, match="there is no file; give a picture"):
        next(page.act(bundle, None))


def test_an_example_of_any_forecaster(plain_loop, step_by_step):
    """Covariates, categories and logarithms are made up, also those of the time to come."""
    import pandas as pd

    from keraseq.app import examples, pages

    days = pd.date_range("2026-01-01", periods=240, freq="D")
    table = pd.DataFrame({"day": days, "sold": 5.0 + np.arange(240) % 7})
    table["open"] = ["yes", "no"] * 120
    series = data.series(table, targets="sold", future_covariates=["open"], calendar=["weekday"])
    how = {"horizon": 3, "look_back": 7, "units": 2, "epochs": 1, "transform": "log"}
    bundle = recipes.train("forecast", series, report=None, **how)
    page, asked = pages.page_of(bundle), examples.series(bundle)
    _, table, found, _ = next(one for one in page.act(bundle, *asked) if isinstance(one, tuple))
    assert len(found) == 3 and table.endswith("forecast.csv")
    with pytest.raises(ValueError, match="open"):
        list(page.act(bundle, asked[0], None))


@pytest.fixture(scope="module")
def client(address):
    from gradio_client import Client

    return Client(address, verbose=False)


DAMAGED = {
    "ett": ("table.csv", b"\x00\xff\xfe" * 99, "table.csv"),
    "digits": ("sound.wav", b"RIFF1234WAVEfmt ", "sound.wav"),
    "action": ("body.txt", b"1 2 3\n", "body.txt must have 20 lines a frame"),
    "chorales": ("song.mid", b"MThd", "song.mid"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_uploads_are_told_of_in_one_line(client, tmp_path, name):
    from gradio_client import handle_file

    file, bytes_, wanted = DAMAGED[name]
    (tmp_path / file).write_bytes(bytes_)
    given = handle_file(tmp_path / file)
    rest = {"ett": [None], "chorales": [8, 1.0, 0]}.get(name, [])
    said, *_ = client.predict([given] if name == "action" else given, *rest, api_name=f"/{name}")
    assert 'class="said wrong"' in said and "Traceback" not in said and "\n" not in said
    assert f">{wanted}" in said.replace("&#x27;", "")


def test_an_upload_that_is_too_large_is_refused(client, tmp_path):
    from gradio_client import handle_file

    (tmp_path / "large.wav").write_bytes(b"0" * 11_000_000)
    with pytest.raises(Exception, match=r"413|size"):
        client.predict(handle_file(tmp_path / "large.wav"), api_name="/digits")


def test_a_page_holds_nothing_from_elsewhere(address):
    with urllib.request.urlopen(address) as answer:
        page, policy = answer.read().decode(), answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self' ") and "http" not in policy
    loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"([^\"]*)", page)
    assert loaded and not [one for one in loaded if one.startswith(("http", "//"))]


def test_uploads_are_deleted(tmp_path, monkeypatch):
    """Each after a while, and all at the end."""
    from gradio_client import Client, handle_file

    from keraseq.app import blocks, serving

    monkeypatch.setattr(blocks, "KEPT", 3)
    tones.write(tmp_path / "tone.wav", tones.tone("rise"))
    with serving(["digits"], port=free_port()) as address:
        uploads, client = Path(os.environ["GRADIO_TEMP_DIR"]), Client(address, verbose=False)
        assert "there is no file" in client.predict(None, api_name="/digits")[0]  # it is loaded
        said, *_ = client.predict(handle_file(tmp_path / "tone.wav"), api_name="/digits")
        assert "done" in said
        end = time.monotonic() + 20
        while any(uploads.rglob("tone.wav")) and time.monotonic() < end:
            time.sleep(0.2)
        assert not [*uploads.rglob("tone.wav")]
        (uploads / "left").touch()
    assert not uploads.exists()


def shell(*words):
    found = CliRunner().invoke(cli.app, ["app", *map(str, words)])
    return found.exit_code, found.stderr


def test_the_shell_says_what_is_wrong_in_one_line(folder, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = f"Error: port {port} of 127.0.0.1 cannot be had (Address already in use); "
        assert shell("digits", "--port", port) == (1, f"{taken}give another with --port\n")
    free = free_port()
    assert shell(tmp_path, "--port", free) == (
        1,
        f"Error: '{tmp_path}' is no bundle: it has no manifest.json\n",
    )
    code, said = shell(folder / "strange", "--port", free)
    assert code == 1 and said.startswith("Error: the bundle's card names the recipe 'dream'; known")
    nowhere = tmp_path / "nowhere"
    assert shell("--folder", nowhere, "--port", free) == (
        1,
        f"Error: there is no folder '{nowhere}'\n",
    )
    assert shell("--port", 70_000) == (2, "Error: port must be from 0 to 65535; received 70000\n")
    monkeypatch.setitem(sys.modules, "gradio", None)
    missing = "pages need Gradio, which is not installed; to have it: pip install 'keraseq[app]'"
    assert shell("digits", "--port", free) == (2, f"Error: {missing}\n")


def test_bundles_of_one_name_have_a_page_each(tmp_path):
    from keraseq.app import blocks

    places = [tmp_path / one / "x y" for one in "ab"]
    for place in places:
        shutil.copytree(MODELS / "digits", place)
    pages = blocks.named([blocks.Opened(place) for place in places])
    assert list(pages) == ["x-y", "x-y-2"]
    (tmp_path / "a" / "x y").rename(tmp_path / "config")  # an address of Gradio's own
    assert list(blocks.named([blocks.Opened(tmp_path / "config")])) == ["config-2"]
    with pytest.raises(BundleError, match="is no bundle"):
        blocks.site([tmp_path])
