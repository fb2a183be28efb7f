"""Arguments that many commands take."""

from pathlib import Path
from typing import Annotated

import typer

DatasetArgument = Annotated[
    str, typer.Argument(help="A Dataset made by `knockcast import`: its folder, or s3://BUCKET/PREFIX.")
]
GeneIdsOption = Annotated[
    Path | None,
    typer.Option(
        "--gene-ids",
        "--gene-map",
        help="A table of symbols with Ensembl or Entrez ids or other names, such as HGNC's "
        "hgnc_complete_set.txt, for genes that are named by those.",
    ),
]
StoreArgument = Annotated[str, typer.Argument(help="A store: its folder, or s3://BUCKET/PREFIX.")]
