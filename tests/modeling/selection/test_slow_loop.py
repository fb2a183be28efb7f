"""The slow loop that selection is compared with does for many genes what scipy does for one."""

import numpy as np
import pytest
from scipy import stats

from tests.modeling.selection_data import nasty_pair
from tests.reference.selection import chi_squared, contingency, correlations, likeness


@pytest.mark.parametrize("target", [0, 1, 3, 4, 5, 6, 12, 13])
def test_each_gene_gets_what_scipy_says_of_it_alone(target):
    x, y = nasty_pair()
    genes, effect = x.T.astype(np.float64), y[:, target]
    bins = np.searchsorted(np.quantile(effect, np.arange(1, 6) / 6), effect, side="left")
    rho, rho_p = correlations(genes, effect)[1]
    for cut in (np.median, np.mean):
        chi2, chi2_p = chi_squared(genes, effect, cut)
        for gene, row in enumerate(genes):
            table = np.zeros((2, 6), dtype=int)
            np.add.at(table, ((row >= cut(row)).astype(int), bins), 1)
            statistic, p = contingency(table)
            assert chi2[gene] == statistic
            assert chi2_p[gene] == pytest.approx(p, rel=1e-12)
    for gene, row in enumerate(genes):
        if (row == row[0]).all():
            assert np.isnan([rho[gene], rho_p[gene]]).all()
            continue
        expected = stats.spearmanr(row, effect)
        assert rho[gene] == expected.statistic
        assert rho_p[gene] == pytest.approx(expected.pvalue, rel=1e-12)


def test_genes_are_as_alike_as_pearson_says():
    x = nasty_pair()[0][:, 2:12]
    alike = likeness(x.tobytes(), x.shape, x.dtype.str)
    for gene in range(10):
        for other in range(10):
            if 1 in (gene, other):
                assert np.isnan(alike[gene, other])  # constant
            else:
                r = stats.pearsonr(x[:, gene].astype(np.float64), x[:, other].astype(np.float64)).statistic
                assert alike[gene, other] == pytest.approx(abs(r), rel=1e-11)
