"""What a store says of one gene, judged and put into words: values in, a verdict out.

Start with `verdict`: `judge` makes a `Verdict` from the `evidence`, `wording` turns it into three sentences.
Nothing here knows stores or files, so that pages, notebooks and reports can show the same verdict.
"""
