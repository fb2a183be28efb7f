"""A drug's response in every cell line from what its target genes do there (Itzhacky and Sharan, part B3).

An example is a drug. Its inputs are the mean expression of its target genes in each cell line, their mean
dependency, or both; its outputs are the response of each line. Folds are over drugs, so that a test drug's
response has no effect on what is fitted.

A training drug's gaps are filled with its own mean over the lines measured, not with the line's mean over
drugs: responses differ between drugs more than between lines (in CTRP sd 2.0 against 0.8), so a line's mean
would make a weak drug look strong in its gaps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from modeling.folds import Fold
from modeling.kernels.distances import mean_products, scaling_of, standardised
from modeling.kernels.kernels import half_decades
from modeling.kernels.ridge import fit_ridge, leave_one_out_errors, spectrum_of
from modeling.networks.mlp import initial_perceptron
from modeling.networks.training_state import Examples, Schedule, TrainedNetwork
from modeling.seeds import generator, seed_of

MOST_MISSING = 0.75  # of the training drugs: a line that misses more is left out
PENALTIES = half_decades(3.0, -3.0)  # relative to the mean eigenvalue, the largest first
SCHEDULE = Schedule(
    epochs=1000, patience=50, batch=32, learning_rate=1e-3
)  # tens of drugs: few steps an epoch
VALIDATION_SHARE = 0.2  # of the training drugs, that say when to stop
MOST_UNITS = 100

Drugs = Float64[np.ndarray, "drugs cell_lines"]


@dataclass(frozen=True, eq=False)
class DrugExamples:
    """A fold's drugs as models take them.

    `lines` says which cell lines count; inputs (`train`, `new`) are standardised by the training drugs, one
    column for each line that counts and each kind of profile; `response` is that of the training drugs on
    those lines, gaps filled.
    """

    lines: Bool[np.ndarray, " cell_lines"]
    train: Float32[np.ndarray, "train inputs"]
    new: Float32[np.ndarray, "test inputs"]
    varying: int
    response: Float64[np.ndarray, "train lines"]


def target_profiles(
    values: Float[np.ndarray, "cell_lines columns"], genes: Sequence[Int64[np.ndarray, " _"]]
) -> Drugs:
    """Each drug's mean over its target genes (columns of `values`) by line; NaN where none has a value."""
    out = np.full((len(genes), len(values)), np.nan)
    for profile, columns in zip(out, genes, strict=True):
        block = values[:, columns].astype(np.float64)
        known = ~np.isnan(block)
        sums, counts = np.where(known, block, 0.0).sum(axis=1), known.sum(axis=1)
        np.divide(sums, counts, out=profile, where=counts > 0)
    return out


def kept_lines(response: Drugs) -> Bool[np.ndarray, " cell_lines"]:
    """The lines that miss at most 75% of the (training) drugs' responses."""
    return np.isnan(response).mean(axis=0) <= MOST_MISSING


def drug_examples(profiles: Sequence[Drugs], response: Drugs, fold: Fold) -> DrugExamples:
    """What the models of a fold learn from and predict from; the response of test drugs is not read.

    Args:
        profiles: one or more kinds of profile of all drugs, `target_profiles` each; they count alike.
        response: of all drugs, NaN where not measured.

    Raises ValueError where no line counts or fewer than three drugs train.
    """
    known = response[fold.train]
    lines = kept_lines(known)
    if not lines.any():
        raise ValueError(f"every cell line misses over {MOST_MISSING:.0%} of the training drugs' responses")
    train, new = (
        np.hstack([_filled(p[rows][:, lines], p[fold.train][:, lines]) for p in profiles])
        for rows in (fold.train, fold.test)
    )
    scaling = scaling_of(train)
    return DrugExamples(
        lines,
        standardised(train, scaling),
        standardised(new, scaling),
        int(scaling.varies.sum()),
        _filled(known[:, lines], known[:, lines]),
    )


def _filled(values: Drugs, training: Float64[np.ndarray, "train cell_lines"]) -> Drugs:
    """Gaps filled by the drug's own mean; a drug without a value gets the mean of all training drugs."""
    whole = np.isfinite(values)
    sums, counts = np.where(whole, values, 0.0).sum(axis=1), whole.sum(axis=1)
    otherwise = float(training[np.isfinite(training)].mean()) if np.isfinite(training).any() else 0.0
    means = np.where(counts > 0, sums / np.maximum(counts, 1), otherwise)
    return np.where(whole, values, means[:, None])


def predict_by_ridge(examples: DrugExamples) -> Float64[np.ndarray, "test lines"]:
    """The test drugs' response by ridge regression with one penalty for all lines.

    It is the one with the smallest sum of leave-one-drug-out errors, in closed form.
    """
    train = examples.train
    spectrum = spectrum_of(mean_products(train, None, examples.varying))
    errors = leave_one_out_errors(spectrum, examples.response, PENALTIES).sum(axis=1)
    fits = fit_ridge(spectrum, examples.response, PENALTIES[[int(errors.argmin())]])
    return fits.predict(mean_products(examples.new, train, examples.varying))


def predict_by_network(
    examples: DrugExamples, seed: int, device: str = "cpu"
) -> tuple[Float64[np.ndarray, "test lines"], TrainedNetwork]:
    """The test drugs' response by a network with one tanh layer, and how its training went.

    A fifth of the training drugs says after how many epochs to stop; the network that predicts is trained on
    all of them for so long. Where training failed (`TrainedNetwork.failure`) predictions are NaN. The
    `TrainedNetwork` is that of the first training, with the validation losses, and the network of the second.
    """
    from modeling.networks.adam import train  # noqa: PLC0415 - imports torch, which takes seconds

    inputs, (centre, scale) = examples.train, _location(examples.response)
    outputs = ((examples.response - centre) / scale).astype(np.float32)
    begin = initial_perceptron(layer_sizes(inputs, outputs), seed_of(seed, "drug network"))
    # Not `modeling.splits`: rows stay in the order drawn, which decides the batches.
    order = generator(seed, "drug network", "validation").permutation(len(inputs))
    validation, learned = np.split(order, [max(1, round(VALIDATION_SHARE * len(order)))])
    some, others, everything = (
        Examples(inputs[rows], outputs[rows]) for rows in (learned, validation, np.arange(len(inputs)))
    )
    stream = seed_of(seed, "drug network", "order")
    first = train(begin, some, others, SCHEDULE, stream, device=device)
    if first.failure or not first.epoch:
        return np.full((len(examples.new), outputs.shape[1]), np.nan), first
    last = train(begin, everything, None, replace(SCHEDULE, epochs=first.epoch), stream, device=device)
    predicted = last.network.forward(examples.new).astype(np.float64) * scale + centre
    return predicted, replace(first, network=last.network, failure=last.failure)


def layer_sizes(
    inputs: Float32[np.ndarray, "drugs inputs"], outputs: Float32[np.ndarray, "drugs lines"]
) -> tuple[int, int, int]:
    """Inputs, units (1 to 100) and outputs: no more weights than training values (the paper)."""
    units = outputs.size // (inputs.shape[1] + outputs.shape[1])
    return inputs.shape[1], min(max(units, 1), MOST_UNITS), outputs.shape[1]


def _location(
    response: Float64[np.ndarray, "train lines"],
) -> tuple[Float64[np.ndarray, " lines"], float]:
    """Each line's mean over training drugs, and the standard deviation about it over all lines together."""
    centre = response.mean(axis=0)
    return centre, float((response - centre).std()) or 1.0
