"""What the product refuses, in words of the domain. Only `cryptoml_site.api` knows what HTTP makes of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the input: a stable code, the field at fault, a sentence for who must act."""

    code: str
    field: str | None
    sentence: str


class Refused(Exception):
    """The state of things does not allow what was asked.

    The sentence says what is wrong and what to do; `code` is stable, for programs; `field` names the input at fault;
    `evidence` holds the numbers behind the refusal.
    """

    code = "refused"

    def __init__(
        self, sentence: str, *, code: str | None = None, field: str | None = None, evidence: object = None
    ) -> None:
        super().__init__(sentence)
        self.code = code or type(self).code
        self.field = field
        self.evidence = evidence

    @property
    def problems(self) -> list[Problem]:
        return [Problem(self.code, self.field, str(self))]


class Invalid(Refused):
    """The input itself is wrong; the same input will be wrong tomorrow."""

    code = "invalid"


class InvalidFields(Invalid):
    """Several things are wrong with one input; all are said at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(problem.sentence for problem in problems), code=problems[0].code)
        self._problems = problems

    @property
    def problems(self) -> list[Problem]:
        return self._problems


class Unknown(Refused):
    """A name or number that we do not hold."""

    code = "unknown"


class Unavailable(Refused):
    """Right in itself, but not to be had now: nothing in production, a dependency away."""

    code = "unavailable"
