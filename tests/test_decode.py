"""Writing from a context: each way of choosing against what defines it, and what is refused."""

import itertools

import keras
import numpy as np
import pytest
from conformance.backend import BACKEND
from keras import ops

import keraseq
from keraseq.generation import alignment, decode
from keraseq.models.image_captioner import IMAGES

START, END = 1, 2
SOURCES = [[3, 4, 5], [6], [7, 3, 3, 4, 5], [8, 8]]


def model_of(vocabulary=9, seed=0, **options):
    keras.utils.set_random_seed(seed)
    model = keraseq.models.encoder_decoder(
        9, vocabulary, **{"units": 6, "embedding": 5, "cell": "gru"} | options
    )
    rng = np.random.default_rng(seed)
    for weight in model.weights:  # far from even, so that texts differ
        weight.assign(rng.normal(size=weight.shape) * 0.9)
    return model


def says(model, source, target):
    """log p of each next token after a start token and each of the target, `(n + 1, vocabulary)`"""
    given = {"source": np.array([source]), "target": np.array([[START, *target]])}
    return ops.convert_to_numpy(ops.log_softmax(model(given), axis=-1))[0]


def forced(model, source, written):
    """The score of what was written, by teacher forcing."""
    tokens = [*written.tokens, *([END] if written.ended else [])]
    steps = says(model, source, tokens[:-1])
    return sum(steps[i, token] for i, token in enumerate(tokens))


KINDS = [
    {"attention": None},
    {"attention": "additive", "bidirectional": True, "cell": "lstm", "layers": 2},
    {"attention": "general", "cell": "mut1"},
    {"attention": "dot", "input_feeding": False},
]


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_scores_are_those_of_teacher_forcing_and_rows_do_not_meet(options, request):
    if options is not KINDS[1]:
        request.getfixturevalue("step_by_step")
    model = model_of(**options)
    for sampler in ("beam", "random"):
        how = {"start": START, "end": END, "length": 7, "sampler": sampler, "beams": 3}
        found = decode(model, SOURCES, **how)
        for source, one in zip(SOURCES, found, strict=True):
            assert one.score == pytest.approx(forced(model, source, one), abs=1e-4)
            assert not set(one.tokens) & {0, START, END}
            assert len(one.tokens) == 7 or one.ended
            if sampler == "beam":
                [alone] = decode(model, [source], **how)
                assert alone.tokens.tolist() == one.tokens.tolist()


@pytest.mark.usefixtures("step_by_step")
def test_greedy_takes_the_most_probable_token():
    model = model_of(attention="additive")
    found = decode(model, SOURCES, start=START, end=END, length=6)
    for source, one in zip(SOURCES, found, strict=True):
        tokens = []
        while len(tokens) < 6:
            step = says(model, source, tokens)[-1].copy()
            step[[0, START]] = -np.inf
            tokens.append(int(step.argmax()))
            if tokens[-1] == END:
                break
        assert [*one.tokens, *([END] if one.ended else [])] == tokens


@pytest.mark.usefixtures("step_by_step")
def test_a_beam_of_one_is_greedy():
    model = model_of(attention="general")
    for length in (1, 7):
        options = {"start": START, "end": END, "length": length}
        greedy = decode(model, SOURCES, **options)
        beam = decode(model, SOURCES, sampler="beam", beams=1, **options)
        for one, other in zip(greedy, beam, strict=True):
            assert one.tokens.tolist() == other.tokens.tolist()
            assert one.score == pytest.approx(other.score, abs=1e-5)


@pytest.mark.usefixtures("step_by_step")
def test_a_beam_as_wide_as_the_vocabulary_finds_the_best_of_all():
    """Of two tokens at most, counted out."""
    model = model_of(7, attention="additive")
    how = {"start": START, "end": END, "length": 2, "sampler": "beam", "beams": 7}
    for penalty in (0.0, 0.6, 2.0):
        for source, one in zip(
            SOURCES, decode(model, SOURCES, length_penalty=penalty, **how), strict=True
        ):
            best = {}
            for pair in itertools.product(range(2, 7), repeat=2):
                text = pair[:1] if pair[0] == END else pair
                steps = says(model, source, text[:-1])
                score = sum(steps[i, token] for i, token in enumerate(text))
                best[text] = score / ((5 + len(text)) / 6) ** penalty
            winner = max(best, key=best.get)
            assert (*one.tokens, *([END] if one.ended else [])) == winner


@pytest.mark.usefixtures("step_by_step")
def test_a_wider_beam_finds_no_worse_and_long_texts_gain_by_the_penalty():
    model = model_of(attention="dot", seed=3)
    options = {"start": START, "end": END, "length": 8, "sampler": "beam"}
    narrow = decode(model, SOURCES, beams=1, length_penalty=0.0, **options)
    wide = decode(model, SOURCES, beams=8, length_penalty=0.0, **options)
    assert sum(one.score for one in wide) >= sum(one.score for one in narrow) - 1e-4
    long = decode(model, SOURCES, beams=8, length_penalty=3.0, **options)
    assert sum(len(one.tokens) for one in long) > sum(len(one.tokens) for one in wide)


def test_the_same_seed_draws_the_same():
    model = model_of(attention="additive")
    options = {"start": START, "end": END, "length": 8, "sampler": "random"}
    runs = [decode(model, SOURCES, seed=seed, **options) for seed in (1, 1, 2)]
    texts = [[one.tokens.tolist() for one in run] for run in runs]
    assert texts[0] == texts[1] != texts[2]
    cold = decode(model, SOURCES, **options | {"sampler": "top_k", "top_k": 1})
    greedy = decode(model, SOURCES, **options | {"sampler": "greedy"})
    assert [o.tokens.tolist() for o in cold] == [o.tokens.tolist() for o in greedy]


def test_training_further_changes_what_is_written():
    model = model_of(attention="additive")
    before = decode(model, SOURCES, start=START, end=END, length=8)
    model.layers[-1].bias.assign(model.layers[-1].bias + 50 * np.eye(9)[4])
    after = decode(model, SOURCES, start=START, end=END, length=8)
    assert all(one.tokens.tolist() == [4] * 8 and not one.ended for one in after)
    assert [one.tokens.tolist() for one in before] != [one.tokens.tolist() for one in after]


@pytest.mark.usefixtures("step_by_step")
def test_a_context_of_any_kind():
    """A picture's features as memory and first state, as for captions."""
    keras.utils.set_random_seed(1)
    picture = keras.Input((4, 6), name="picture")
    target = keras.Input((None,), dtype="int32", name="target")
    state = keras.layers.Dense(5, activation="tanh")(keras.layers.GlobalAveragePooling1D()(picture))
    words = keras.layers.Embedding(9, 3, mask_zero=True)(target)
    cell = keraseq.layers.AttentionCell(keraseq.cells.GRUCell(5))
    tower = keraseq.layers.RNN(cell, return_sequences=True)
    y = tower(words, initial_state=[state], context=picture)
    model = keras.Model([picture, target], keras.layers.Dense(9)(y))
    pictures = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32")
    found = decode(model, {"picture": pictures}, start=START, end=END, length=5, sampler="beam")
    assert len(found) == 3
    logits = model([pictures[:1], np.array([[START, *found[0].tokens]])[:, :5]])
    steps = ops.convert_to_numpy(ops.log_softmax(logits, axis=-1))[0]
    tokens = [*found[0].tokens, *([END] if found[0].ended else [])]
    assert found[0].score == pytest.approx(sum(steps[i, t] for i, t in enumerate(tokens)), abs=1e-4)
    [looked, *_] = alignment(
        model, {"picture": pictures}, [one.tokens for one in found], start=START
    )
    np.testing.assert_allclose(looked.sum(axis=-1), 1.0, atol=1e-5)
    with pytest.raises(ValueError, match=r"has the inputs picture; received none .* 'picture'"):
        decode(model, {"image": pictures}, start=START, end=END)


@pytest.mark.usefixtures("step_by_step")
def test_alignments_are_shares_of_what_is_there():
    for options in KINDS[1:]:
        model = model_of(**options)
        found = alignment(model, SOURCES, [[4, 5], [3], [], [6, 7, 8]], start=START)
        assert [one.shape for one in found] == [(2, 3), (1, 1), (0, 5), (3, 2)]
        for one in found:
            np.testing.assert_allclose(one.sum(axis=1), 1.0, atol=1e-5)
    with pytest.raises(ValueError, match="has no attention"):
        alignment(model_of(), SOURCES[:1], [[3]], start=START)
    with pytest.raises(ValueError, match="1 contexts, but 2 texts"):
        alignment(model_of(attention="dot"), SOURCES[:1], [[3], [4]], start=START)


@pytest.mark.skipif(BACKEND == "torch", reason="half a minute of steps without a compiler")
def test_attention_learns_to_reverse():
    """The alignment of a reversal is known: the last place first."""
    rng = np.random.default_rng(0)
    source = rng.integers(3, 12, size=(1500, 6))
    target = np.concatenate([source[:, ::-1], np.full((1500, 1), END)], axis=1)
    shifted = np.concatenate([np.full((1500, 1), START), target[:, :-1]], axis=1)
    keras.utils.set_random_seed(1)
    model = keraseq.models.encoder_decoder(
        12, 12, units=32, embedding=16, cell="gru", attention="dot", input_feeding=False
    )
    model.compile(keras.optimizers.Adam(1e-2), model.fitting_loss())
    model.fit({"source": source, "target": shifted}, target, batch_size=50, epochs=5, verbose=0)
    fresh = rng.integers(3, 12, size=(20, 6))
    found = decode(model, fresh, start=START, end=END, length=8)
    assert (
        np.mean(
            [
                one.tokens.tolist() == row[::-1].tolist()
                for one, row in zip(found, fresh, strict=True)
            ]
        )
        > 0.9
    )
    for shares in alignment(model, fresh, fresh[:, ::-1], start=START):
        assert (shares.argmax(axis=1) == np.arange(6)[::-1]).mean() > 0.8


def test_what_is_refused():
    model = model_of(attention="additive")
    options = {"start": START, "end": END}
    for given, said in (
        ({"sampler": "beams"}, r"unknown sampler 'beams'; accepted: greedy.* Did you mean 'beam'"),
        ({"sampler": "contrastive"}, "unknown sampler 'contrastive'"),
        ({"beams": 10, "sampler": "beam"}, "beams must be at most the vocabulary, 9; received 10"),
        ({"length": 0}, "length must be a positive integer"),
        (
            {"sampler": "beam", "temperature": 0.5},
            "takes no temperature, top_k or top_p; .*=0.5",
        ),
        ({"sampler": "beam", "top_k": 3}, "sampler='beam' looks for the most probable text"),
        ({"start": 9}, "start must be a token, 0 to 8; received 9"),
    ):
        with pytest.raises(ValueError, match=said):
            decode(model, SOURCES, **options | given)
    with pytest.raises(ValueError, match=r"source 0 must be integer token ids"):
        decode(model, [[0.5]], **options)
    for given in ([[3], [9]], {"source": [[3], [9]]}):  # XLA would read some other row
        with pytest.raises(ValueError, match=r"token ids go from 0 to 8; received 9 in source"):
            decode(model, given, **options)
    with pytest.raises(ValueError, match=r"from 0 to 8; received -1 in a text"):
        alignment(model, [[3]], [[-1]], start=START)
    with pytest.raises(ValueError, match=r"a decoder is a functional keras.Model with an input 't"):
        decode(keraseq.models.language_model(9, units=4), SOURCES, **options)
    assert decode(model, [], **options) == []
    assert len(decode(model, [[]], **options)[0].tokens) <= 64  # an empty source says something


@pytest.mark.usefixtures("step_by_step")
def test_generate_goes_from_texts_to_texts():
    encoder = keraseq.data.SentenceEncoder.of(["ab ba", "abba"], "character")
    keras.utils.set_random_seed(0)
    size = len(encoder)
    model = keraseq.models.encoder_decoder(size, size, units=6, attention="dot")
    texts, how = ["ab", "b a", ""], {"sampler": "beam"}
    found = keraseq.generate(model, texts, 5, tokenizer=encoder, **how)
    ends = {"start": encoder.start, "end": encoder.end, "length": 5}
    expected = decode(model, encoder.read(texts)[0], **ends, **how)
    assert found == [encoder.decode(one.tokens) for one in expected]
    assert keraseq.generate(model, "ab", 5, tokenizer=encoder, **how) == found[0]
    with pytest.raises(ValueError, match=r"goes from texts to texts .* keraseq.generation.decode"):
        keraseq.generate(model, [[3, 4]], 5)
    with pytest.raises(ValueError, match="it takes no stop"):
        keraseq.generate(model, "ab", 5, tokenizer=encoder, stop="a")


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize("image", IMAGES)
def test_captions_of_pictures(image):
    """Scores are those of teacher forcing, wherever a picture comes in."""
    model = keraseq.models.image_captioner(
        9, features=(4, 3), units=[4, 5], embedding=4, cell="lstm", image=image, dropout=0.1
    )
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.9)
    pictures = rng.normal(size=(3, 4, 3)).astype("float16")
    how = {"start": START, "end": END, "length": 6, "sampler": "beam", "beams": 3}
    found = decode(model, {"picture": pictures}, never=[7], **how)
    assert len({one.score for one in found}) == 3  # the pictures matter
    for picture, one in zip(pictures, found, strict=True):
        tokens = [*one.tokens, *([END] if one.ended else [])]
        given = {"picture": picture[None], "target": np.array([[START, *tokens]])}
        said = ops.convert_to_numpy(ops.log_softmax(model(given), axis=-1))[0]
        assert one.score == pytest.approx(sum(said[range(len(tokens)), tokens]), abs=1e-3)
        assert not set(one.tokens) & {0, START, 7}
    if image == "attention":
        shares = alignment(model, {"picture": pictures}, [one.tokens for one in found], start=START)
        assert [len(one) for one in shares] == [len(one.tokens) for one in found]
        assert all(np.allclose(one.sum(axis=1), 1, atol=1e-5) for one in shares)


def test_what_a_captioner_refuses():
    captioner = keraseq.models.image_captioner
    for options, message in (
        (
            {"features": (3,)},
            r"features must be \(regions, width\) for image='attention'; .*\(3,\)",
        ),
        ({"features": (2, 2, 3), "image": "merge"}, r"features must be \(regions, width\) or"),
        ({"image": "first"}, r"unknown image 'first'; .*Did you mean 'first_input'"),
        ({"even_attention": -1.0}, "weight must be a positive number"),
    ):
        with pytest.raises(ValueError, match=message):
            captioner(9, **options)
    with pytest.raises(ValueError, match="never must be a token, 0 to 8; received 9"):
        decode(captioner(9, features=(2, 3), units=3), {}, start=1, end=2, never=[9])
