"""The page itself, from what is registered and what the gates say now."""

import json
from typing import Any

from django.template.loader import render_to_string

from cryptoml_site.clock import now
from registry.gates import judge
from registry.models import ModelVersion
from registry.plots import Plot, plots, undrawn
from training.market_data.sources.catalogue import attribution_of
from training.models import Market
from training.reporting.champion import beside_production
from training.reporting.svg import drawn
from training.reporting.tables import tables

NO_REPORT = "No walk-forward was recorded of this version: nothing is known of how well it answers."


def report_page(version: ModelVersion) -> str:
    """For settings.VERSION_REPORT. One HTML document that asks nothing of any host."""
    report, champion = version.metrics, beside_production(version)
    market, found = Market.objects.filter(name=version.model.market).first(), plots(version.metrics)
    return render_to_string(
        "training/report.html",
        {
            "version": version,
            "verdict": report.get("summary") or NO_REPORT,
            "made_at": now(),
            "market": market,
            "attribution": attribution_of(market.source) if market else "",
            "evidence": judge(version, override=True),
            "quarantined": version.quarantined,
            "champion": champion,
            "logistic": report.get("logistic"),
            "rows": (report.get("dataset") or {}).get("rows"),
            "recipe": recipe(version),
            "tables": tables(report, champion),
            "plots": [_shown(plot) for plot in found if plot.curves],
            "undrawn": undrawn(found),
            "environment": json.dumps(version.environment, indent=1),
        },
    )


def recipe(version: ModelVersion) -> dict[str, str]:
    """How it was learnt; of older versions what their rows say."""
    kept = version.metrics.get("recipe") or {}
    options = kept.get("options") or {}
    said = {"estimator": version.estimator, "feature set": version.feature_set}
    said |= {name: str(kept[name]) for name in ("folds", "seed") if name in kept}
    said |= {name.replace("_", " "): str(value) for name, value in options.items()}
    return said | {f"parameter {name}": json.dumps(value) for name, value in sorted(version.params.items())}


def _shown(plot: Plot) -> dict[str, Any]:
    legend = [(curve.tone, curve.name) for curve in plot.curves] if len(plot.curves) > 1 else []
    band = any(curve.low is not None for curve in plot.curves)
    return {"plot": plot, "svg": drawn(plot), "legend": legend, "band": band}
