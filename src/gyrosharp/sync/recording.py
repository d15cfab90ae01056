"""Synchronising a recording: from its frames and its gyro to a SyncResult."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.recording import Recording
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.imu.bias import bias_from_still
from gyrosharp.sync.candidates import Beliefs, Standing, refined, standing_candidates
from gyrosharp.sync.coarse import DELAY_STEP_S, gyro_turns, seen_turns
from gyrosharp.sync.collecting import point_pairs
from gyrosharp.sync.cube import nearest_cube
from gyrosharp.sync.fit import Fit
from gyrosharp.sync.gyro_path import GyroPath
from gyrosharp.sync.model import Scene, Unknowns, predict, scene_from, with_lines
from gyrosharp.sync.pairs import PointPairs
from gyrosharp.sync.rates import ImageRates
from gyrosharp.sync.readout_direction import assumed_readout_s, readout_direction
from gyrosharp.sync.result import AXES, BIAS, DRIFT, FOCAL, READOUT, TIME_OFFSET, SyncResult
from gyrosharp.sync.stabiliser import find_stabiliser
from gyrosharp.sync.verdict import FAR_ADVICE, SHAKE_ADVICE, TURN_ADVICE, Findings, judged, refusal

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

# Clocks that are joined disagree by a few frames at most; others are searched as far as log and frames overlap.
JOINED_RANGE_S, STD_RANGE = 0.1, 4.0
# Where nothing is known of readout and exposure, a phone's video frame has its middle so long after its stamp.
TYPICAL_DELAY_S, TYPICAL_DELAY_STD_S = 0.020, 0.010
TYPICAL_READOUT_S, TYPICAL_READOUT_STD_S = 0.015, 0.02
# Of a readout that the device reported.
REPORTED_READOUT_STD = 0.1
BIAS_STD_RAD_S, STILL_BIAS_STD_RAD_S, TILT_STD_RAD = 0.01, 0.001, 0.02
# A handful of pairs far apart cannot tell bias, tilt and readout from turning: what a phone's own calibration leaves
# (the still phones of our data: 1e-3 rad/s) and how well a sensor is soldered in have to do.
FEW_PAIRS, FEW_BIAS_STD_RAD_S, FEW_TILT_STD_RAD = 8, 0.0015, 0.005
# A stabiliser shows over a second or two.
STABILISER_PAIRS = 30
# Crystals differ by up to 100 ppm: 6 ms in a minute.
DRIFT_SPAN_S, DRIFT_STD = 60.0, 1e-4
# Over a longer range than this, some stretch of any log explains a few pairs by chance.
FEW_RANGE_S = 2.5
FEWEST_PAIRS = 2
# Twenty minutes of offsets: some seconds of work.
MOST_DELAYS = 300_000
FINAL_POINTS = 80
LEAST_GYRO_RAD_S, LEAST_TURN_RAD = 0.01, 0.003


@dataclass(frozen=True)
class SynchroniseOptions:
    """How to look.

    Attributes
    ----------
    max_offset_s : float or None
        Offsets up to this far from the present one are searched; None: 0.1 s where the clocks are joined, else as far
        as log and frames overlap.
    most_frames : int
        Frames to decode.
    """

    max_offset_s: float | None = None
    most_frames: int = 300


@dataclass(frozen=True, eq=False)
class Synchronisation:
    """A report with the curves behind it.

    Attributes
    ----------
    result : SyncResult
        The report.
    rates : ImageRates or None
        Image and gyro rates with the estimates, determined or not; None where there was no fit.
    rates_before : ImageRates or None
        The same with what was given; None where axes or offset were not.
    """

    result: SyncResult
    rates: ImageRates | None = None
    rates_before: ImageRates | None = None


def synchronise(
    recording: Recording, options: SynchroniseOptions | None = None, progress: Progress | None = None
) -> SyncResult:
    """Estimate time offset, axes, focal length, readout and bias from a recording's frames and gyro.

    Parameters
    ----------
    recording : Recording
        What it says is where the search begins; nothing of it but the lens is taken for granted.
    options : SynchroniseOptions or None
        How to look.
    progress : callable or None
        Called with frames read and frames to read.

    Raises
    ------
    CaptureError
        If there is no gyro log, or only one frame.
    ImageError
        If the frames cannot be read.
    """
    return synchronised(recording, options, progress).result


def synchronised(
    recording: Recording, options: SynchroniseOptions | None = None, progress: Progress | None = None
) -> Synchronisation:
    """Return the report of `synchronise` with the curves behind it; same errors."""
    options = options or SynchroniseOptions()
    if recording.imu is None:
        raise CaptureError(f"{recording.source}: expected a gyro log, got none; give -g GYRO")
    if len(recording) < 2:
        raise CaptureError(
            f"{recording.source}: expected at least 2 frames, got 1; a single shot is synchronised alone"
        )
    return synchronised_points(recording, point_pairs(recording, options.most_frames, progress), options)


def synchronised_points(
    recording: Recording, points: PointPairs, options: SynchroniseOptions | None = None
) -> Synchronisation:
    """Return the report for points that were matched already; see `synchronise`."""
    options = options or SynchroniseOptions()
    refused = _refused(recording, points)
    if refused is not None:
        return Synchronisation(refused)
    assert recording.imu is not None
    path = GyroPath(recording.imu, int(recording.imu.time_ns[0]))
    scene = scene_from(recording, points, path)
    scene = scene.chosen(np.arange(len(scene)), FINAL_POINTS)
    camera, beliefs = _camera(recording), _beliefs(recording, scene)
    delays_s = _delays(recording, scene, beliefs, options)
    covered = _covered(scene, beliefs.delay_s)
    refused = _search_refused(recording, covered, delays_s, options)
    if refused is not None:
        return Synchronisation(refused)
    if _stays(recording, options):
        scene = scene.chosen(np.flatnonzero(covered))
    standing = standing_candidates(scene, camera, delays_s, beliefs)
    if standing is None:
        reason = "log and frames do not overlap within the offsets searched"
        return Synchronisation(refusal(recording, reason, "give a larger --max-offset-s", len(scene)))
    # Where the log is silent, the gyro seems to stand still.
    scene = scene.chosen(np.flatnonzero(_covered(scene, standing.best.fit.at.delay_s)))
    shutter = readout_direction(recording, scene, standing.best, beliefs)
    if shutter is not recording.shutter:
        scene = with_lines(scene, recording.size_px, shutter)
        standing = standing_candidates(scene, camera, delays_s, beliefs) or standing
    standing = _preferring_given(recording, standing)
    final = _final(scene, standing, beliefs)
    findings = Findings(
        recording,
        scene,
        standing,
        final,
        beliefs,
        shutter,
        (float(delays_s[0]), float(delays_s[-1])),
        _residual_before(recording, scene, final),
    )
    before = _given(recording, final)
    rates = image_rates(recording, scene, final.at)
    return Synchronisation(
        _with_stabiliser(recording, judged(findings), rates),
        rates,
        None if before is None else image_rates(recording, scene, before),
    )


def apply(recording: Recording, result: SyncResult) -> Recording:
    """Return a recording with what was determined in place of what it said.

    Parameters
    ----------
    recording : Recording
        The one that was synchronised.
    result : SyncResult
        Its report; what is not determined is left as it was.
    """
    known = set(result.determined)
    changes: dict[str, object] = {}
    if TIME_OFFSET in known:
        changes |= {"time_offset_s": result.time_offset_s, "offset_std_s": result.std[TIME_OFFSET]}
    if AXES in known:
        changes["R_cam_imu"] = result.R_cam_imu
    if FOCAL in known and result.fx is not None:
        camera = _camera(recording)
        changes["camera"] = camera.refocused(result.fx / camera.fx)
    if READOUT in known and result.shutter is not None:
        changes["shutter"] = result.shutter
    for name, field in ((READOUT, "readout_s"), (BIAS, "gyro_bias_rad_s"), (DRIFT, "clock_drift")):
        if name in known:
            changes[field] = getattr(result, field)
    return replace(recording, **changes)  # type: ignore[arg-type]


def image_rates(recording: Recording, scene: Scene, at: Unknowns) -> ImageRates:
    """Return how fast picture and gyro turned over the pairs of a scene, with some values of the unknowns."""
    seen = seen_turns(scene, at.camera, at.flow_per_s)
    interval_s = scene.stamp_b_s - scene.stamp_a_s
    turns = gyro_turns(scene, np.array([at.delay_s]))[0] - interval_s[:, None] * at.bias_rad_s
    turns = turns @ at.R_cam_imu.T
    middle_ns = (recording.start_ns[scene.points.frame_a] + recording.start_ns[scene.points.frame_b]) // 2
    std = np.sqrt(np.diagonal(seen.covariance, axis1=1, axis2=2))
    gap = interval_s[:, None]
    return ImageRates(middle_ns, interval_s, seen.turns / gap, std / gap, turns / gap)


def _stays(recording: Recording, options: SynchroniseOptions) -> bool:
    """Whether the offset is taken to be near what it is, so that frames outside the log are of no use."""
    return recording.clocks_joined and options.max_offset_s is None


def _covered(scene: Scene, delay_s: float) -> NDArray[np.bool_]:
    """Return of which pairs the log covers the time between the frames."""
    return scene.path.covers(scene.stamp_a_s + delay_s, scene.stamp_b_s + delay_s)


def _search_refused(
    recording: Recording, covered: NDArray[np.bool_], delays_s: Array, options: SynchroniseOptions
) -> SyncResult | None:
    """Return the report where frames and log cannot be compared over the offsets to search."""
    count, range_s = covered.size, float(np.ptp(delays_s)) if delays_s.size else 0.0
    if _stays(recording, options) and covered.sum() < FEWEST_PAIRS:
        reason = f"the gyro log covers {covered.sum()} of {count} pairs of frames"
        return refusal(recording, reason, "start the log before the camera, stop it after", count)
    if delays_s.size > MOST_DELAYS:
        reason = f"the clocks have nothing in common, and log and frames span {range_s / 60:.0f} min of offsets"
        return refusal(recording, reason, "give --offset-ms roughly, and --max-offset-s", count)
    if count < FEW_PAIRS and range_s > FEW_RANGE_S:
        reason = f"{count} pairs of frames are too few to look for the offset over {range_s:.0f} s"
        return refusal(recording, reason, "give a movie, or --offset-ms and --max-offset-s", count)
    return None


def _with_stabiliser(recording: Recording, result: SyncResult, rates: ImageRates) -> SyncResult:
    """Return the report with a note where picture and gyro disagree as they do with a stabiliser."""
    if not result.succeeded or len(rates) < STABILISER_PAIRS or recording.image_R_cam is not None:
        return result
    seen = find_stabiliser(rates)
    if seen.kind not in ("optical", "electronic"):
        return result
    return replace(result, notes=(*result.notes, seen.sentence))


def _refused(recording: Recording, points: PointPairs) -> SyncResult | None:
    """Return the report where there is nothing to fit."""
    assert recording.imu is not None
    count = len(points)
    if len(recording) <= FEWEST_PAIRS:
        reason = f"{len(recording)} frames are too few: they turn once only, and many offsets and axes explain that"
        return refusal(recording, reason, "give a movie, or more frames", count)
    if count < FEWEST_PAIRS:
        reason = f"points could be followed in {count} pairs of frames: too little texture, or pictures too blurred"
        return refusal(recording, reason, f"{FAR_ADVICE}; {SHAKE_ADVICE}", count)
    if float(np.std(recording.imu.gyro_rad_s, axis=0).max()) < LEAST_GYRO_RAD_S:
        return refusal(
            recording,
            "the gyro was still all the time, or turned at a constant rate",
            f"{TURN_ADVICE}; {SHAKE_ADVICE}",
            count,
        )
    motion = np.linalg.norm(points.b_px - points.a_px, axis=1)
    if float(np.percentile(motion, 90)) < LEAST_TURN_RAD * 0.2 * max(recording.size_px):
        return refusal(recording, "the camera was still", f"{TURN_ADVICE}; {SHAKE_ADVICE}", count)
    return None


def _camera(recording: Recording) -> CameraModel:
    if recording.camera is not None:
        return recording.camera
    width, height = recording.size_px
    return CameraModel(width, height, float(width), float(width), (width - 1) / 2, (height - 1) / 2)


def _beliefs(recording: Recording, scene: Scene) -> Beliefs:
    few = len(scene) < FEW_PAIRS
    assert recording.imu is not None
    still = bias_from_still(recording.imu)
    bias_std = FEW_BIAS_STD_RAD_S if few else BIAS_STD_RAD_S
    delay_s, delay_std_s = _delay_before(recording)
    readout_s, readout_std_s = _readout_before(recording)
    drift = float(np.ptp(scene.stamp_a_s)) > DRIFT_SPAN_S
    return Beliefs(
        delay_s=delay_s,
        delay_std_s=delay_std_s if few and recording.clocks_joined else np.inf,
        readout_s=readout_s,
        readout_std_s=0.0 if few else readout_std_s,
        bias_rad_s=np.zeros(3) if still is None else still.bias_rad_s,
        bias_std_rad_s=bias_std if still is None else STILL_BIAS_STD_RAD_S,
        tilt_std_rad=FEW_TILT_STD_RAD if few else TILT_STD_RAD,
        drift_std=DRIFT_STD if drift and not few else 0.0,
        few=few,
    )


def _readout_before(recording: Recording) -> tuple[float, float]:
    """Return the readout that is expected, and its standard deviation; none, surely, of a global shutter."""
    if recording.shutter is Shutter.GLOBAL:
        return 0.0, 0.0
    if recording.readout_s is None:
        return TYPICAL_READOUT_S, TYPICAL_READOUT_STD_S
    return recording.readout_s, REPORTED_READOUT_STD * recording.readout_s


def _delay_before(recording: Recording) -> tuple[float, float]:
    """Return the delay that the recording's own offset stands for, and how far that is to be trusted."""
    known_s = recording.exposure_s[np.isfinite(recording.exposure_s)]
    if recording.readout_s is None and not known_s.size:
        return TYPICAL_DELAY_S - recording.time_offset_s, TYPICAL_DELAY_STD_S
    exposure_s = float(np.median(known_s)) if known_s.size else 0.0
    readout_s, readout_std_s = _readout_before(recording)
    std_s = float(np.hypot(recording.offset_std_s or 0.0, 0.5 * readout_std_s))
    return 0.5 * (readout_s + exposure_s) - recording.time_offset_s, max(std_s, 0.5 * TYPICAL_DELAY_STD_S)


def _delays(recording: Recording, scene: Scene, beliefs: Beliefs, options: SynchroniseOptions) -> Array:
    """Return the delays to try."""
    if options.max_offset_s is not None:
        reach = options.max_offset_s
    elif recording.clocks_joined:
        reach = max(JOINED_RANGE_S, STD_RANGE * (recording.offset_std_s or 0.0))
    else:
        first, last = float(scene.stamp_a_s.min()), float(scene.stamp_b_s.max())
        # As far as half of the frames lie within the log.
        half = 0.5 * (last - first)
        end = float(scene.path.seconds[-1])
        return np.asarray(np.arange(-first - half, end - last + half, DELAY_STEP_S), dtype=np.float64)
    steps = int(np.ceil(reach / DELAY_STEP_S))
    return np.asarray(beliefs.delay_s + DELAY_STEP_S * np.arange(-steps, steps + 1), dtype=np.float64)


def _preferring_given(recording: Recording, standing: Standing) -> Standing:
    """Where the pictures leave several axes standing, begin with those that were given."""
    if recording.R_cam_imu is None:
        return standing
    given = nearest_cube(recording.R_cam_imu)[0]
    if np.array_equal(standing.best.R_cube, given):
        return standing
    same = [one for one in standing.rivals if np.array_equal(one.R_cube, given)]
    if not same:
        return standing
    best = min(same, key=lambda one: float(one.costs.mean()))
    return Standing(best, (standing.best, *(one for one in standing.rivals if one is not best)))


def _final(scene: Scene, standing: Standing, beliefs: Beliefs) -> Fit:
    at = standing.best.fit.at
    start = Unknowns(at.delay_s, at.camera, at.readout_s, 0.0, standing.best.R_cube, at.bias_rad_s)
    return refined(scene, start, beliefs)


def _given(recording: Recording, final: Fit) -> Unknowns | None:
    """Return the unknowns as the recording gave them; None if it gave no axes or no offset."""
    if recording.R_cam_imu is None or not recording.clocks_joined:
        return None
    exposure_s = float(np.nanmedian(recording.exposure_s)) if np.isfinite(recording.exposure_s).any() else 0.0
    delay_s = 0.5 * (assumed_readout_s(recording) + exposure_s) - recording.time_offset_s
    bias = recording.gyro_bias_rad_s
    return Unknowns(
        delay_s,
        final.at.camera if recording.camera is None else recording.camera,
        assumed_readout_s(recording),
        0.0,
        recording.R_cam_imu,
        np.zeros(3) if bias is None else bias,
    )


def _residual_before(recording: Recording, scene: Scene, final: Fit) -> float | None:
    given = _given(recording, final)
    if given is None:
        return None
    lengths = np.linalg.norm(predict(scene, given).residual_px, axis=1)
    return float(np.sqrt(np.mean(np.minimum(lengths, np.percentile(lengths, 90)) ** 2)))
