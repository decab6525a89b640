"""A model of one step: what has been read so far is in states that come in and go out."""

import keras
import numpy as np
from keras import ops, tree

from keraseq.keras_inside import calls, graph_of, serialized
from keraseq.layers import StreamingStack
from keraseq.layers.stateless import Tower, check_recurrent, is_recurrent, through


def streaming(model: keras.Model) -> keras.Model:
    """A model that reads one step at a time, its states inputs and outputs; it shares the weights.

        y_t, states_t = model(x_t, states_{t-1})          t = 1, 2, ...

    Step by step it says what the whole model says of all steps so far: of a tagger or language
    model the step's output, of a classifier that of the sequence up to here. Dropout is off. A step
    is never padding: token 0 is read like any other.

    Args:
        model: A functional or sequential model, such as those of `keraseq.models`, whose recurrent
            layers go forwards and whose other layers look at one step.

    Returns:
        A `keras.Model`. Its inputs, a dictionary: each of the model without its axis of steps,
        `(batch,)` for tokens and `(batch, features)` for measurements, and `state_1`, `state_2`,
        ..., `(batch, size)`. Its outputs, a dictionary: `output`, that of the step, and
        `new_state_1`, `new_state_2`, ... Those to begin with are what
        `model.get_layer("step").first_states(batch)` gives.

    Raises:
        ValueError: The model is no such model: a layer reads backwards or both ways, starts from
            what another layer gives, or looks at several steps.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.sequence_tagger(3, features=2, cell="mut1", units=4)
    >>> step = keraseq.models.streaming(model)
    >>> now = {"features": keras.ops.ones((1, 2)), "state_1": keras.ops.zeros((1, 4))}
    >>> {name: tuple(one.shape) for name, one in sorted(step(now).items())}
    {'new_state_1': (1, 4), 'output': (1, 3)}
    """
    step = Step(model, name="step")
    inputs = {
        one.name: keras.Input((*one.shape[2:],), dtype=one.dtype, name=one.name)
        for one in step.graph.inputs
    }
    states = {
        name: keras.Input((*one.shape[1:],), dtype=one.dtype, name=name)
        for name, one in step.first_states(1).items()
    }
    check_steps(step)
    both = {**inputs, **states}
    return keras.Model(both, step(both), name=f"{model.name}_step")


@keras.saving.register_keras_serializable("keraseq")
class Step(keras.layers.Layer):
    """One step of a model, see `streaming`."""

    def __init__(self, model, **kwargs):
        super().__init__(**kwargs)
        self.model, self.graph = model, graph_of(model)
        if self.graph is None:
            raise ValueError(
                f"streaming takes a functional or sequential keras.Model; received {model!r}"
            )
        runs = [(one, read) for one, read in calls(self.graph) if is_recurrent(one)]
        for one, read in runs:
            if sum(tensor.dtype != "bool" for tensor in read) > 1:  # masks are booleans
                raise ValueError(
                    f"layer {one.name!r} of model {model.name!r} starts from, or looks at, what "
                    "another layer gives: streaming takes layers that read one sequence"
                )
            if isinstance(one, StreamingStack):
                raise ValueError(
                    f"layer {one.name!r} of model {model.name!r} starts rows anew: build the model "
                    "with resets=False, and begin with the first states where a row starts"
                )
        check_recurrent(model, [one for one, _ in runs], every_step=False)
        self.recurrent = [one for one, _ in runs]
        self.towers = [Tower(one) for one, _ in runs]
        if not self.towers:
            raise ValueError(f"model {model.name!r} has no recurrent layer")

    def first_states(self, batch: int) -> dict:
        """The states before the first step, by name."""
        nested = [one for tower in self.towers for one in tower.first_states(batch)]
        return {f"state_{i}": one for i, one in enumerate(tree.flatten(nested), 1)}

    def call(self, inputs):
        """Runs the model's graph with its recurrent layers in one step."""
        now = [ops.expand_dims(inputs[one.name], 1) for one in self.graph.inputs]
        output, after = self.run(now, inputs, Tower.step)
        steps = self.recurrent[-1].return_sequences and len(self.graph.outputs[0].shape) > 2
        return {"output": output[:, 0] if steps else output, **after}

    def run(self, inputs: list, states: dict, run_tower):
        """The output of all steps that come in, and the new states by name."""
        given = iter([states[name] for name in self.first_states(1)])
        before = [
            tree.map_structure(lambda _: next(given), one)
            for tower in self.towers
            for one in tower.first_states(1)
        ]
        outputs, _, after = through(self.graph, self.towers, inputs, before, run_tower)
        [output] = tree.flatten(outputs)
        return output, {f"new_state_{i}": one for i, one in enumerate(tree.flatten(after), 1)}

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "model": serialized(self.model)}

    @classmethod
    def from_config(cls, config):
        """The layer that `get_config` describes."""
        config = dict(config)
        return cls(keras.saving.deserialize_keras_object(config.pop("model")), **config)


def check_steps(step: Step) -> None:
    """Raises unless a model says the same step by step as at once."""
    model, rng, inputs = step.model, np.random.default_rng(0), {}
    sizes = getattr(model, "vocabularies", {})
    length = step.graph.inputs[0].shape[1] or 4
    for one in step.graph.inputs:
        shape = (1, length, *one.shape[2:])
        if "int" in one.dtype:
            inputs[one.name] = rng.integers(1, sizes.get(one.name, 2), shape).astype(one.dtype)
        else:
            inputs[one.name] = rng.normal(size=shape).astype(one.dtype)
    whole, _ = step.run(list(inputs.values()), step.first_states(1), Tower.read)
    whole = ops.convert_to_numpy(ops.cast(whole, "float32"))
    now, outputs = step.first_states(1), []
    for t in range(length):
        new = step({**{name: ops.array(one[:, t]) for name, one in inputs.items()}, **now})
        outputs.append(ops.convert_to_numpy(ops.cast(new["output"], "float32")))
        now = {name: new[f"new_{name}"] for name in now}
    steps = np.stack(outputs, axis=1)
    steps = steps if steps.ndim == whole.ndim else steps[:, -1]
    near = 1e-4 if model.compute_dtype == "float32" else 0.02
    if not np.allclose(whole, steps, rtol=near, atol=near, equal_nan=True):
        raise ValueError(
            f"model {model.name!r} does not say the same step by step as at once (outputs "
            f"{np.abs(whole - steps).max():.2g} apart): a layer that is not recurrent looks at "
            "more than one step"
        )
