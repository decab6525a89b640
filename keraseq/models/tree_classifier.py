"""Trees: every node gets a label, or the root."""

import keras

from keraseq.cells import tree_cell
from keraseq.checks import boolean, positive_integer, positive_number
from keraseq.layers import Scale, Tree, WordVectors
from keraseq.models.inputs import drop, embedded_tokens, full_precision
from keraseq.models.sequence_model import SequenceModel


def tree_classifier(
    classes: int,
    *,
    vocabulary: int,
    embedding: int = 100,
    fixed: int = 0,
    pace: float = 1.0,
    cell: str = "tree-lstm",
    units: int = 150,
    arity: int = 2,
    dropout: float = 0.0,
    embedding_dropout: float | None = None,
    word_dropout: float = 0.0,
    nodes: bool = False,
    cell_options: dict | None = None,
    name: str = "tree_classifier",
) -> SequenceModel:
    """A model that reads trees, and gives the logits of the class of the root or of every node.

        tokens -> embedding -> [pace] -> cell over the trees -> logits
        children ------------------------^

    Args:
        classes: Number of classes, a positive integer.
        vocabulary: Number of token ids, padding (0) included.
        embedding: Width of the tokens' vectors. Defaults to 100.
        fixed: How many of the tokens, the last ones, have vectors that stay as they are, see
            `keraseq.layers.WordVectors`. Defaults to 0.
        pace: How fast the vectors learn, beside all else: they are kept divided by it, so that
            Adam, whose steps are as long whatever the gradient, moves them so much less.
            Defaults to 1.
        cell: A name of `keraseq.cells.TREE_CELLS`. Defaults to `"tree-lstm"`.
        units: Size of the state. Defaults to 150.
        arity: The most children that a node has. Defaults to 2.
        dropout: Fraction of the values to drop before the logits, in [0, 1). Defaults to 0.
        embedding_dropout: Fraction to drop of the vectors. Default: that of `dropout`.
        word_dropout: Fraction of the tokens that are read as the unknown one, 1, in training.
            Defaults to 0.
        nodes: Whether to give the logits of every node instead of the root's. Defaults to `False`.
        cell_options: Further options of the cell, such as `{"recurrent_dropout": 0.1}`.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input `tokens`, integers `(batch, leaves)`, and `children`,
        integers `(batch, steps, width, arity)`, as `keraseq.layers.Tree` reads them. Output logits
        `(batch, classes)`, or `(batch, leaves + steps * width, classes)` with a mask.

    Raises:
        ValueError: An unknown cell or option, or a size that is no positive integer.

    Example:

    >>> model = keraseq.models.tree_classifier(5, vocabulary=1000, units=16)
    >>> model.output_shape
    (None, 5)

    References:
        Tai, Socher & Manning 2015, "Improved Semantic Representations From Tree-Structured Long
        Short-Term Memory Networks", ACL.
    """
    classes, vocabulary = (
        positive_integer("classes", classes),
        positive_integer("vocabulary", vocabulary),
    )
    pace = positive_number("pace", pace)
    if embedding_dropout is None:
        embedding_dropout = dropout
    embed = None
    if fixed:
        embed = WordVectors(vocabulary - fixed, fixed, embedding, name="embedding")
    tokens, x = embedded_tokens(
        "tokens", vocabulary, embedding, None, 0.0, "", word_dropout, embed=embed
    )
    if pace != 1:
        x = Scale(pace, name="pace")(x)
    x = drop(x, embedding_dropout, "embedding_dropout")
    children = keras.Input((None, None, arity), dtype="int32", name="children")
    tree = tree_cell(cell, units, arity=arity, **(cell_options or {}))
    x = Tree(tree, return_nodes=boolean("nodes", nodes), name="recursive")([x, children])
    x = drop(x, dropout, "dropout")
    logits = keras.layers.Dense(classes, dtype=full_precision(), name="logits")(x)
    return SequenceModel([tokens, children], logits, name=name)
