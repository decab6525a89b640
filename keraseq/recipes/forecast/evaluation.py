"""The model beside every baseline, from the same origins."""

from keraseq import data
from keraseq import evaluate as evaluation
from keraseq.bundle import Bundle
from keraseq.checks import boolean
from keraseq.data.timeseries import dummies, read
from keraseq.recipes.forecast.forecaster import READS_AGAIN, WAVES, Forecaster, Stored


def evaluate(
    bundle: Bundle,
    series=None,
    *,
    baselines: bool = True,
    part: str = "test",
    stride: int = 1,
    **reading,
):
    """The model beside all baselines, on every window of a part.

    Args:
        bundle: What `train` returned, or a bundle that was loaded.
        series: A `keraseq.data.Series`, or what `keraseq.data.series` reads. Default: the public
            series that it was trained on.
        baselines: Whether to measure the baselines too. Defaults to `True`.
        part: `"test"` or `"validation"`. Defaults to `"test"`.
        stride: Rows from one window to the next. Defaults to 1.
        **reading: Further arguments of `keraseq.data.series`, such as `fill`.

    Returns:
        A frame with a row a method, the best first, and the metrics of `keraseq.evaluate.Backtest`;
        `scaled_mae` and `scaled_mse` are in units of the scaler of the training, if that is one of
        the data. Intervals are
        those of `Forecaster.recalibrated`: at each origin they know the errors before it. Best is
        the lowest `mase`, which counts series and targets of any size alike, or `mae` where there
        is no `mase`.

    Raises:
        ValueError: There are no series, or their columns are not those of the training.
    """
    forecaster = Forecaster.of(bundle)
    series = series_of(bundle, series, **reading)
    forecaster.check_columns(series)
    settings = forecaster.settings
    methods = methods_of(forecaster, series, part, boolean("baselines", baselines))
    scaler = forecaster.scaler if settings.transform is None else None  # that one is of logarithms
    return ranked(
        evaluation.backtest(
            methods, series, settings.horizon, part=part, stride=stride, scaler=scaler
        )
    )


def methods_of(
    forecaster: Forecaster, series: data.Series, part: str = "test", baselines: bool = True
) -> dict:
    """The model by its name, and the baselines."""
    settings, methods = forecaster.settings, {}
    if baselines:
        methods = evaluation.baselines(series, settings.horizon, settings.look_back)
    return {name_of(forecaster): forecaster.recalibrated(series, part), **methods}


def ranked(backtest: evaluation.Backtest):
    """A row a method, the best first, without what only programs read."""
    found = backtest.summary()
    first = ["method", measure_of(found)]
    shown = [one for one in found if one not in first and not one.startswith("pinball")]
    return found[first + shown].sort_values(measure_of(found), ignore_index=True)


def measure_of(table) -> str:
    """The metric by which methods are ranked."""
    return "mase" if "mase" in table else "mae"


def name_of(forecaster: Forecaster) -> str:
    """What the model is called in tables."""
    return f"{forecaster.settings.model} {forecaster.settings.cell}"


def verdict(table, forecaster: Forecaster) -> str:
    """One sentence: whether the model is better than every baseline, and if not, which one is.

    Args:
        table: What `evaluate` returned.
        forecaster: The model in it.
    """
    measure = measure_of(table)
    errors = table.set_index("method")[measure]
    ours = errors.pop(name_of(forecaster))
    best = errors.idxmin()
    compared = f"{measure.upper()} {ours:.4g}, the best baseline, {best}, has {errors[best]:.4g}"
    exact = data.negligible(errors[best], errors.to_numpy())
    change = "and without error" if exact else f"by {abs(1 - ours / errors[best]):.1%}"
    if ours < errors[best]:
        return f"The model is better than every baseline, {change}: it has {compared}."
    return f"A baseline is better, {change}: use that one. The model has {compared}."


def series_of(bundle: Bundle, source=None, **reading) -> data.Series:
    """The series of a source with the columns of the training, checked.

    Args:
        bundle: What `train` returned, or a bundle that was loaded.
        source: A `keraseq.data.Series`, or what `keraseq.data.series` reads. Default: the public
            series that it was trained on.
        **reading: Further arguments of `keraseq.data.series`, such as `fill`.

    Raises:
        ValueError: There is no source, or its frequency is not that of the training.
    """
    Forecaster.of(bundle)  # or says what is wrong with it
    with bundle.reading(Stored, "forecaster of this recipe") as stored:
        series = stored.source if source is None else source
    if series is None:
        raise ValueError("the bundle was trained on no public series: give the series to evaluate")
    if not isinstance(series, data.Series):
        kinds = stored.categories
        origin = {one: raw for raw, texts in kinds.items() for one in dummies(raw, texts)}
        past, future = (
            list(dict.fromkeys(origin.get(one, one) for one in columns if not one.endswith(WAVES)))
            for columns in (stored.past_covariates, stored.future_covariates)
        )
        how = reading_of(bundle) | {"day_first": stored.day_first} | reading
        if not (isinstance(series, str) and series in data.sets.SETS):
            series = read(series, **{k: how.get(k) for k in ("sep", "encoding", "header")})
            for name in ("time", "id"):  # another table may call them otherwise
                if name not in reading and not {*how.get(name, ())} <= {*series.frame}:
                    del how[name]
        series = data.series(
            series,
            targets=stored.targets,
            past_covariates=past,
            future_covariates=future,
            calendar=stored.calendar,
            categories=stored.categories,
            **how,
        )
    if series.freq != stored.freq:
        raise ValueError(
            f"the model was trained on rows of frequency {stored.freq!r}; received {series.freq!r}"
        )
    return series


def reading_of(bundle: Bundle) -> dict:
    """The options of reading of the training that hold for other tables too."""
    with bundle.reading(Stored, "forecaster of this recipe") as stored:
        usual = {name: getattr(stored.settings, name) for name in READS_AGAIN}
    usual |= {"time": stored.time, "id": stored.id, "tz": stored.tz}
    return {
        name: value
        for name, value in usual.items()
        if value not in (None, ()) and name not in ("start", "freq")
    }
