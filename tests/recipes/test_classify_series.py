"""The same recipe for labelled series: raw measurements to a bundle that reads raw measurements."""

import functools
import itertools
import json
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from keraseq import cli, data, evaluate, models, recipes
from keraseq.bundle import Bundle, load
from keraseq.data import labelled
from keraseq.recipes import classify
from keraseq.recipes.classify import kinds
from keraseq.recipes.classify import series as of_series
from keraseq.recipes.classify.baselines import logits_of
from keraseq.recipes.classify.series import summaries, warped

SMALL = {"units": 8, "epochs": 25, "batch_size": 16, "learning_rate": 0.03, "dropout": 0.0}
SMALL["report"] = None
train = functools.partial(recipes.train, "classify")


def waves(rows=60, seed=0):
    """Slow and fast waves of unequal length in one channel, noise in the other."""
    rng = np.random.default_rng(seed)
    arrays = []
    for i in range(rows):
        time = np.arange(rng.integers(12, 20)) + rng.uniform(0, 9)
        wave = np.sin(time * (0.4 if i % 2 else 1.6))
        arrays.append(np.stack([wave, rng.normal(size=len(time))], axis=1))
    return arrays, ["slow" if i % 2 else "fast" for i in range(rows)]


def long_frame(rows=60, seed=0):
    arrays, labels = waves(rows, seed)
    parts = zip(range(rows), arrays, labels, strict=True)
    frames = [
        pd.DataFrame({"who": f"r{i}", "x": one[:, 0], "y": one[:, 1], "label": label})
        for i, one, label in parts
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def series():
    return data.labelled_series(*waves(), channels=["x", "y"])


@pytest.fixture(scope="module")
def trained(series):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASEQ_LOOP", "plain")
        return train(series, **SMALL)


def test_a_model_learns_and_reads_raw_series(trained, tmp_path):
    """Arrays of any length, a table with or without labels, in whatever order of channels."""
    fresh, labels = waves(12, seed=9)
    found = recipes.predict(trained, fresh)
    assert found.columns.tolist() == ["series", "label", "probability", "P(fast)", "P(slow)"]
    assert found.label.tolist() == labels and found.series.tolist() == [*map(str, range(12))]
    np.testing.assert_allclose(found[["P(fast)", "P(slow)"]].sum(axis=1), 1)
    trained.save(tmp_path / "saved", optimizer=False)
    again = load(tmp_path / "saved")
    frame = long_frame(12, seed=9)[["y", "who", "x"]].assign(z=1.0)
    table = recipes.predict(again, frame, id="who")
    assert table.series.tolist() == [f"r{i}" for i in range(12)]
    np.testing.assert_allclose(table.probability, found.probability, rtol=1e-4)


QUICK = {**SMALL, "epochs": 1}
STEPS = [f"s{i}" for i in range(12)]


def wide_frame(rows=60, seed=0):
    arrays, labels = waves(rows, seed)
    values = np.stack([one[:12, 0] for one in arrays])
    return pd.DataFrame(values, columns=STEPS).assign(what=labels)


def refused(bundle, given, message, **reading):
    with pytest.raises(ValueError, match=message) as caught:
        recipes.predict(bundle, given, **reading)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["frame", "file"])
def test_a_wide_table_has_the_steps_of_the_training_table(source, tmp_path):
    table = wide_frame()
    if source == "file":
        table = tmp_path / "wide.csv"
        wide_frame().to_csv(table, index=False)
    train(table, label="what", **QUICK).save(tmp_path / "saved", optimizer=False)
    bundle, fresh = load(tmp_path / "saved"), wide_frame(6, seed=9)
    found = recipes.predict(bundle, fresh)
    steps = fresh.drop(columns="what")
    arrays = [*steps.to_numpy()[:, :, None]]
    for given in (steps, arrays, steps.to_csv(index=False).encode().splitlines()):
        again = recipes.predict(bundle, given)
        np.testing.assert_allclose(again.probability, found.probability, rtol=1e-4)
        assert again.label.tolist() == found.label.tolist() and len(again) == 6
    renamed = recipes.predict(bundle, fresh.rename(columns={"what": "label"}), label="label")
    np.testing.assert_allclose(renamed.probability, found.probability, rtol=1e-4)
    long = long_frame(3, seed=9).drop(columns=["who", "label"]).assign(t=1)
    refused(
        bundle, long,
        r"there is no column 's0' of a step; columns: 'x', 'y', 't'\. .*if this one has a row a "
        r"step give id=\.\.\. \(in a shell --reading id=COLUMN\)",
    )  # fmt: skip
    refused(bundle, steps.drop(columns="s3"), "there is no column 's3' of a step; columns: 's0'")
    refused(bundle, steps.assign(s12=1.0), r"column 's12' is no step.* label=.* --reading label=C")
    refused(bundle, steps[STEPS[::-1]], "column 's11' stands where 's0' does in the training tabl")
    by_id = recipes.predict(bundle, long_frame(3, seed=9), id="who", channels=["x"], label="label")
    assert by_id.series.tolist() == ["r0", "r1", "r2"]
    refused(bundle, long_frame(3), r"unknown channel 'value'.* --reading channels=COL", id="who")


def test_a_long_table_has_the_columns_of_the_training_table(tmp_path):
    """They are kept where the table was a frame, too."""
    frame = long_frame().assign(t=lambda f: f.groupby("who").cumcount())
    how = {"id": "who", "time": "t", "channels": ["x", "y"]}
    train(frame, **how, **QUICK).save(tmp_path / "saved", optimizer=False)
    bundle = load(tmp_path / "saved")
    fresh = long_frame(6, seed=9).assign(t=lambda f: f.groupby("who").cumcount())
    expected = recipes.predict(bundle, waves(6, seed=9)[0])
    mixed = fresh.sample(frac=1, random_state=0)[["y", "t", "label", "x", "who"]]
    found = recipes.predict(bundle, mixed).sort_values("series")
    np.testing.assert_allclose(found.probability, expected.probability, rtol=1e-4)
    for column, role in (("who", "id"), ("t", "time"), ("x", "channels")):
        message = rf"'{column}'.*columns: .* {role}=\.\.\. \(in a shell --reading {role}=COLUMN\)"
        refused(bundle, fresh.drop(columns=column), message)
    by_other = fresh.rename(columns={"who": "whom"})
    np.testing.assert_allclose(
        recipes.predict(bundle, by_other, id="whom").probability, expected.probability, rtol=1e-4
    )
    with pytest.raises(ValueError, match=r"no column 'label' of labels.*--reading label=COLUMN"):
        recipes.evaluate(bundle, fresh.drop(columns="label"))
    with pytest.raises(ValueError, match="was trained on data in memory"):
        recipes.evaluate(bundle)


def test_padding_changes_nothing(trained):
    """A series among longer ones gets the logits that it gets alone, were its channels constant."""
    encoder = classify.parts_of(trained).encoder
    fresh = [*waves(4, seed=3)[0], np.tile(encoder.scaler.mean, (3, 1))]
    rows = encoder.rows(fresh)
    alone = np.concatenate([logits_of(trained.model, [row], np.nan) for row in rows])
    [batch] = labelled.batches(rows, batch_size=8, multiple=32, fill=np.nan)
    assert batch.shape[1] == 32 and np.isnan(batch).any()
    together = logits_of(trained.model, rows, np.nan)
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_every_pooling_of_features_knows_the_padding(pooling):
    keras.utils.set_random_seed(1)
    options = {"features": 2, "units": 4, "bidirectional": True, "pooling": pooling}
    model = models.sequence_classifier(3, masked=True, **options)
    x = np.random.default_rng(0).normal(size=(2, 5, 2)).astype("float32")
    padded = np.pad(x, ((0, 0), (0, 3), (0, 0)), constant_values=np.nan)
    bare = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(padded)), bare, atol=1e-6)
    with pytest.raises(ValueError, match="masked is for features; received vocabulary=9"):
        models.sequence_classifier(3, vocabulary=9, masked=True)


def test_scaling_is_of_the_training_part(series, trained):
    encoder = classify.parts_of(trained).encoder
    values = np.concatenate(series.train.inputs)
    np.testing.assert_allclose(encoder.scaler.mean, values.mean(axis=0))
    np.testing.assert_allclose(encoder.scaler.deviation, values.std(axis=0))


def test_missing_values_are_an_input(series):
    """Series that differ in nothing but what was measured are told apart."""
    rng = np.random.default_rng(0)
    arrays = [np.ones((8, 1)) for _ in range(60)]
    for i, one in enumerate(arrays):
        one += rng.normal(0, 1e-3, one.shape)
        one[1 + i % 5, 0] = np.nan
        if i % 2:
            one[1:7, 0] = np.nan
    parts = data.labelled_series(arrays, ["whole", "holes"] * 30)
    bundle = train(parts, **SMALL)
    assert bundle.model.input_shape == (None, None, 2)
    assert recipes.evaluate(bundle, parts, baselines=False).accuracy.min() > 0.9


def test_evaluation_puts_simple_methods_beside_it(trained, series):
    said = []
    frame = recipes.evaluate(trained, series, report=said.append)
    rows = frame[frame.part == "test"].set_index("method")
    assert rows.index.tolist() == [
        "bidirectional gru, max and mean pooling",
        "most frequent class",
        "logistic regression, summaries of the channels",
        "nearest neighbour, dynamic time warping",
    ]
    assert (rows.examples == 12).all() and rows.accuracy.iloc[1] == 0.5
    assert rows.accuracy.iloc[0] == 1 and (rows.low < rows.accuracy).all()
    assert np.isfinite(rows.drop(columns="part").to_numpy("float64")).all()
    assert frame.attrs["left_out"] == ["MiniRocket is left out: it reads series of one length"]
    assert recipes.get("classify").verdict(trained, frame).startswith("MiniRocket is left out")
    told = classify.predictions(trained, series, "test")
    assert told.length.tolist() == [len(one) for one in series.test.inputs]
    counts = evaluate.confusion_matrix(told.truth, told.label)
    assert counts.to_numpy().trace() == told.right.sum() and list(counts) == ["fast", "slow"]
    curve = evaluate.reliability(told.probability, told.right)
    assert curve["count"].sum() == 12


def test_rare_classes_count_more_if_asked(monkeypatch):
    arrays, labels = waves(80)
    keep = [i for i in range(80) if i % 2 or i % 8 == 0]
    parts = data.labelled_series([arrays[i] for i in keep], [labels[i] for i in keep])
    recipe = recipes.get("classify")
    weights = {}
    for way in ("none", "balanced"):
        chosen = recipe.completed(parts, classify.Settings(class_weight=way))
        prepared = recipe.prepare(parts, chosen)
        batches = list(recipe.batches(prepared, "train", chosen))
        weights[way] = [
            np.concatenate(column) for column in zip(*(b[1:] for b in batches), strict=True)
        ]
        assert all(len(batch) == 2 for batch in recipe.batches(prepared, "validation", chosen))
    assert len(weights["none"]) == 1
    given, weight = weights["balanced"]
    assert weight[given == 0].sum() == pytest.approx(weight[given == 1].sum())
    assert weight.mean() == pytest.approx(1) and len(np.unique(weight)) == 2
    assert train(parts, **{**SMALL, "epochs": 1, "class_weight": "balanced"}).card.epochs == 1


# Which kind data are of.


def test_data_are_of_the_kind_that_they_look_like(tmp_path):
    frame = long_frame(6)
    wide = pd.DataFrame({"label": ["a", "b"], "0": [1.0, 2.0], "1": [1.0, 3.0]})
    texts = pd.DataFrame({"text": ["a b", "c"], "label": [0, 1]})
    wide.to_csv(tmp_path / "wide.csv", index=False)
    settings = classify.Settings
    for source, given, kind in (
        (frame, {"id": "who"}, "series"),
        (wide, {}, "series"),
        (tmp_path / "wide.csv", {}, "series"),
        (wide.rename(columns={"label": "what"}), {"label": "what"}, "series"),
        ("x.ts", {}, "series"),
        ((np.ones((2, 3)), [0, 1]), {}, "series"),
        ("basicmotions", {}, "series"),
        ("imdb", {}, "texts"),
        (texts, {}, "texts"),
        (texts.rename(columns={"text": "words"}), {"text": "words"}, "texts"),
        (texts.rename(columns={"text": "words"}), {}, "texts"),  # whose error names the columns
        (wide, {"kind": "texts"}, "texts"),
    ):
        assert kinds.kind_of(source, settings(**given)).name == kind, (source, given)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocabulary_size": 9}, "vocabulary_size=9 is an option of texts; these data are series"),
        ({"wide": 0}, "wide=0 is an option of texts; these data are series"),
        ({"pairs": 5}, "pairs=5 is an option of texts; these data are series"),
        ({"pretraining": 1}, "pretraining=1 is an option of texts; these data are series"),
        ({"text": "x"}, "text='x' is an option of texts; these data are series"),
        ({"kind": "texts"}, "kind='texts' is given, and these data are series"),
        ({"kind": "text"}, "unknown kind 'text'; .*Did you mean 'texts'"),
        ({"class_weight": "balance"}, "unknown class_weight 'balance'.*Did you mean 'balanced'"),
        ({"id": "who"}, "id='who' says how data are read, and these are read already"),
        ({"test": 1.5}, r"test must be a number in \[0, 1\); received test=1.5"),
    ],
)
def test_bad_settings(series, settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        train(series, **{**SMALL, **settings})
    assert "\n" not in str(caught.value)


def test_options_of_series_and_sets_without_labels(tmp_path):
    texts = pd.DataFrame({"text": [f"a {i}" for i in range(40)], "label": [0, 1] * 20})
    with pytest.raises(
        ValueError, match=r"channels.* is an option of series; these data are texts"
    ):
        train(data.reviews(texts), channels=["a"])
    with pytest.raises(ValueError, match="'etth1' has no labels to classify; data sets that"):
        train("etth1")
    with pytest.raises(ValueError, match="unknown option 'test' of data set 'basicmotions'"):
        train("basicmotions", test=0.3)


def test_what_cannot_be_predicted_or_evaluated(trained, series):
    for given, message in (
        ([np.ones((4, 3))], r"series 0 must have shape \(steps, 2\), channels x, y; received"),
        (np.ones((4, 5)), r"series 0 must have shape \(steps, 2\), channels x, y; received \(5, 1"),
        (["a.ts", "b.ts"], r"series come from one file; received a\.ts, b\.ts"),
        (["a.ts"], "there is no file 'a.ts'"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            recipes.predict(trained, given)
    with pytest.raises(ValueError, match="was trained on data in memory"):
        recipes.evaluate(trained)
    with pytest.raises(ValueError, match="label 'odd' in row 0 is none of the training table's"):
        recipes.evaluate(trained, (waves(2)[0], ["odd", "slow"]))
    with pytest.raises(ValueError, match="explain reads texts word by word; this model reads ser"):
        classify.explain(trained, "a")
    texts = pd.DataFrame({"text": [f"a {i}" for i in range(40)], "label": [0, 1] * 20})
    with pytest.raises(ValueError, match="the model reads series; received texts"):
        recipes.evaluate(trained, data.reviews(texts))
    for changed, message in (
        ({"encoder": {"scaler": "{}", "gaps": []}}, "not a scaler: kind is missing"),
        ({"encoder": {"gaps": []}}, "scaler is missing"),
        ({"settings": {**trained.preprocessing["settings"], "pooling": None}}, "have no pooling"),
    ):
        with pytest.raises(ValueError, match=f"no classifier of this recipe.*{message}"):
            classify.predict(Bundle(trained.model, {**trained.preprocessing, **changed}), [])


# Baselines.


def test_time_warping_against_every_warping():
    """The least cost over all monotone paths, by looking at each."""

    def least(a, b):
        @functools.cache
        def to(i, j):
            here = ((a[i] - b[j]) ** 2).sum()
            before = [to(i - x, j - y) for x, y in ((1, 0), (0, 1), (1, 1)) if i >= x and j >= y]
            return here + (min(before) if before else 0)

        return to(len(a) - 1, len(b) - 1)

    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(n, 2)) for n in (1, 3, 4, 7)]
    for row in rows:
        np.testing.assert_allclose(warped(row, rows), [least(row, one) for one in rows])
    slow = np.repeat(rows[2], 3, axis=0)
    assert warped(slow, rows).argmin() == 2 and warped(slow, rows)[2] == pytest.approx(0)


def test_summaries_by_hand():
    [found] = summaries([np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]])])
    assert found[:10].tolist() == pytest.approx([1, 5, np.sqrt(2 / 3), 0, 0, 5, 2, 5, 1, 0])
    assert found[-1] == 3 and np.median(found[10:-1:2]) == 1


def square():
    """Waves of one length."""
    arrays, labels = waves()
    return data.labelled_series(np.stack([one[:12] for one in arrays]), labels)


def test_minirocket_is_left_out_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "aeon", None)
    parts, left_out = square(), []
    kind = kinds.get("series")
    methods = kind.baselines(parts, kind.encoder(parts, None), lambda line: None, left_out.append)
    assert len(list(methods)) == 2
    assert left_out == ["MiniRocket is left out: it needs `pip install aeon`"]


def test_minirocket():
    pytest.importorskip("aeon")
    parts, kind = square(), kinds.get("series")
    methods = dict(kind.baselines(parts, kind.encoder(parts, None), lambda line: None, print))
    chances = methods["MiniRocket"](parts.test.inputs)
    assert evaluate.accuracy(chances, parts.test.targets) > 0.9
    np.testing.assert_allclose(chances.sum(1), 1)


def test_time_warping_has_a_bound(monkeypatch):
    monkeypatch.setattr(of_series, "LARGEST", 100)
    parts, kind, left_out = square(), kinds.get("series"), []
    list(kind.baselines(parts, kind.encoder(parts, None), lambda line: None, left_out.append))
    assert left_out[-1].startswith("the nearest neighbour is left out: 1.2e+05 pairs of steps to")


# The shell.


def shell(*arguments, **options):
    run = CliRunner(env={"COLUMNS": "160"})
    return run.invoke(cli.app, [str(one) for one in arguments], **options)


def test_train_evaluate_and_predict_from_a_shell(tmp_path):
    long_frame().to_csv(tmp_path / "mine.csv", index=False)
    long_frame(20, seed=5).to_csv(tmp_path / "test.csv", index=False)
    long_frame(6, seed=7).drop(columns="label").to_csv(tmp_path / "new.csv", index=False)
    options = "--id who --units 8 --epochs 20 --learning-rate 0.03 --batch-size 16 --dropout 0"
    out = tmp_path / "model"
    aside = ["--test", tmp_path / "test.csv"]
    run = shell("train", "classify", tmp_path / "mine.csv", "--out", out, *aside, *options.split())
    assert run.exit_code == 0, run.output
    assert "test 20 series of 12 to 19 steps, 2 channels" in run.output
    assert "MiniRocket is left out: it reads series of one length" in run.output
    for data_ in ([], [tmp_path / "test.csv"]):
        again = shell("evaluate", out, *data_, "--no-baselines", "--json")
        assert again.exit_code == 0, again.output
        records = json.loads(again.output.strip().splitlines()[-1])
        by_part = {one["part"]: one for one in records}
        assert by_part["whole" if data_ else "test"]["examples"] == 20
    told = shell("predict", out, tmp_path / "new.csv")
    assert told.exit_code == 0, told.output
    lines = [line.split() for line in told.stdout.splitlines()]
    assert [(line[0], line[2]) for line in lines] == [
        (label, f"r{i}") for i, label in zip(range(6), itertools.cycle(["fast", "slow"]))
    ]
    piped = shell("predict", out, "--json", input=(tmp_path / "new.csv").read_bytes())
    assert [json.loads(row)["series"] for row in piped.stdout.splitlines()] == [
        f"r{i}" for i in range(6)
    ]
    bad = shell("train", "classify", tmp_path / "mine.csv", "--id", "whom", "--out", out)
    assert bad.exit_code == 2 and bad.stderr.count("\n") == 1
    assert bad.stderr.startswith("Error: mine.csv: there is no column 'whom'")
