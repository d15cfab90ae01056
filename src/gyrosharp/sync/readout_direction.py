"""Which way the rolling shutter is read: along the rows or along the columns, and from which end."""

from gyrosharp.capture.recording import Recording
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.sync.candidates import TRIAL_STEPS, Beliefs, Candidate, beaten, costs, first_fit, trial_scene
from gyrosharp.sync.fit import Fit
from gyrosharp.sync.model import READOUT, Scene, Unknowns, with_lines

OPPOSITE = {
    Shutter.TOP_TO_BOTTOM: Shutter.BOTTOM_TO_TOP,
    Shutter.BOTTOM_TO_TOP: Shutter.TOP_TO_BOTTOM,
    Shutter.LEFT_TO_RIGHT: Shutter.RIGHT_TO_LEFT,
    Shutter.RIGHT_TO_LEFT: Shutter.LEFT_TO_RIGHT,
}
# Directions have equally many unknowns, so less is asked than of other axes or offsets, which may fit by chance.
LEAST_RATIO = 1.02
# A readout that is less certain than this, or shorter, tells no direction.
LEAST_SIGMAS, LEAST_READOUT_S = 4.0, 0.002


def assumed_readout_s(recording: Recording) -> float:
    """Return the readout time to count on where nothing else is known, s: the recording's, else none."""
    return 0.0 if recording.shutter is Shutter.GLOBAL else recording.readout_s or 0.0


def readout_direction(recording: Recording, scene: Scene, start: Candidate, beliefs: Beliefs) -> Shutter:
    """Return the direction that the points show; the recording's where they do not clearly show another.

    With the lines across the true ones, the readout comes out as none and the time offset is off by half of it, both
    with a small standard deviation. So a direction that was only assumed has to be tried.

    Parameters
    ----------
    recording : Recording
        With the direction assumed.
    scene : Scene
        The matches.
    start : Candidate
        What explains them best with that direction.
    beliefs : Beliefs
        For fitting.
    """
    assumed = recording.shutter
    # Stabilisation in the camera straightens lines; a readout that is kept tells nothing.
    if assumed is Shutter.GLOBAL or beliefs.readout_std_s == 0.0 or recording.image_R_cam is not None:
        return assumed
    trial = trial_scene(scene)
    at = start.fit.at
    begin = Unknowns(at.delay_s, at.camera, beliefs.readout_s, 0.0, start.R_cube, at.bias_rad_s)
    fits = {
        shutter: first_fit(with_lines(trial, recording.size_px, shutter), begin, beliefs, TRIAL_STEPS)
        for shutter in OPPOSITE
    }
    noise_px = min(fit.noise_px for fit in fits.values())
    tried = {
        shutter: Candidate(start.R_cube, fit, costs(with_lines(trial, recording.size_px, shutter), fit, noise_px))
        for shutter, fit in fits.items()
    }
    best = min(tried, key=lambda shutter: float(tried[shutter].costs.mean()))
    seen = best if beaten(trial, tried[best], tried[assumed], LEAST_RATIO) else assumed
    return _forward(seen, fits[seen]) or assumed


def _forward(shutter: Shutter, fit: Fit) -> Shutter | None:
    """Return the direction in which a fit's readout is positive; None if it is too uncertain or short."""
    readout_s = fit.at.readout_s
    if abs(readout_s) < max(LEAST_READOUT_S, LEAST_SIGMAS * float(fit.std[READOUT])):
        return None
    return shutter if readout_s > 0 else OPPOSITE[shutter]
