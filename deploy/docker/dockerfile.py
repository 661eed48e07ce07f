"""As much of a Dockerfile as ours uses: its stages, and each stage's instructions in their order.

Whatever ours does not use is refused, so that what is tried cannot differ from what is built.
"""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

_DONE_ELSEWHERE = {"HEALTHCHECK", "EXPOSE"}  # they make nothing
_KNOWN = {"FROM", "ARG", "ENV", "RUN", "COPY", "WORKDIR", "USER", "ENTRYPOINT", "CMD"} | _DONE_ELSEWHERE


@dataclass(frozen=True)
class Instruction:
    word: str
    rest: str

    def words(self) -> list[str]:
        """Of the exec form, or as a shell would split them."""
        return json.loads(self.rest) if self.rest.startswith("[") else shlex.split(self.rest)


@dataclass
class Stage:
    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)


def stages(dockerfile: Path) -> dict[str, Stage]:
    """By name, in their order; the last is what is built when no target is named."""
    found: dict[str, Stage] = {}
    current: Stage | None = None
    for each in _instructions(dockerfile.read_text()):
        if each.word == "FROM":
            base, _as, name = each.words()
            current = found.setdefault(name, Stage(name, base))
        elif current is not None:
            current.instructions.append(each)
    return found


def _instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    made = [Instruction(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined)]
    if unknown := sorted({each.word for each in made} - _KNOWN):
        raise ValueError(f"{', '.join(unknown)}: no such instruction is known here")
    return made


def context(ignored: Path) -> tuple[list[str], list[str]]:
    """Paths that a build sees, and patterns that it does not; the .dockerignore begins by leaving out everything."""
    lines = [line for line in ignored.read_text().splitlines() if line and not line.startswith("#")]
    if lines[0] != "*":
        raise ValueError(f"{ignored.name} must begin with *")
    kept = [line.removeprefix("!") for line in lines[1:] if line.startswith("!")]
    left_out = [line.removeprefix("**/") for line in lines[1:] if not line.startswith("!")]
    return kept, left_out
