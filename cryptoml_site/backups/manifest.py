"""What a backup says of itself."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from cryptoml_site.errors import Refused

FORMAT = 1


@dataclass(frozen=True)
class Part:
    size: int  # bytes
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """made_at: the moment of the database's snapshot. rows: of each table, by its name."""

    made_at: datetime
    revision: str
    postgres: int
    with_log: bool
    migrations: list[str]
    rows: dict[str, int]
    left_out: list[str]
    parts: dict[str, Part]

    def as_bytes(self) -> bytes:
        facts = asdict(self) | {"format": FORMAT, "made_at": self.made_at.isoformat()}
        return json.dumps(facts, indent=1).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Raises Refused for a format that this release does not know."""
        facts = json.loads(data)
        if (found := facts.pop("format", None)) != FORMAT:
            raise Refused(f"the backup has format {found}, this release reads {FORMAT}: use the one that made it")
        parts = {name: Part(**part) for name, part in facts.pop("parts").items()}
        return cls(**facts | {"made_at": datetime.fromisoformat(facts["made_at"]), "parts": parts})

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts.values())
