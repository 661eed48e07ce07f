"""What a version must show before it may answer. Gates read recorded numbers; none of them opens a native model.

One gate, one file. docs/gates.md says what each asks, and how to write one of one's own.
"""

from registry.gates.calibration import MaximumCalibrationError
from registry.gates.data_age import MaximumAgeOfData
from registry.gates.edge import EdgeOverBaseline
from registry.gates.judging import judge
from registry.gates.parity import Parity
from registry.gates.questions import Question, gate_names, questions_for
from registry.gates.signature import SameSignature
from registry.gates.smoke import Smoke
from registry.gates.thresholds import Thresholds
from registry.gates.verdicts import Evidence, Gate, GateRefused, Skipped, Verdict

__all__ = [
    "EdgeOverBaseline",
    "Evidence",
    "Gate",
    "GateRefused",
    "MaximumAgeOfData",
    "MaximumCalibrationError",
    "Parity",
    "Question",
    "SameSignature",
    "Skipped",
    "Smoke",
    "Thresholds",
    "Verdict",
    "gate_names",
    "judge",
    "questions_for",
]
