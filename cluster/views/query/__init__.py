"""SQL over a store, in a DuckDB that can read the store's committed rows and nothing else.

`query` gives a whole result, `streamed` one of any size. A statement is checked (`statement`), the tables it
names are opened and all else is shut (`opening`), then it runs within its limits (`limits`, `answer`). SQL
that does not run is answered in words that name this store's tables and columns.
"""

from cluster.views.query.answer import MOST_BYTES, Answer, query, streamed
from cluster.views.query.limits import TIME_LIMIT

__all__ = ["MOST_BYTES", "TIME_LIMIT", "Answer", "query", "streamed"]
