"""Request bodies, checked by pydantic as FastAPI's users do it."""

from pydantic import BaseModel


class Features(BaseModel):
    """The nine features of the classic model."""

    price: float
    price_change: float
    price_ma_7: float
    price_ma_30: float
    price_std_7: float
    volume_ma_7: float
    price_lag_1: float
    price_lag_3: float
    price_lag_7: float

    def vector(self) -> list[float]:
        """In the order of the signature, which is the order above."""
        return list(self.__dict__.values())


class Rows(BaseModel):
    """Vectors in the order of the signature."""

    rows: list[list[float]]
