"""`make study`: how accurate the methods are, on folds that no choice was made on; writes docs/accuracy.md.

Start with `__main__`: parts (`parts`) run variants of methods (`variants`) on datasets (`datasets`), keep one
JSON file for each of them (`results`), and `page` makes the document from those there are.
"""
