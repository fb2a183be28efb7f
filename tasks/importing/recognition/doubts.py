"""What looks wrong with the numbers of an import: a sign turned, another scale, another logarithm.

Effects are judged by genes that every growing cell needs, expression by its range and by what a sample's
transcripts add up to. These are doubts in words for a person to judge; they refuse nothing.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32

from tasks.dataset.checks import UNLOGGED, doubt_about

# Ribosome, proteasome, spliceosome, chaperonin, replication, mitosis: common essential in DepMap 26Q1.
_ESSENTIAL = """
    RPL3 RPL4 RPL5 RPL6 RPL7 RPL7A RPL8 RPL10A RPL11 RPL12 RPL13 RPL14 RPL18 RPL18A RPL19 RPL23 RPL23A RPL27
    RPL27A RPL31 RPL32 RPL34 RPL35A RPL36 RPL37 RPS3 RPS3A RPS5 RPS6 RPS7 RPS8 RPS9 RPS11 RPS13 RPS14 RPS15A
    RPS16 RPS18 RPS19 RPS20 RPS23 RPS27A PSMA1 PSMA2 PSMA3 PSMA4 PSMA5 PSMA6 PSMA7 PSMB1 PSMB2 PSMB3 PSMB4
    PSMB6 PSMB7 PSMC1 PSMC2 PSMC3 PSMC4 PSMC5 PSMC6 PSMD1 PSMD3 PSMD7 PSMD11 PSMD14 PCNA POLR2B POLR2I RAN
    RPA1 RRM1 RRM2 SF3B1 SF3B2 SF3B3 SNRPB SNRPD1 SNRPD2 SNRPD3 SNRPF SNRNP200 EFTUD2 EIF3A EIF3B EIF4A3
    KIF11 PLK1 CDK1 COPA COPB1 U2AF1 U2AF2 VCP XAB2 CDC20 AURKB CCT2 CCT3 CCT4 CCT5 CCT7 CCT8 TCP1 MCM2 MCM3
    MCM5 NUP93 PRPF8 PRPF19 HSPA9 POLD1 DHX15 SRSF1
"""
ESSENTIAL = frozenset(_ESSENTIAL.split())
FEWEST_ESSENTIAL = 5
FURTHEST = 12.0  # Chronos and CERES stay within 6 of 0, log fold changes mostly within 10
FEWEST_SHARED = 0.1  # of the smaller file's lines
FROM_SKEWNESS = 1.0  # Chronos of 75 genes: -2.7; most genes are near 0, few far below
FEWEST_SORTED, MOST_SORTED, EVEN = 200, 100_000, 0.05  # values; largest distance from even ones
WHOLE_GENOME = 8000  # genes, from which on a sample's transcripts add up
TOTALS = (3e5, 1.3e6)  # of TPM over protein-coding genes; 10^6 over all transcripts
# Median log2(TPM+1) over DepMap's cell lines of genes that hardly differ between them (25Q3 and 24Q4; middle
# 80 % of lines within some 30 % of the median). Another laboratory's breast lines have 0.93 of these values.
_STEADY = """
    ABI1 4.6 ACTR10 5.4 AKT1 6.4 ARIH1 4.8 B2M 10.7 BAP1 5.2 BRD7 5.6 BTBD1 5.2 CALR 9.4 CDK4 7.6 CHD4 6.9
    CLK3 5.3 CNOT1 6.8 CNOT3 5.1 CNOT9 5.1 CTCF 4.9 CTNNB1 6.9 CUEDC2 5.8 DHPS 6.0 DHX15 6.7 ERCC3 5.3
    FAM174C 5.2 GAR1 5.5 GNAS 9.6 GPR107 4.7 H3-3A 8.9 HDAC2 6.9 IRF3 5.9 KEAP1 5.5 KNSTRN 5.6 MAP2K1 5.5
    MAT2B 5.7 MAX 5.6 MICU2 4.9 MLH1 5.0 MORC2 4.6 NDUFS1 5.8 NFE2L2 5.9 NPM1 10.6 PATL1 4.8 PDCD6IP 5.9
    PEX19 5.1 PPP2R1A 6.7 PRKAG1 5.6 PTPN11 5.8 RAC1 7.7 RAF1 5.7 RHOA 8.5 RPN1 7.5 SDHA 6.4 SF3B1 6.7
    SMAD2 5.4 SMARCB1 6.2 SMARCD1 5.6 SMC4 6.3 SPOP 5.0 TBL1XR1 5.3 TRAF7 5.4 TSC2 5.1 TXNDC5 6.9 TXNL1
    5.8 UBR5 5.6 XPO1 6.5 XRCC5 7.3
"""
STEADY = dict(zip(_STEADY.split()[::2], map(float, _STEADY.split()[1::2]), strict=True))
FEWEST_STEADY = 5
_SHRUNK = 0.09  # how far a logarithm's ratio to log2, 0.69 or 0.30, may be off as a share of it
_BASES = {"the natural logarithm, ln(TPM+1)": np.e, "log10(TPM+1)": 10.0}


def lines_doubts(kept: int, with_effects: int, with_expression: int) -> list[str]:
    """Whether so few cell lines are in both files that their names may agree by chance."""
    if kept >= FEWEST_SHARED * min(with_effects, with_expression):
        return []
    return [
        f"only {kept} of the cell lines are used, of {with_effects} with effects and {with_expression} with "
        "expression: are their names of one kind?"
    ]


def twin_doubts(cell_lines: Sequence[str], expression: Float32[np.ndarray, "cell_lines genes"]) -> list[str]:
    """Whether lines have the very expression of others: one line under two names leaks from fold to fold."""
    first: dict[bytes, str] = {}
    twins = [
        (line, other)
        for line, row in zip(cell_lines, expression, strict=True)
        if (other := first.setdefault(row.tobytes(), line)) != line
    ]
    if not twins:
        return []
    return [
        f"expression: {len(twins)} of {len(cell_lines)} cell lines have every value of another "
        f"({twins[0][0]} of {twins[0][1]}, ...): one line under two names? Its twin tells what a fold should "
        "not know; leave one out"
    ]


def two_cases_doubts(symbols: Mapping[str, Sequence[str]]) -> list[str]:
    """Whether a file (`symbols`, by what it holds) has genes that only capital letters tell apart."""
    doubts = []
    for what, named in symbols.items():
        spellings: dict[str, set[str]] = {}
        for symbol in named:
            spellings.setdefault(symbol.upper(), set()).add(symbol)
        if pairs := [" and ".join(sorted(names)) for names in spellings.values() if len(names) > 1]:
            more = f", and {len(pairs) - 1} more" if len(pairs) > 1 else ""
            doubts.append(
                f"{what}: only capital letters tell {pairs[0]} apart{more}: one gene twice? Both are kept"
            )
    return doubts


def lineage_doubts(models: str, lineages: Sequence[str]) -> list[str]:
    """Whether the table of cell lines knows the lineage of none."""
    if any(lineages):
        return []
    return [
        f"{models}: knows the lineage of none of the {len(lineages)} cell lines, so nothing is compared with "
        "what lineage alone says: is it their table, and are its ids of the same kind?"
    ]


def effect_doubts(
    measure: str, symbols: Sequence[str], effect: Float32[np.ndarray, "cell_lines targets"]
) -> list[str]:
    """What the median of known essential genes says against this measure.

    With fewer than 5 of them, a gene effect whose long tail is above 0 is doubted. So is an effect that is
    the same everywhere, and a gene effect far beyond what any is, or never below 0.
    """
    return _doubts_by_genes(measure, symbols, effect) or _doubts_by_range(measure, effect)


def _doubts_by_genes(
    measure: str, symbols: Sequence[str], effect: Float32[np.ndarray, "cell_lines targets"]
) -> list[str]:
    known = [i for i, symbol in enumerate(symbols) if symbol in ESSENTIAL]
    if len(known) < FEWEST_ESSENTIAL:
        return _tail_doubts(effect) if measure == "effect" else []
    medians = [_median(effect[:, column]) for column in known]
    essential, others = _median(np.array(medians)), _median(effect[:: max(1, len(effect) // 200)])
    if not np.isfinite(essential):
        return []
    about = f"{len(known)} genes that every cell needs (RPL3, PSMA1, ...) have median {essential:.3g}"
    if measure == "effect":
        return [f"effect: {about}; {words}" for words in _effect_words(essential, others)]
    if measure == "dependency" and essential < 0.5:
        return [
            f"effect: {about}; expected near 1 of a dependency probability: is it 1 - p, or another measure?"
        ]
    if measure == "level" and essential <= others:
        return [
            f"effect: {about}, all genes {others:.3g}; expected a higher level: higher must be more essential"
        ]
    return []


def _doubts_by_range(measure: str, effect: Float32[np.ndarray, "cell_lines targets"]) -> list[str]:
    known = effect[np.isfinite(effect)]
    if not known.size:
        return []
    low, high = float(known.min()), float(known.max())
    if low == high:
        return [f"effect: every value is {low:g}: there is nothing to learn from it"]
    if measure in _CROWDED and _is_even(known):
        return [
            f"effect: values are spread evenly from {low:.3g} to {high:.3g}, as ranks are; "
            f"{_CROWDED[measure]}: is this another measure?"
        ]
    if measure != "effect" or (low < 0 and max(-low, high) <= FURTHEST):
        return []
    what = "never below 0" if low >= 0 else f"beyond what it ever is ({-FURTHEST:g} to {FURTHEST:g})"
    return [
        f"effect: values from {low:.3g} to {high:.3g}, {what}; gene effect is 0 for a gene that nothing "
        "depends on, and -1 for a common essential one: is this another scale, or another measure?"
    ]


_CROWDED = {
    "dependency": "dependency probabilities are mostly near 0 or 1",
    "effect": "most gene effects are near 0",
}


def _is_even(values: Float32[np.ndarray, " values"]) -> bool:
    """Whether any number's place in the values' range is near the share below it (Kolmogorov's distance)."""
    ordered = np.sort(values[:: max(1, len(values) // MOST_SORTED)]).astype(np.float64)
    n, width = len(ordered), ordered[-1] - ordered[0]
    if n < FEWEST_SORTED or width == 0:
        return False
    shares = (np.arange(n) + 0.5) / n
    return float(np.abs((ordered - ordered[0]) / width - shares).max()) < EVEN


def _effect_words(essential: float, others: float) -> list[str]:
    if essential > 0.3 and essential > others:
        return ["expected about -1: is the sign turned? Multiply the values by -1"]
    if essential < -3:
        return [
            "expected about -1: is this another scale (z-scores, log fold changes)? Divide by the size of "
            "this median"
        ]
    if essential > -0.3:
        return ["expected about -1: is this gene effect, and do the columns have their right names?"]
    return []


def _tail_doubts(effect: Float32[np.ndarray, "cell_lines targets"]) -> list[str]:
    known = effect[np.isfinite(effect)].astype(np.float64)
    if not known.size or not (spread := float(known.std())):
        return []
    if float(np.mean(((known - known.mean()) / spread) ** 3)) < FROM_SKEWNESS:
        return []
    return [
        f"effect: values reach from {known.min():.3g} to {known.max():.3g}, with the long tail above 0; gene "
        "effect has it below (0 none, -1 common essential): is the sign turned? Multiply the values by -1"
    ]


def expression_doubts(
    symbols: Sequence[str], expression: Float32[np.ndarray, "cell_lines genes"]
) -> list[str]:
    """Why this may not be log2(TPM+1): its range, for a whole genome the transcripts' sum, else steady genes.

    A sum shows natural and decimal logarithms: e^x - 1 or 10^x - 1 then add up to a million.
    """
    found = [f"expression: {doubt}" for doubt in [doubt_about(expression)] if doubt]
    if found:
        return found
    if expression.shape[1] < WHOLE_GENOME:
        return _steady_doubts(symbols, expression)
    return [f"expression: 2^x - 1 adds up to {doubt}"] if (doubt := doubt_about_total(expression)) else []


def _steady_doubts(symbols: Sequence[str], expression: Float32[np.ndarray, "cell_lines genes"]) -> list[str]:
    """What genes say whose expression hardly differs between cell lines."""
    known = {symbol: i for i, symbol in enumerate(symbols) if symbol in STEADY}
    if len(known) < FEWEST_STEADY:
        return []
    ratio = _median(np.array([_median(expression[:, i]) / STEADY[symbol] for symbol, i in known.items()]))
    return [
        f"expression: {len(known)} genes that hardly differ between cell lines ({next(iter(known))}, ...) "
        f"have {ratio:.2f} times their usual log2(TPM+1): is it {name}? Convert it: divide by "
        f"{np.log(2) / np.log(base):.4g}"
        for name, base in _BASES.items()
        if abs(ratio * np.log2(base) - 1.0) < _SHRUNK
    ]


def doubt_about_total(expression: Float32[np.ndarray, "profiles genes"], each: str = "line") -> str:
    """Of a whole genome: what 2^x - 1 adds up to instead of about a million; "" where it does, or of fewer.

    NaN is not known; profiles that know too few genes do not count. `each` is what a profile is of.
    """
    some = expression[:: max(1, len(expression) // 50)].astype(np.float64)
    some = some[(~np.isnan(some)).sum(axis=1) >= WHOLE_GENOME]
    if not len(some) or _fits(total := _total(some, 2.0)):
        return ""
    other = [
        name
        for name, base in _BASES.items()
        if np.nanmax(some) < UNLOGGED / np.log2(base) and _fits(_total(some, base))
    ]
    perhaps = f"; as {other[0]}, they add up to a million: is it that? Convert it" if other else ""
    return (
        f"{total:.3g} a {each} (median; {expression.shape[1]} genes), not to "
        f"about a million as TPM do{perhaps or ': is this another unit (FPKM, counts, array)?'}"
    )


def _total(expression: np.ndarray, base: float) -> float:
    return float(np.median(np.nansum(np.expm1(expression * np.log(base)), axis=1)))


def _fits(total: float) -> bool:
    return TOTALS[0] <= total <= TOTALS[1]


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")
