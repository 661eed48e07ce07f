"""Tables for people's own tools, by pandas; no web process imports this."""

from pathlib import Path

import pandas as pd

from cryptoml_site.errors import Invalid
from training.datasets import Dataset

WRITERS = {".csv": "to_csv", ".parquet": "to_parquet"}


def dataset_frame(dataset: Dataset) -> pd.DataFrame:
    """One row per as_of: the features as a model sees them (float32), the return over the horizon, and the label.

    Refused (too_few_rows) where no row is left.
    """
    if not len(dataset):
        dataset.require(1)
    frame = pd.DataFrame(dataset.X, columns=dataset.feature_names)
    frame.insert(0, "as_of", pd.to_datetime(dataset.as_of, unit="s", utc=True))
    frame["log_return"] = dataset.log_return
    frame["went_up"] = dataset.y.astype("int8")
    return frame


def write_frame(frame: pd.DataFrame, out: Path) -> None:
    """CSV or Parquet, by the file's name. Raises Invalid for another ending, or where nothing can be written."""
    if out.suffix not in WRITERS:
        raise Invalid(f"'{out.name}' must end in .csv or .parquet", code="unknown_format", field="out")
    try:
        if not out.parent.is_dir():
            raise Invalid(f"there is no folder {out.parent}", code="no_such_folder", field="out")
        getattr(frame, WRITERS[out.suffix])(out, index=False)
    except OSError as error:
        said = error.strerror or error
        raise Invalid(f"{out} cannot be written: {said}", code="cannot_be_written", field="out") from error
