"""Can clients go on sending what they send?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.gates.verdicts import Verdict

if TYPE_CHECKING:
    from registry.models import ModelVersion


class SameSignature:
    """The features asked for are production's: clients who send raw features depend on them."""

    def judge(self, version: ModelVersion) -> Verdict:
        production = version.model.versions.in_production().first()
        if production is None or production.signature_key == version.signature_key:
            return Verdict("SameSignature", "pass", "clients can go on sending the same features")
        asked, sent = set(version.feature_names), set(production.feature_names)
        added, dropped = sorted(asked - sent), sorted(sent - asked)
        otherwise = f"asks for {', '.join(added) or 'no others'} and drops {', '.join(dropped) or 'none'}"
        return Verdict(
            "SameSignature",
            "fail",
            f"clients send the features of version {production.number}; this one "
            f"{otherwise if added or dropped else 'takes them in another order, or of another type'}",
            {"added": added, "dropped": dropped},
        )
