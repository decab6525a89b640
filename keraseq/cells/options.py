"""The options of a cell: which there are, what they may be, and how they are saved."""

import inspect
import re
from types import NoneType
from typing import Any

import keras

from keraseq.cells.initializers import constant
from keraseq.checks import did_you_mean, known_to
from keraseq.keras_inside import serialized

INITIAL = re.compile("initializer|regularizer|constraint|seed")  # options of weights, not of steps
OF_WEIGHTS = {  # an option of each kind of weight -> where its names are known
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
}
LAYER_OPTIONS = ("name", "dtype", "trainable", "autocast", "activity_regularizer")


class Options:
    """What `keraseq.cells.Cell` knows of its constructors' arguments."""

    @classmethod
    def options(cls) -> dict[str, Any]:
        """Every option of the cell and its default, from the constructors' signatures."""
        found: dict[str, Any] = {}
        for klass in cls.__mro__:
            if issubclass(klass, Options) and "__init__" in vars(klass):
                for parameter in inspect.signature(klass.__init__).parameters.values():
                    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                        found.setdefault(parameter.name, parameter.default)
        return found

    def equation(self) -> tuple | None:
        """What determines the equation beside weights and their shapes; None where unknown.

        It is known for keraseq's own cells, whose steps depend on their options alone.
        """
        if not type(self).__module__.startswith("keraseq.cells."):
            return None
        said = [(name, getattr(self, name)) for name in self.options() if not INITIAL.search(name)]
        plain = (bool, int, float, str, tuple, NoneType)
        if not all(isinstance(one, plain) or inspect.isfunction(one) for _, one in said):
            return None
        return type(self), self.units, self.dtype_policy.name, tuple(said)

    def get_config(self) -> dict[str, Any]:
        """Configuration, complete by construction: every constructor argument by its name."""
        config = super().get_config()
        config["units"] = self.units
        for name in self.options():
            config[name] = serialised(getattr(self, name))
        return config

    @classmethod
    def _refuse_unknown(cls, given: dict[str, Any]):
        for name in given:
            if name not in LAYER_OPTIONS:
                known = [*cls.options(), *LAYER_OPTIONS[:3]]
                raise ValueError(
                    f"unknown option {name!r} for {cls.__name__}; "
                    f"known options: {', '.join(known)}.{did_you_mean(name, known)}"
                )

    def _known(self, module, option: str, value):
        """What `module.get` gives; for an initialiser also a dictionary from gate to one."""
        if module is not keras.initializers or not isinstance(value, dict) or "class_name" in value:
            return known_to(module, option, value)
        for gate in value:
            if gate not in self.gates:
                raise ValueError(
                    f"{option} names {gate!r}, which is no gate of {type(self).__name__}; "
                    f"its gates: {', '.join(self.gates)}.{did_you_mean(gate, self.gates)}"
                )
        return {gate: known_to(module, option, constant(one)) for gate, one in value.items()}


def serialised(value):
    """A constructor argument as JSON can hold it."""
    if isinstance(value, dict):
        return {key: serialised(one) for key, one in value.items()}
    if hasattr(value, "get_config"):
        return serialized(value)
    if callable(value):
        return keras.activations.serialize(value)
    return value
