"""Options of the untrained search; all of them can be changed at inference."""

from dataclasses import dataclass

from method_tng.contract.settings import option


@dataclass(frozen=True)
class ClipZeroshotSettings:
    """How curves of cosines become moments."""

    scales: tuple[float, ...] = option(
        (4.0, 8.0, 16.0, 32.0), "seconds over which the curve of cosines is smoothed", inference=True
    )
    peak_share: float = option(
        0.5,
        "a moment ends where the smoothed curve falls below this share of its peak's height over the "
        "window's mean",
        least=0,
        most=1,
        inference=True,
    )
    temperature: float = option(
        0.01, "divides cosines, as image-text models are trained with", least=1e-6, inference=True
    )


SETTINGS = ClipZeroshotSettings
