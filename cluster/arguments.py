"""Arguments that many commands take."""

from pathlib import Path
from typing import Annotated

import typer

DatasetArgument = Annotated[Path, typer.Argument(help="A Dataset made by `knockcast import`.")]
StoreArgument = Annotated[str, typer.Argument(help="A store's folder.")]
