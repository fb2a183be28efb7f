"""What predictions of models on all genes rest on: numbers for readers, made from predictions alone.

Start with `followed`. Knows nothing of the models themselves, nor of files.
"""
