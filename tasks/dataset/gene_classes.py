"""Classes of targets by how their effect varies (Itzhacky and Sharan, Molecular Omics 2021)."""

VARIABLE, NEAR_0, NEAR_1 = "variable", "near 0", "near 1"
VARIABLE_SD = 0.1

# Beyond the cut a target is essential in nearly every line. The paper has dependency probabilities, cut at
# 0.5; gene effect falls to −1 for a common essential, levels rise to 2 with 1 for "dependent".
CUTS = {"dependency": 0.5, "effect": -0.5, "level": 1.0}


def classify(mean: float, sd: float, measure: str) -> str:
    """The class of a target from mean and standard deviation of its effect over the lines measured.

    "variable" is sd > 0.1; of the others "near 1" are those on the essential side of the measure's cut (0.5
    for "dependency", −0.5 for "effect", 1 for "level") or exactly on it, "near 0" the rest. ValueError for
    another measure.
    """
    if measure not in CUTS:
        raise ValueError(f"measure is {measure!r}; expected one of {', '.join(CUTS)}")
    if sd > VARIABLE_SD:
        return VARIABLE
    essential = mean <= CUTS[measure] if measure == "effect" else mean >= CUTS[measure]
    return NEAR_1 if essential else NEAR_0
