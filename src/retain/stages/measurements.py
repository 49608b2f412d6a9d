"""The measurements of one model, as stages and commands pass them on and files hold them."""

from __future__ import annotations

from retain.records import Measurement, Versioned


class Measurements(Versioned):
    """One model's measurements of one split."""

    measurements: list[Measurement]
    name: str = ""
    """What a person calls the model."""
    not_measured: dict[str, str] = {}
    """Probe -> why this model cannot be measured with it."""
    notes: list[str] = []
    """What else a reader of the results must know."""

    def remarks(self) -> list[str]:
        """The notes, and what could not be measured, as sentences."""
        missing = [f'"{probe}" was not measured on {self.name}: {why}' for probe, why in self.not_measured.items()]
        return [*missing, *self.notes]
