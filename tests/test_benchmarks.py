"""Each benchmark runs in a tiny setting, and its page says what its lines say."""

import contextlib
import csv
import functools
import importlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import keras
import numpy as np
import pytest
import seen
import tones

import keraseq

FOLDER = Path(__file__).parents[1] / "benchmarks"
BACKEND = keras.backend.backend()
SIZE = [5, 2, 3, 4]


@pytest.fixture(autouse=True, scope="module")
def plain():
    """How fast a loop is does not matter here; it need not be compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASEQ_LOOP", "plain")
        yield


@pytest.fixture
def timing(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import timing

    return timing


def run(script, *options):
    """What a script prints, run in this process: its own would spend seconds on importing Keras."""
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()) as printed,
    ):
        patch.syspath_prepend(FOLDER)
        patch.setattr(sys, "argv", [script, *map(str, options)])
        patch.setenv("OMP_NUM_THREADS", "1")  # which the script sets, and leaves so
        try:
            importlib.import_module(Path(script).stem).main()
        except SystemExit as error:
            assert not error.code, error.code
    return printed.getvalue()


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def tiny(*more):
    size = ",".join(map(str, SIZE))
    return ["rnn.py", "--backend", BACKEND, "--sizes", size, "--repeats", 1, "--threads", 1, *more]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Two cells: the lines of a whole measurement, and the table."""
    folder = tmp_path_factory.mktemp("results")
    path = folder / "rnn-tiny.jsonl"
    text = run(*tiny("--cells", "gru,mut1", "--only", "time", "--json", path))
    return path, text


def test_cells_beside_other_layers(measured):
    path, text = measured
    first, *rows = lines(path)
    assert first["kind"] == "run" and first["versions"]["keras"] == keras.__version__
    assert [json.loads(line) for line in text.splitlines()[: len(rows) + 1]] == [first, *rows]
    found = {(row["cell"], row["what"]): row for row in rows}
    assert {what for cell, what in found if cell == "mut1"} == {
        "keraseq",
        "keras.layers.RNN",
        "bound",
    }
    gru = {what for cell, what in found if cell == "gru"}
    assert {"keras.layers.GRU", "keras.layers.GRU(reset_after=False)"} < gru
    for (_, what), row in found.items():
        assert "error" not in row and row["run"] == first["run"] and row["size"] == SIZE
        if what != "bound":
            assert 0 < row["forward_least_ms"] <= row["forward_ms"]
            assert 0 < row["step_least_ms"] <= row["step_ms"] and row["step_first_s"] > 0
    assert found["gru", "keraseq"]["loop"] in keraseq.layers.scan.LOOPS
    assert "keraseq / it" in text


def test_memory_is_measured_in_a_process_for_each(tmp_path):
    options = ["--cells", "mgu", "--only", "memory", "--compare", "keraseq", "--json"]
    run(*tiny(*options, tmp_path / "a.jsonl"))
    [_, row] = lines(tmp_path / "a.jsonl")
    assert row["kind"] == "memory" and row["what"] == "keraseq" and -5 < row["peak_mb"] < 200


def test_what_fails_is_recorded_and_the_rest_goes_on(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import rnn
    import timing

    def bad():
        raise MemoryError("no room\nfor this")

    def good():
        return keraseq.layers.RNN(keraseq.cells.MGUCell(4), return_sequences=True)

    monkeypatch.setattr(rnn, "candidates", lambda *_: {"bad": bad, "keraseq": good})
    options = rnn.arguments(["--repeats", "1", "--variant", "padded"])
    options.compare = ["keraseq"]
    failed, found = rnn.times("mgu", SIZE, options)
    assert failed == {"what": "bad", "error": "MemoryError: no room"}
    assert found["what"] == "keraseq" and found["step_ms"] > 0
    row = timing.in_a_process(["-c", "raise SystemExit('a reason')"])
    assert row == {"error": "exit status 1: a reason"}


def test_candidates_of_a_variant(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import rnn

    options = rnn.arguments(["--variant", "padded", "--loops"])
    found = list(rnn.candidates("lstm", SIZE, options))
    assert "keraseq loop=deferred" in found and "keras.layers.LSTM" in found
    assert not any(what.startswith("torch.") for what in found)  # they take no mask
    options = rnn.arguments(["--variant", "bidirectional"])
    for what, make in rnn.candidates("lstm", SIZE, options).items():
        if not what.startswith("torch."):
            assert make().compute_output_shape((2, 5, 3)) == (2, 5, 8), what


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sizes", "1,2,3"], "four positive numbers"),
        (["--compare", "kera"], "--compare knows keraseq"),
        (["--cells", "mut4"], "unknown cell 'mut4'"),
    ],
)
def test_what_cannot_be_measured_is_said(options, message, capsys, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import rnn

    monkeypatch.setattr(sys, "argv", ["rnn.py", "--threads", "1", *options])
    with pytest.raises((SystemExit, ValueError)) as error:
        rnn.main()
    said = capsys.readouterr().err or str(error.value)
    assert message in said.splitlines()[-1] and getattr(error.value, "code", 2) == 2


def test_scaling(tmp_path, timing, monkeypatch):
    """In this process; `test_memory_is_measured_in_a_process_for_each` has the processes."""
    monkeypatch.setattr(
        timing, "in_a_process", lambda command: json.loads(run(*command).splitlines()[-1])
    )
    path = tmp_path / "scaling-tiny.jsonl"
    options = ["--steps", "2,4", "--batch", "", "--units", "", "--pieces", "", "--no-beside"]
    options += ["--repeats", 1, "--tolerance", 9, "--json", path]
    text = run("scaling.py", "--backend", BACKEND, *options)
    points = [line for line in lines(path) if line["kind"] == "scaling"]
    assert [(one["size"], one["what"]) for one in points] == [
        ([steps, 16, 64, 128], "keraseq") for steps in (2, 4)
    ]
    assert all(one["step_ms"] > 0 and "peak_mb" in one for one in points)
    grown = [line for line in lines(path) if line["kind"] == "growth"]
    assert {one["measure"] for one in grown} == {"step_ms", "peak_mb"} and len(grown) == 2
    assert "exponents of growth" in text


@pytest.mark.skipif(BACKEND != "tensorflow", reason="of TensorFlow")
def test_a_first_step_beside_that_of_keras(tmp_path, timing, monkeypatch):
    """In this process, and eager, so that nothing is traced."""
    import first_step

    compiled = keras.Sequential.compile
    eager = functools.partialmethod(compiled, run_eagerly=True)
    monkeypatch.setattr(keras.Sequential, "compile", eager)

    def here(command):
        return json.loads(run(*command).splitlines()[-1])

    monkeypatch.setattr(timing, "in_a_process", here)
    for name in ("STEPS", "ROWS", "FEATURES", "UNITS", "BATCHES"):
        monkeypatch.setattr(first_step, name, 2)
    options = ["--cells", "gru", "--variants", "masked", "--repeats", 1]
    run("first_step.py", *options, "--json", tmp_path / "first-tiny.jsonl")
    about, row = lines(tmp_path / "first-tiny.jsonl")
    assert about["kind"] == "run" and (row["what"], row["loop"]) == ("masked", "plain")
    ratio = row["keraseq_processor"] / row["keras_processor"]
    assert row["ratio_processor"] == pytest.approx(ratio, rel=0.2)
    [(x, _)] = first_step.of_lengths(2, 1, many=True, masked=False)
    assert x.shape[1] > 10 and x[1, 0, 0] and not x[0, -1].any()


def test_a_point_with_pieces(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import scaling

    found = scaling.point("gru", [6, 2, 3, 4], "keraseq checkpoint_every=3", 1)
    assert "error" not in found and found["step_ms"] > 0
    found = scaling.point("gru", [6, 2, 3, 4], "keraseq checkpoint_every=0", 1)
    assert "checkpoint_every must be a positive integer" in found["error"]


def test_growth_is_the_exponent(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import scaling

    rows = [
        {"kind": "scaling", "axis": "steps", "what": "keraseq", "size": [t, 1, 1, 1]}
        | {"step_ms": 3.0 * t**2, "peak_mb": 5.0 * t}
        for t in (8, 16, 32, 64)
    ]
    found = {line["measure"]: line["exponent"] for line in scaling.growth(rows)}
    assert found == {"step_ms": pytest.approx(2), "peak_mb": pytest.approx(1)}


def test_the_bound_counts_every_product(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import rnn

    [options] = [rnn.arguments(["--sizes", "7,2,3,4"])]
    t, b, d, h = options.sizes[0]
    inputs, recurrent = 2.0 * b * d * 4 * h * t, 2.0 * b * h * 4 * h * t
    assert rnn.operations("lstm", options.sizes[0], options) == (
        inputs + recurrent,
        2 * inputs + 3 * recurrent,
    )
    forward, _ = rnn.operations("mut1", options.sizes[0], options)  # U_z is absent
    assert forward == 2.0 * b * t * (d * 3 * h + h * 2 * h)
    forward, train = rnn.operations("indrnn", options.sizes[0], options)
    assert train == 2 * forward == 4.0 * b * d * h * t  # the recurrence is element-wise


def test_a_disturbed_repeat_does_not_count(timing, monkeypatch):
    """The second of each four repeats is slow, and something else was at work then."""
    state = {"calls": 0, "others": 0.0}

    def call():
        state["calls"] += 1
        busy = state["calls"] % 4 == 2
        state["others"] += 9.0 if busy else 0.0
        clock[0] += 8.0 if busy else 1.0

    clock = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(timing, "cpu_of_others", lambda: state["others"])
    [found] = timing.interleaved({"one": call}, 6).values()
    assert found.seconds == found.least == 1.0 and found.calm
    assert found.repeats == 6 and found.disturbed >= 1


def test_where_it_is_never_calm_that_is_said(timing, monkeypatch):
    others = iter(range(10**6))
    monkeypatch.setattr(timing, "cpu_of_others", lambda: 100.0 * next(others))
    [found] = timing.interleaved({"one": lambda: None}, 2).values()
    assert not found.calm and found.disturbed == found.repeats == 6


def line(what, step_ms=None, **more):
    row = {"kind": "time", "run": "r", "backend": "tensorflow", "device": "cpu", "cell": "gru"}
    row |= {"variant": "plain", "dtype": "float32", "size": [256, 64, 128, 256], "what": what}
    if step_ms is not None:
        row |= {"forward_ms": step_ms / 3, "step_ms": step_ms, "step_first_s": 1.0, "calm": True}
    return {**row, **more}


def written(folder, rows):
    (folder / "results").mkdir(exist_ok=True)
    head = {"kind": "run", "run": "r", "date": "2026-01-01", "command": "rnn.py", "processor": "P"}
    head |= {"cores": 2, "memory_gb": 3, "system": "S", "versions": {"keras": "3"}, "device": "cpu"}
    text = "\n".join(map(json.dumps, [head, *rows]))
    (folder / "results" / "rnn-tensorflow-cpu.jsonl").write_text(text + "\n")
    run("results_page.py", "--results", folder / "results", "--out", folder)
    return (folder / "RESULTS.md").read_text()


def test_the_page_compares_within_a_run_and_says_what_is_met(tmp_path):
    text = written(
        tmp_path,
        [
            line("keraseq", 999.0, run="older"),
            line("keras.layers.RNN", 1.0, run="older"),
            line("keraseq", 60.0, loop="deferred", step_first_s=9.0),
            line("keras.layers.RNN", 100.0),
            line("keras.layers.GRU(reset_after=False)", 90.0, calm=False),
            line("bound", 30.0),
            line("torch.nn.GRU", error="RuntimeError: no room"),
        ],
    )
    assert "| 0.60 | 0.67 |" in text and "2.00" in text
    targets = {row.split("|")[2].strip(): row for row in text.splitlines() if "0.60 (gru" in row}
    assert targets["keras.layers.RNN"].endswith("| yes |")
    [builtin] = [r for r in text.splitlines() if "GRU(reset_after=False) | gru" in r]
    assert "0.67 (gru" in builtin and builtin.endswith("| **no** |")
    [first] = [r for r in text.splitlines() if "+3 s" in r]
    assert "+8.0 s" in first and first.endswith("| **no** |")
    assert "not measured" in text
    assert "RuntimeError: no room" in text and "other processes were at work" in text
    assert "999" not in text and "keras 3" in text
    figure = tmp_path / "figures" / "rnn-tensorflow-cpu-plain-float32.png"
    assert figure.stat().st_size > 5000 and f"figures/{figure.name}" in text


def test_the_page_of_what_was_measured(measured, tmp_path):
    path, _ = measured
    run("results_page.py", "--results", path.parent, "--out", tmp_path)
    text = (tmp_path / "RESULTS.md").read_text()
    assert "| `mut1`" in text and "5,2,3,4" in text
    for name in [part.split(")")[0] for part in text.split("](figures/")[1:]]:
        assert (tmp_path / "figures" / name).exists()


def test_a_damaged_line_is_named(tmp_path):
    (tmp_path / "rnn-a.jsonl").write_text('{"kind": "run", "run": "r"}\n{"kind"')
    command = [sys.executable, str(FOLDER / "results_page.py"), "--results", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode and "rnn-a.jsonl, line 2: no JSON" in done.stderr


@pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs the public texts")
def test_words_of_the_penn_treebank(tmp_path, monkeypatch):
    """A model trained, measured beside n-grams, written down once."""
    monkeypatch.syspath_prepend(FOLDER)
    import ptb

    monkeypatch.setattr(ptb, "WORDS", 40)
    options = ["--csv", tmp_path / "ptb.csv", "--runs", tmp_path / "runs", "--limit", 20_000]
    settings = ["units=4", "layers=1", "batch_size=4", "length=20", "epochs=1"]
    for _ in range(2):
        text = run("ptb.py", *options, *settings)
    [line] = csv.DictReader((tmp_path / "ptb.csv").read_text().splitlines())
    assert line["settings"] == "batch_size=4 epochs=1 layers=1 length=20 units=4"
    assert float(line["test"]) < 2000 and line["test"] in text
    assert line["ngram"].endswith("gram (Witten-Bell)") and float(line["ngram_test"]) < 2000


@pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs the public data")
def test_taggers_are_measured_once(tmp_path):
    tiny = ["--limit", 30, "--epochs", 1, "--units", 2, "--character-units", 1, "--vectors", "none"]
    tiny += ["--csv", tmp_path / "tag.csv"]
    printed = run("tag.py", "wnut17", *tiny, "--without", "crf")
    line = json.loads(printed.splitlines()[-1])
    assert line["without"] == "crf" and 0 <= line["f1"] <= 1 and line["low"] < line["accuracy"]
    assert line["parameters"] == line["trained"]  # no vectors that stay
    assert "epoch" not in run("tag.py", "wnut17", *tiny, "--without", "crf")


@pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs the public data")
@pytest.mark.parametrize("cell", ["tree-elman", "bilstm"])
def test_trees_are_measured_once(cell, tmp_path, plain_loop):
    tiny = ["--cell", cell, "--limit", 40, "--epochs", 1, "--units", 3, "--vectors", "none"]
    tiny += ["--csv", tmp_path / "trees.csv"]
    line = json.loads(run("trees.py", *tiny).splitlines()[-1])
    assert line["cell"] == cell and line["low"] < line["accuracy"] < line["high"]
    assert line["binary_low"] < line["binary"] < line["binary_high"] and line["epochs"] == 1
    assert not run("trees.py", *tiny)


def test_spoken_digits_are_measured_once(tmp_path, plain_loop, monkeypatch):
    """On an archive of tones that are called like digits; the speaker's own are the test part."""
    monkeypatch.setenv("KERASEQ_DATA", str(tmp_path))
    (tmp_path / "fsdd").mkdir()
    with tarfile.open(tmp_path / "fsdd" / "recordings.tar.gz", "w:gz") as archive:
        for i in range(48):
            word, speaker = sorted(tones.WORDS)[i % 2], ("george", "theo")[i // 2 % 2]
            tones.write(tmp_path / "one.wav", tones.tone(word, seed=i))
            archive.add(tmp_path / "one.wav", f"recordings/{i % 2}_{speaker}_{i // 4}.wav")
    tiny = ["--speakers", "theo", "--cell", "elman", "--units", 2, "--epochs", 1]
    tiny += ["--csv", tmp_path / "speech.csv"]
    line = json.loads(run("speech.py", *tiny).splitlines()[-1])
    assert line["held_out"] == "theo" and line["examples"] == 24
    assert line["low"] < line["accuracy"] < line["high"] and ":" in line["confusions"]
    assert not run("speech.py", *tiny)
    run("speech.py", "--csv", tmp_path / "speech.csv", "--figure", tmp_path / "confusions.png")
    assert (tmp_path / "confusions.png").stat().st_size > 5_000
    floors = ["--speakers", "official", "--baselines", "--csv", tmp_path / "floors.csv"]
    line = json.loads(run("speech.py", *floors).splitlines()[-1])
    assert line["spectrogram of 20 frames, nearest neighbour"] == 1


@pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs KERASEQ_DATA")
def test_saved_models_of_music_and_of_actions_are_drawn(tmp_path, plain_loop, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    music, frames = (importlib.import_module(name) for name in ("music", "frames"))
    monkeypatch.setattr(music, "DRAWN", 1)
    monkeypatch.setattr(music, "LENGTH", 8)
    monkeypatch.setattr(frames, "ROOT", tmp_path)
    for folder in ("results", "figures", "benchmarks/figures"):
        (tmp_path / folder).mkdir(parents=True)
    assert "Bach" in run("music.py", "figure", "--csv", tmp_path / "results" / "music.csv")
    run("frames.py", "figures", "--bundle", FOLDER.parent / "saved_models" / "action")
    sizes = {path.name: path.stat().st_size for path in tmp_path.rglob("*.png")}
    assert set(sizes) == {"music.png", "action-confusions.png", "action-over-time.png"}
    assert min(sizes.values()) > 5_000


def test_every_fault_still_has_its_place(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    for fault in importlib.import_module("mutants").MUTANTS:
        text = (FOLDER.parent / "keraseq" / fault.file).read_text()
        assert text.count(fault.old) == 1, fault.name


def test_dna_is_measured_once(tmp_path, plain_loop, monkeypatch):
    monkeypatch.setenv("KERASEQ_DATA", str(tmp_path))
    (tmp_path / "dna").mkdir()
    rng = np.random.default_rng(0)
    rows = [
        f"{('EI', 'N')[i % 2]},x{i},  {''.join(rng.choice(list('ACGT'), 9))}" for i in range(99)
    ]
    (tmp_path / "dna" / "splice.csv").write_text("\n".join(["label,instance_name,sequence", *rows]))
    tiny = ["splice", "--folds", 2, "--cell", "elman", "--units", 2, "--epochs", 1]
    tiny += ["--csv", tmp_path / "dna.csv"]
    lines = [json.loads(one) for one in run("dna.py", *tiny).splitlines() if one[0] == "{"]
    assert [one["method"] for one in lines][-1] == "naive Bayes by position" and len(lines) == 6
    assert {one["examples"] for one in lines} == {10} and lines[0]["sensitivity"] >= 0
    assert not run("dna.py", *tiny)


def test_gradients(tmp_path, plain_loop, step_by_step, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import gradients

    few = {name: gradients.CELLS_TRAINED[name] for name in ("elman", "lstm, chrono")}
    monkeypatch.setattr(gradients, "CELLS_TRAINED", few)
    tiny = {"steps": 4, "seeds": 1, "units": 3, "map_steps": 12, "cliff_steps": 3, "epochs": 1}
    tiny |= {"training_steps": 2, "training_units": 3, "training_length": 4}
    tiny |= {"memory_steps": 4, "memory_units": 2, "memory_rows": 64, "out": tmp_path}
    tiny |= {"character_steps": 3, "character_rows": 64, "character_epochs": 1}
    run("gradients.py", *(word for name, size in tiny.items() for word in (f"--{name}", size)))
    with (tmp_path / "results" / "gradients-starts.csv").open() as file:
        [one] = [
            row
            for row in csv.DictReader(file)
            if (row["activation"], row["start"], row["deviation"], row["step"])
            == ("linear", "identity x 1.1", "1", "3")
        ]
    assert 10 ** float(one["log10"]) == pytest.approx(1.1**3, rel=1e-3)
    assert len(list((tmp_path / "figures").glob("gradients-*.png"))) == 13
    with pytest.raises(ValueError, match="unknown name 'clif'"):
        run("gradients.py", "clif", "--out", tmp_path)


def test_rows_of_translations_are_settings(monkeypatch):
    """Each row makes a model, with the preset of the data."""
    monkeypatch.syspath_prepend(FOLDER)
    import translate

    from keraseq import data, recipes
    from keraseq.recipes.presets import preset

    recipe = recipes.get("translate")
    pairs = data.sentence_pairs([(f"{i}a", f"a{i}") for i in range(40)])
    for name, row in translate.ROWS.items():
        options = {k: v for k, v in row.items() if k != "reverse"}
        small = {"level": "character", "encoder_units": 4, "units": 8, "embedding": 4, "length": 9}
        settings = recipe.Settings.of({**preset("translate", "multi30k"), **small, **options})
        settings = recipe.completed(pairs, settings)
        if name == "dot":  # which needs memory as wide as the state
            assert row["encoder_units"] * 2 == recipe.Settings().units
            settings = recipe.Settings.of({**settings.__dict__, "encoder_units": 4})
        model = recipe.build(recipe.prepare(pairs, settings), settings, training=True)
        assert hasattr(model, "sampling_rate") == ("scheduled_sampling" in row)


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import gpu

    return gpu


@pytest.fixture
def gpu_tables(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import gpu_tables

    return gpu_tables


def test_a_gpu_is_measured_job_by_job_in_other_processes(gpu, tmp_path, monkeypatch):
    """A job that works, one that fails, one that there is no time for."""
    if BACKEND != "torch":
        pytest.skip("its processes have backends of their own: once is enough")
    given = {"cell": "mgu", "size": SIZE, "whats": ["keraseq", "keraseq loopy"]}
    jobs = [
        {"part": "times", "backend": "torch", "seconds": 1, "do": "times", "with": given},
        {"part": "times", "backend": "torch", "seconds": 1, "do": "times", "with": {"odd": 1}},
        {"part": "memory", "backend": "torch", "seconds": 9e9, "do": "memory", "with": {}},
    ]
    monkeypatch.setattr(gpu, "plan", lambda options: [[job] for job in jobs])
    path = tmp_path / "gpu-tiny.jsonl"
    text = run("gpu.py", "--out", path, "--tiny", "--seconds", 400, "--backends", "torch")
    about, *rows = lines(path)
    assert about["kind"] == "run" and about["versions"]["torch"] and about["backend"] == "torch"
    assert [row["kind"] for row in rows] == ["time", "time", "took", "failed", "took", "skipped"]
    assert rows[0]["step_ms"] > 0 and rows[0]["loop"] and rows[0]["run"] == about["run"]
    assert "unknown loop 'loopy'" in rows[1]["error"] and "odd" in rows[3]["error"]
    assert "== failed or left out" in text and "memory" in text
    run("results_page.py", "--results", tmp_path, "--out", tmp_path)
    page = (tmp_path / "RESULTS.md").read_text()
    assert "unknown loop 'loopy'" in page and "| plain | 5,2,3,4 | mgu |" in page


def test_agreement_for_the_gpu(gpu, gpu_tables, monkeypatch):
    if BACKEND == "tensorflow":
        pytest.skip("it needs none")
    types = {one: (one, contextlib.nullcontext) for one in ("float64", "float32")}
    monkeypatch.setattr(gpu, "precisions", lambda _: types)
    from keras.src.backend.common import dtypes

    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    with jax_as_it_is():
        row, less = gpu.agreement(10, 21)
    assert row["cell"] == less["cell"] == "mgu" and max(row["error"].values()) < 1e-12, row
    on_jax = BACKEND == "jax"  # where nothing is compiled twice
    assert set(row["error"]) == {"plain", "deferred"} | (set() if on_jax else {"auto"})
    assert set(less["error"]) == ({"auto"} if on_jax else {"plain", "auto"})
    assert 0 <= max(row["loops"].values()) < 1e-12 and max(less["error"].values()) < 1e-5
    assert gpu_tables.agreed([{**row, "backend": BACKEND}])[0]["against the oracle"].endswith(
        "(mgu)"
    )


@contextlib.contextmanager
def jax_as_it_is():
    """With its types afterwards as they were."""
    if BACKEND != "jax":
        yield
        return
    import jax

    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", False)


def test_what_is_worth_most_is_measured_first(gpu, gpu_tables):
    plan = gpu.plan(gpu.arguments(["--out", "x"]))
    assert {job["part"] for group in plan for job in group} == set(gpu.PARTS)
    assert plan[0][0]["with"]["cell"] == "lstm" and plan[0][0]["with"]["size"] == list(
        gpu_tables.MIDDLE
    )
    asked = {(backend, cell, size[0]) for backend, cell, size, *_ in gpu_tables.ASKS}
    timed = [job for group in plan for job in group if job["do"] == "times"]
    first = [(job["backend"], job["with"]["cell"], job["with"]["size"][0]) for job in timed[:14]]
    assert asked <= set(first)
    for backend in ("jax", "torch"):
        own = [job["with"] for job in timed if job["backend"] == backend]
        rows = {(one.get("variant", "plain"), tuple(one["size"])) for one in own}
        middle, long = gpu_tables.MIDDLE, gpu_tables.LONG
        assert {("padded", middle), ("bidirectional", middle), ("plain", long)} < rows
    alone = [group for group in plan if len(group) > 1]  # nothing timed has company
    assert all(job["do"] in ("agreement", "memory") for group in alone for job in group)
    small = gpu.plan(gpu.arguments(["--out", "x", "--tiny", "--only", "times"]))
    assert all(max(job["with"]["size"]) < 50 for group in small for job in group)


def test_asks_beside_their_figures(gpu_tables):
    size = list(gpu_tables.MIDDLE)
    same = {"size": size, "backend": "jax", "device": "H"}
    rows = [
        line("keraseq", 4.0, **same, cell="lstm"),
        line("keras.layers.LSTM", 8.0, **same, cell="lstm"),
        line("keraseq", 3.0, **same, cell="mut1"),
        line("keraseq", 9.0, **same, cell="mut1", variant="padded"),
    ]
    found = {(row["backend"], row["cell"], row["size"]): row for row in gpu_tables.asked(rows)}
    lstm, mut1 = (found["jax", cell, "256,64,128,256"] for cell in ("lstm", "mut1"))
    assert lstm["measured"].startswith("0.50 ") and lstm["met"] == "**no**"
    assert mut1["measured"].startswith("0.38 ") and mut1["met"] == "yes"
    assert found["torch", "lstm", "128,32,64,128"]["met"] == "not measured"


PROGRAM = """
%fused (p: f32[2]) -> f32[2] {
  ROOT %add.1 = f32[2]{0} add(%p, %p)
}
%body.7 (arg: (s32[], f32[2])) -> (s32[], f32[2]) {
  %arg = (s32[], f32[2]{0}) parameter(0)
  %one = f32[2]{0} get-tuple-element(%arg), index=1
  %gemm = (f32[2]{0}, s8[4]{0}) custom-call(%one), custom_call_target="__cublas$gemm"
  %f.1 = f32[2]{0} fusion(%one), kind=kLoop, calls=%fused, metadata={op_name="x"}
  ROOT %f.2 = (s32[], f32[2]{0}) fusion(%one), kind=kLoop, calls=%fused
}
ENTRY %main (p: f32[2]) -> f32[2] {
  %w = (s32[], f32[2]{0}) while(%t), condition=%cond, body=%body.7
}
"""


def test_launches_are_counted_in_the_bodies_of_loops(gpu):
    assert gpu.launches(PROGRAM) == {"body.7": {"custom-call": 1, "fusion": 2}}
    assert "metadata" not in gpu.loops_of(PROGRAM) and "__cublas" in gpu.loops_of(PROGRAM)


def test_a_part_that_there_is_not_is_said(gpu, capsys):
    for given in (["--out", "x", "--only", "time"], []):
        with pytest.raises(SystemExit):
            gpu.arguments(given)
        said = capsys.readouterr().err.splitlines()[-1]
        assert "--only knows times" in said or "--out FILE is needed" in said


def test_rates_on_devices_are_measured_once(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import devices

    tiny = ["--backend", BACKEND, "--cells", "gru", "--rows", 2, "--length", 3, "--units", 2]
    tiny += ["--steps", 1, "--repeats", 1]
    found = json.loads(run("devices.py", *tiny, "--way", "two cores").splitlines()[-1])
    assert found["sequences_a_second"] > 0 and found["loop"] == "plain"
    monkeypatch.setattr(devices, "in_processes", lambda given, cell, way: found)
    for _ in range(2):
        run("devices.py", *tiny, "--csv", tmp_path / "devices.csv")
    rows = csv.DictReader((tmp_path / "devices.csv").read_text().splitlines())
    assert [row["way"] for row in rows] == list(devices.WAYS[BACKEND])


def test_linear_recurrences_beside_the_lstm(tmp_path, monkeypatch):
    monkeypatch.delenv("KERASEQ_LOOP")
    path = tmp_path / "linear-tiny.jsonl"
    options = ["--sizes", "9,2,3,4", "--cells", "min-gru", "--repeats", 1, "--json", path]
    text = run("linear.py", "--backend", BACKEND, *options)
    first, *rows = lines(path)
    assert first["kind"] == "run" and not [one for one in rows if "error" in one]
    assert [(one["what"], one["loop"]) for one in rows] == [
        ("keras.layers.LSTM", None),
        ("keraseq", "parallel"),
        ("keraseq loop=parallel", "parallel"),
    ]
    assert "/ LSTM" in text
    run("results_page.py", "--results", tmp_path, "--out", tmp_path)
    page = (tmp_path / "RESULTS.md").read_text()
    assert "## Linear recurrences" in page and f"{rows[1]['step_ms']:.1f}" in page
    run("linear.py", "--backend", BACKEND, *options[:-1], path, "--seconds", 0)
    assert len(lines(path)) == len(rows) + 2  # nothing but what ran it


@pytest.mark.skipif(BACKEND != "tensorflow", reason="what is measured is the same on all")
def test_captions(tmp_path, monkeypatch):
    """Rows without training, from pictures to lines, and cells of one size."""
    folder = seen.captioned(tmp_path)
    found = keraseq.data.captioned(folder, folder / "said.csv")
    monkeypatch.setattr(keraseq.data, "load", lambda name, **_: found)
    pictures = keraseq.data.pictures
    eyes = pictures.looking(keras.saving.load_model(folder / "eye.keras"))
    monkeypatch.setattr(pictures, "lite0", lambda: eyes)
    results = tmp_path / "captions.csv"
    run("caption.py", "rows", "--results", results, "--constant", "a red wall")
    rows = list(csv.DictReader(results.read_text().splitlines()))
    assert len(rows) == 12 and rows[0]["without_training"] == "one caption for all: a red wall"
    monkeypatch.syspath_prepend(FOLDER)
    import caption

    options = {**caption.SMALL, "encoder": str(folder / "eye.keras"), "embedding": 3}
    options["cache"] = str(tmp_path / "seen.h5")
    sizes = [caption.units_of("walls", 700, {**options, "cell": one}) for one in caption.CELLS]
    assert sizes[0] > max(sizes[1:]) >= min(sizes) > 1  # of Elman's cell there is less
