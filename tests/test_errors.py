"""Bad input: each call and the whole message it gives: one line, what was given and accepted."""

import keras
import numpy as np
import pytest

from keraseq import bundle, cells, layers, models, train

classifier, language_model = models.sequence_classifier, models.language_model
KNOWN = f"known cells: {', '.join(cells.names())}."
SHARED = ", ".join(name for name in cells.Cell.options())
ONE_OF_TWO = "exactly one of features (measurements) and vocabulary (tokens) must be given; "


def lstm(**options):
    return cells.get("lstm", units=3, **options)


def gru(**options):
    return cells.get("gru", units=3, **options)


def identity(features):
    cell = cells.get("mut1", units=3, input_projection="identity")
    return layers.RNN(cell)(np.ones((2, 5, features), "float32"))


CALLS = {  # title: (call, whole message)
    # cells
    "a cell with a slip": (
        lambda: cells.get("mut4", units=3),
        f"unknown cell 'mut4'; {KNOWN} Did you mean 'mut3'?",
    ),
    "a cell like no other": (lambda: cells.get("xyz", units=3), f"unknown cell 'xyz'; {KNOWN}"),
    "no cell": (
        lambda: cells.get(3),
        "cell must be a name, a class or an instance; received 3",
    ),
    "no units": (
        lambda: cells.get("lstm"),
        "cell 'lstm' needs units, a positive integer; received units=None",
    ),
    "zero units": (
        lambda: cells.get("lstm", units=0),
        "units must be a positive integer; received units=0",
    ),
    "broken units": (
        lambda: cells.get("lstm", units=2.5),
        "units must be a positive integer; received units=2.5",
    ),
    "units that are a truth value": (
        lambda: cells.get("lstm", units=True),
        "units must be a positive integer; received units=True",
    ),
    "an option with a slip": (
        lambda: gru(zoneot=0.1),
        "unknown option 'zoneot' for GRUCell; known options: reset, activation, "
        f"recurrent_activation, {SHARED}, name, dtype, trainable. Did you mean 'zoneout'?",
    ),
    "a choice with a slip": (
        lambda: gru(reset="befor"),
        "unknown reset 'befor'; accepted: 'before', 'after', 'none'. Did you mean 'before'?",
    ),
    "too much dropout": (
        lambda: gru(dropout=7.0),
        "dropout must be a number in [0, 1); received dropout=7.0",
    ),
    "too much zoneout": (
        lambda: gru(zoneout=1.5),
        "zoneout must be a number in [0, 1]; received zoneout=1.5",
    ),
    "a zoneout too many": (
        lambda: gru(zoneout=[0.1, 0.2]),
        "zoneout=(0.1, 0.2) has 2 rates; GRUCell has 1 state(s): hidden",
    ),
    "an initialiser for no gate": (
        lambda: gru(bias_initializer={"rest": 1}),
        "bias_initializer names 'rest', which is no gate of GRUCell; its gates: update, reset, "
        "candidate. Did you mean 'reset'?",
    ),
    "coupled to a gate that is not there": (
        lambda: lstm(coupled=True, input_gate=False),
        "coupled=True ties the input gate to the forget gate and needs both; received "
        "input_gate=False, forget_gate=True",
    ),
    "a saved cell with an option that is gone": (
        lambda: cells.LSTMCell.from_config({"units": 3, "normalized_carry": True}),
        "normalized_carry=True is no longer an option of LSTMCell",
    ),
    "chrono of one step": (
        lambda: lstm(chrono=1),
        "chrono must be at least 3 steps; received chrono=1",
    ),
    "a highway without depth": (
        lambda: cells.get("rhn", units=3, depth=0),
        "depth must be a positive integer; received depth=0",
    ),
    "an unknown projection": (
        lambda: cells.get("mut1", units=3, input_projection="fixd"),
        "unknown input_projection 'fixd'; accepted: 'auto', 'identity', 'fixed', 'learned'. "
        "Did you mean 'fixed'?",
    ),
    "an identity between unequal widths": (
        lambda: identity(features=4),
        "input_projection='identity' adds x_t to the state and needs features == units; received "
        "features=4, units=3. Accepted here: 'fixed', 'learned', 'auto'",
    ),
    # layers
    "a name for a cell": (
        lambda: layers.RNN("lstm"),
        "cell must be a cell; received the name 'lstm'. "
        "Accepted: keraseq.cells.get('lstm', units=...)",
    ),
    "a tower without layers": (
        lambda: layers.stack("gru", []),
        "units must name at least one layer; received units=[]",
    ),
    "sizes against layers": (
        lambda: layers.stack("gru", [3, 4], layers=3),
        "units=[3, 4] names 2 layers; received layers=3",
    ),
    "zero layers": (
        lambda: layers.stack("gru", 3, layers=0),
        "layers must be a positive integer; received layers=0",
    ),
    "residual layers of two widths": (
        lambda: layers.stack("gru", [3, 4], residual=True),
        "residual=True adds each layer's input to its output and needs layers of one width; "
        "received units=[3, 4]",
    ),
    "a tower that drops all": (
        lambda: layers.stack("gru", 3, dropout=1.0),
        "dropout must be a number in [0, 1); received dropout=1.0",
    ),
    "no truth value": (
        lambda: layers.stack("gru", 3, bidirectional="yes"),
        "bidirectional must be True or False; received bidirectional='yes'",
    ),
    "an activation with a slip": (
        lambda: lstm(activation="tahn"),
        "unknown activation 'tahn'; accepted: a callable or ... Did you mean 'tanh'?",
    ),
    "an initialiser with a slip": (
        lambda: lstm(kernel_initializer="glorot"),
        "unknown kernel_initializer 'glorot'; accepted: a callable or ... "
        "Did you mean 'glorot_normal'?",
    ),
    "an unknown loop": (
        lambda: layers.RNN(gru(), loop="fast"),
        "unknown loop 'fast'; accepted: 'auto', 'plain', 'deferred', 'compiled', 'fused', "
        "'parallel'.",
    ),
    "a table for a sequence": (
        lambda: layers.RNN(gru())(np.ones((2, 5), "float32")),
        "RNN reads (batch, time, features); received shape (2, 5)",
    ),
    "a table for a tower": (
        lambda: layers.stack("gru", 3)(np.ones((2, 5), "float32")),
        "RNN reads (batch, time, features); received shape (2, 5)",
    ),
    "unrolling the unknown": (
        lambda: layers.RNN(gru(), unroll=True)(keras.Input((None, 3))),
        "unroll=True needs a known number of steps; received time=None",
    ),
    # builders
    "neither features nor vocabulary": (
        lambda: classifier(3),
        ONE_OF_TWO + "received features=None, vocabulary=None",
    ),
    "both features and vocabulary": (
        lambda: models.sequence_tagger(3, features=2, vocabulary=5),
        ONE_OF_TWO + "received features=2, vocabulary=5",
    ),
    "no classes": (
        lambda: classifier(0, features=2),
        "classes must be a positive integer; received classes=0",
    ),
    "negative features": (
        lambda: classifier(3, features=-1),
        "features must be a positive integer; received features=-1",
    ),
    "an embedding of no width": (
        lambda: classifier(3, vocabulary=9, embedding=0),
        "embedding must be a positive integer; received embedding=0",
    ),
    "an unknown pooling": (
        lambda: classifier(3, features=2, pooling="men"),
        "unknown pooling 'men'; accepted: 'last', 'average', 'mean', 'max', 'attention'. Did you "
        "mean 'mean'?",
    ),
    "a builder's units": (
        lambda: classifier(3, features=2, units="many"),
        "units must be a positive integer; received units='many'",
    ),
    "a builder's layers": (
        lambda: classifier(3, features=2, layers=0),
        "layers must be a positive integer; received layers=0",
    ),
    "a builder's dropout": (
        lambda: classifier(3, features=2, dropout=-0.1),
        "dropout must be a number in [0, 1); received dropout=-0.1",
    ),
    "a length of nothing": (
        lambda: models.sequence_tagger(3, features=2, length=0),
        "length must be a positive integer; received length=0",
    ),
    "a builder's cell": (
        lambda: classifier(3, features=2, cell="lsmt"),
        f"unknown cell 'lsmt'; {KNOWN} Did you mean 'lstm'?",
    ),
    "a builder's cell option": (
        lambda: models.forecaster(3, features=2, cell="elman", cell_options={"activaton": "relu"}),
        f"unknown option 'activaton' for ElmanCell; known options: activation, {SHARED}, name, "
        "dtype, trainable. Did you mean 'activation'?",
    ),
    "a builder's identity": (
        lambda: classifier(
            3, features=2, cell="mut2", units=3, cell_options={"input_projection": "identity"}
        ),
        "input_projection='identity' adds x_t to the state and needs features == units; received "
        "features=2, units=3. Accepted here: 'fixed', 'learned', 'auto'",
    ),
    "an unknown argument": (
        lambda: classifier(3, features=2, unit=3),
        "sequence_classifier() got an unexpected keyword argument 'unit'",
    ),
    "a language without tokens": (
        lambda: language_model(0),
        "vocabulary must be a positive integer; received vocabulary=0",
    ),
    "states of no known batch": (
        lambda: language_model(9, stateful=True),
        "stateful=True needs batch_size, a positive integer; received None",
    ),
    "nothing to tie": (
        lambda: language_model(9, tie_embeddings=True),
        "tie_embeddings=True needs embedding, a positive integer; received None",
    ),
    "nothing that fits to tie": (
        lambda: language_model(9, tie_embeddings=True, embedding=4, units=5),
        "tie_embeddings=True needs a top layer as wide as the embedding; received embedding=4 and "
        "a top layer of 5",
    ),
    "no horizon": (
        lambda: models.forecaster(0, features=1),
        "horizon must be a positive integer; received horizon=0",
    ),
    "targets that are no features": (
        lambda: models.forecaster(3, features=1, targets=2),
        "targets are the first of the features: at most 1; received targets=2",
    ),
    "a target vocabulary": (
        lambda: models.encoder_decoder(9, 0),
        "target_vocabulary must be a positive integer; received target_vocabulary=0",
    ),
    "a source length": (
        lambda: models.encoder_decoder(9, 9, source_length=-2),
        "source_length must be a positive integer; received source_length=-2",
    ),
    "pooling that is no layer": (
        lambda: layers.SequencePooling("last"),
        "unknown mode 'last'; accepted: 'mean', 'max', 'attention'.",
    ),
    "too small a budget": (
        lambda: models.match_parameters(classifier, 10, cell="lstm", classes=3, features=2),
        "budget=10 is too small: sequence_classifier with cell 'lstm' has at least 22 trainable "
        "parameters (units=1)",
    ),
    "a negative budget": (
        lambda: models.match_parameters(classifier, -10, cell="lstm", classes=3, features=2),
        "budget must be a positive integer; received budget=-10",
    ),
    "a budget and units": (
        lambda: models.match_parameters(classifier, 99, cell="lstm", classes=3, units=3),
        "units is what is solved for; received units=3",
    ),
    # training
    "a model of no known loss": (
        lambda: train.compile(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])),
        "loss is needed for a model that does not say its own, as a keraseq.models.SequenceModel "
        "of one output does; received loss=None",
    ),
    "no learning": (
        lambda: train.compile(classifier(3, features=2), learning_rate=0),
        "learning_rate must be a positive number; received learning_rate=0",
    ),
    "a norm in words": (
        lambda: train.compile(classifier(3, features=2), clipnorm="1"),
        "clipnorm must be a positive number; received clipnorm='1'",
    ),
    "no patience": (
        lambda: train.callbacks("runs/errors", patience=0),
        "patience must be a positive integer; received patience=0",
    ),
    "an unknown mode": (
        lambda: train.callbacks("runs/errors", mode="best"),
        "mode must be 'auto', 'min' or 'max'; received mode='best'",
    ),
    "a negative seed": (
        lambda: train.seed_everything(-1),
        "seed must be an integer of 0 or more; received seed=-1",
    ),
    "a broken seed": (
        lambda: train.seed_everything(1.5),
        "seed must be an integer of 0 or more; received seed=1.5",
    ),
    "a folder to resume": (
        lambda: train.Resume("runs/errors"),
        "path must end in .npz; received 'runs/errors'",
    ),
    # bundles
    "a bundle that is not there": (
        lambda: bundle.load("runs/nowhere"),
        "'runs/nowhere' is no bundle: there is no folder of that name",
    ),
    "a card that is none": (
        lambda: bundle.Bundle(classifier(3, features=2), card="fine").save("runs/errors"),
        "card must be a keraseq.bundle.Card; received 'fine'",
    ),
    "preprocessing that is code": (
        lambda: bundle.Bundle(classifier(3, features=2), {"f": len}).save("runs/errors"),
        "preprocessing.f must be None, bool, int, finite float, str, a NumPy array of these, a "
        "list, or a dict with str keys; received builtin_function_or_method "
        "'<built-in function len>'",
    ),
}


@pytest.mark.parametrize("title", CALLS)
def test_message(title):
    call, message = CALLS[title]
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    before, *after = message.split(" ... ")  # in place of all that Keras accepts, if it is Keras'
    assert str(caught.value).startswith(before)
    assert str(caught.value).endswith(after[0] if after else before)
    assert after or str(caught.value) == message
    assert "\n" not in str(caught.value)
