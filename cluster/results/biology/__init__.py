"""A store's results beside what is known of genes and samples: gene sets and paralogs, groups of samples.

Start at `enrich.enrich` and `tissues.tissues`; both keep their table by `cluster.analyses`.
"""
