"""Numbers only: no files, no Ray.

Shapes and types in annotations are checked by jaxtyping and beartype whenever tests run. What numba compiles
is marked `no_type_check`, because numba cannot compile a function with the check around it. So kernels get
their arguments from Python functions, whose annotations are checked, or from each other.
"""
