"""A stride: its cadence, and each channel as a Fourier series over the gait cycle.

At phase 0 the left thigh is furthest in front of the right one, close to left heel strike.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaittake.arrays import Float64s
from gaittake.sources.walkers.skeleton import CHANNEL, CHANNELS, mirrored

HARMONICS = 5
TERMS = 1 + 2 * HARMONICS
STRIDES_HZ = (0.45, 1.45)
# Frames whose leg swing is below this share of the usual one are not steady walking.
STEADY = 0.85
# Features of a stride: [channel, term] flattened, then the logarithm of the cadence.
FEATURES = len(CHANNELS) * TERMS + 1


@dataclass(frozen=True)
class Stride:
    """A periodic gait.

    Attributes:
        cadence: strides (two steps) per second.
        terms: `[channel, term]`: offset, cosine 1, sine 1, cosine 2, ...; radians, leg lengths.
    """

    cadence: float
    terms: Float64s

    def features(self) -> Float64s:
        """Returns the stride as one vector `[FEATURES]`."""
        return np.append(self.terms.ravel(), np.log(self.cadence))


def stride_of_features(features: Float64s) -> Stride:
    """Returns the stride with these features."""
    return Stride(float(np.exp(features[-1])), features[:-1].reshape(len(CHANNELS), TERMS))


def basis(phase: Float64s) -> Float64s:
    """Returns the Fourier terms `[frames, term]` at phases `[frames]` in radians."""
    orders = np.arange(1, HARMONICS + 1)
    angles = phase[:, None] * orders
    waves = np.stack([np.cos(angles), np.sin(angles)], axis=-1).reshape(len(phase), -1)
    return np.concatenate([np.ones((len(phase), 1)), waves], axis=1)


def fit_stride(channels: Float64s, fps: float) -> tuple[Stride, Float64s]:
    """Returns the stride of a recording, and its residual `[steady frames, channel]`.

    The cadence is that of the sine which best fits the difference between the thighs' pitches (a
    signal without even harmonics, so that neither half nor double the cadence fits better). Frames
    without steady walking are skipped, and the phase may speed up or slow down.

    Args:
        channels: `[frames, channel]`, at least one second.
        fps: frames per second.
    """
    times = np.arange(len(channels)) / fps
    scissors = channels[:, CHANNEL["l_thigh_pitch"]] - channels[:, CHANNEL["r_thigh_pitch"]]
    scissors = scissors - scissors.mean()
    candidates = np.arange(*STRIDES_HZ, 0.01)
    carrier = float(min(candidates, key=lambda hertz: _unexplained(scissors, times, hertz)))
    envelope = _demodulated(scissors, times, carrier, fps)
    steady = _longest_run(np.abs(envelope) > STEADY * np.percentile(np.abs(envelope), 80))
    drift = np.polynomial.Polynomial.fit(times[steady], np.unwrap(np.angle(envelope[steady])), 2)
    phase = np.asarray(2 * np.pi * carrier * times[steady] + drift(times[steady]), np.float64)
    cadence = (phase[-1] - phase[0]) / (2 * np.pi * (times[steady][-1] - times[steady][0]))
    solution = np.linalg.lstsq(basis(phase), channels[steady], rcond=None)[0]
    terms = np.asarray(solution, dtype=np.float64)
    return Stride(float(cadence), terms.T), channels[steady] - basis(phase) @ terms


def _unexplained(signal: Float64s, times: Float64s, hertz: float) -> float:
    angles = 2 * np.pi * hertz * times
    design = np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], -1)
    fitted = design @ np.linalg.lstsq(design, signal, rcond=None)[0]
    return float(np.square(signal - fitted).sum())


def _demodulated(
    signal: Float64s, times: Float64s, hertz: float, fps: float
) -> npt.NDArray[np.complex128]:
    """Returns amplitude and phase `[frames]` at about `hertz`, in a window of one stride."""
    turned = signal * np.exp(-2j * np.pi * hertz * times)
    half = max(2, round(fps / hertz / 2))
    padded = np.concatenate([[0], np.cumsum(turned)])
    last = np.clip(np.arange(len(signal)) + half, 2 * half, len(signal))
    first = np.clip(last - 2 * half, 0, None)
    result: npt.NDArray[np.complex128] = (padded[last] - padded[first]) / (last - first)
    return result


def _longest_run(flags: npt.NDArray[np.bool_]) -> slice:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    starts, stops = edges[::2], edges[1::2]
    longest = int(np.argmax(stops - starts))
    return slice(int(starts[longest]), int(stops[longest]))


def mirrored_features(features: Float64s) -> Float64s:
    """Returns the features `[..., FEATURES]` of the same strides with left and right exchanged.

    Exchanging the legs also moves phase 0 by half a stride, so odd harmonics change sign.
    """
    terms = features[..., :-1].reshape(*features.shape[:-1], len(CHANNELS), TERMS)
    orders = np.array([0, *np.repeat(np.arange(1, HARMONICS + 1), 2)])
    swapped = mirrored(np.swapaxes(terms, -1, -2)) * ((-1.0) ** orders)[:, None]
    flat = np.swapaxes(swapped, -1, -2).reshape(*features.shape[:-1], -1)
    return np.concatenate([flat, features[..., -1:]], axis=-1)
