"""The addresses that are answered before Django is asked. Apart from urls.py, which loads the whole site."""

from predictions.views.asking import Predict
from predictions.views.batch import PredictBatch

SHORT_LANES = {
    f"{root}{path}": view
    for root in ("/", "/api/v1/")
    for path, view in (("predict", Predict), ("predict/batch", PredictBatch))
}
