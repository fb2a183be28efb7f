"""Who is in a simulated release: cell lines, their lineages and the library each was screened with."""

from dataclasses import dataclass

import numpy as np

FIRST_LINE_NUMBER = 900_001  # far above any model DepMap has numbered, so that no real line is meant


@dataclass(frozen=True)
class Lineage:
    """A tissue of origin: Oncotree's name, 22Q2's name, the commonest disease, its share of the lines."""

    name: str
    legacy: str
    disease: str
    code: str
    origin: str
    share: float


LINEAGES = (
    Lineage("Lung", "lung", "Non-Small Cell Lung Cancer", "NSCLC", "epithelial", 0.125),
    Lineage("Lymphoid", "lymphocyte", "Mature B-Cell Neoplasms", "MBN", "blood", 0.09),
    Lineage("CNS/Brain", "central_nervous_system", "Diffuse Glioma", "DIFG", "neural", 0.08),
    Lineage("Skin", "skin", "Melanoma", "MEL", "neural", 0.075),
    Lineage("Esophagus/Stomach", "gastric", "Esophagogastric Adenocarcinoma", "EGC", "epithelial", 0.07),
    Lineage("Bowel", "colorectal", "Colorectal Adenocarcinoma", "COADREAD", "epithelial", 0.06),
    Lineage("Head and Neck", "upper_aerodigestive", "Head and Neck Carcinoma", "HNSC", "epithelial", 0.06),
    Lineage("Ovary/Fallopian Tube", "ovary", "Ovarian Epithelial Tumor", "OVT", "epithelial", 0.055),
    Lineage("Breast", "breast", "Invasive Breast Carcinoma", "BRCA", "epithelial", 0.05),
    Lineage("Pancreas", "pancreas", "Pancreatic Adenocarcinoma", "PAAD", "epithelial", 0.05),
    Lineage("Myeloid", "blood", "Acute Myeloid Leukemia", "AML", "blood", 0.04),
    Lineage("Soft Tissue", "soft_tissue", "Rhabdomyosarcoma", "RMS", "mesenchymal", 0.04),
    Lineage("Bone", "bone", "Ewing Sarcoma", "ES", "mesenchymal", 0.035),
    Lineage("Peripheral Nervous System", "peripheral_nervous_system", "Neuroblastoma", "NBL", "neural", 0.03),
    Lineage("Kidney", "kidney", "Renal Cell Carcinoma", "RCC", "epithelial", 0.03),
    Lineage("Uterus", "uterus", "Endometrial Carcinoma", "UCEC", "epithelial", 0.025),
    Lineage(
        "Bladder/Urinary Tract", "urinary_tract", "Bladder Urothelial Carcinoma", "BLCA", "epithelial", 0.025
    ),
    Lineage("Liver", "liver", "Hepatocellular Carcinoma", "HCC", "epithelial", 0.02),
    Lineage("Biliary Tract", "bile_duct", "Intraductal Papillary Neoplasm", "BILIARY", "epithelial", 0.015),
    Lineage("Pleura", "lung", "Pleural Mesothelioma", "PLMESO", "mesenchymal", 0.01),
    Lineage("Thyroid", "thyroid", "Anaplastic Thyroid Cancer", "THAP", "epithelial", 0.01),
    Lineage("Prostate", "prostate", "Prostate Adenocarcinoma", "PRAD", "epithelial", 0.005),
)


@dataclass(frozen=True)
class Library:
    """A guide library: the share of lines screened with it, and of targets it has no guides for."""

    name: str
    lines: float
    missed_targets: float


LIBRARIES = (Library("Avana", 0.68, 0.006), Library("KY", 0.24, 0.03), Library("Humagne", 0.08, 0.02))


def cell_line_ids(n_lines: int, rng: np.random.Generator) -> list[str]:
    """Model ids in the form `ACH-900001`, unique, in random order."""
    return [f"ACH-{number:06d}" for number in FIRST_LINE_NUMBER + rng.permutation(n_lines)]


def deal(shares: list[float], n_lines: int, rng: np.random.Generator) -> np.ndarray:
    """Deal `n_lines` lines over groups of the given shares: int64[n_lines] of group numbers, shuffled.

    Counts follow the shares by largest remainder, so only who is where is random, not how many.
    """
    exact = np.array(shares) / sum(shares) * n_lines
    counts = np.floor(exact).astype(np.int64)
    largest_remainders = np.argsort(counts - exact, kind="stable")[: n_lines - counts.sum()]
    counts[largest_remainders] += 1
    return rng.permutation(np.repeat(np.arange(len(shares)), counts))


def missing_blocks(library_of_line: np.ndarray, n_targets: int, rng: np.random.Generator) -> np.ndarray:
    """Where nothing was measured: bool[cell_lines, targets].

    Every line of a library misses the same block of targets. The blocks of the second and third library
    overlap by a third of the second, so a target may be missed by none, one or two libraries; never by all
    three.
    """
    order = rng.permutation(n_targets)
    first, second, third = (max(1, round(library.missed_targets * n_targets)) for library in LIBRARIES)
    starts = (0, first, first + second - second // 3)
    missing = np.zeros((len(library_of_line), n_targets), dtype=bool)
    for library, (start, size) in enumerate(zip(starts, (first, second, third), strict=True)):
        block = order[start : start + size]
        missing[np.ix_(library_of_line == library, block)] = True
    return missing
