"""Shots made from sharp photos: shaken by windows of gyro logs, with a rolling shutter, noise and rounded codes.

The blur comes from `gyrosharp.datasets.synthesis.shot`, which takes more poses than any method does, so that no method
inverts the operator that made its input. Every shot has random streams of its own, from seed and place in the set:
fewer photos, other cases or other methods leave the rest as it was, and all cases of a shot share motion and noise.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.datasets.formats import DatasetItem, read_dataset
from gyrosharp.datasets.synthesis.gyro_errors import GyroErrors
from gyrosharp.datasets.synthesis.log_windows import sha256_of
from gyrosharp.datasets.synthesis.motion_sources import HandTremor, LogWindows, Motion, MotionSource
from gyrosharp.datasets.synthesis.sensor import through_jpeg
from gyrosharp.datasets.synthesis.shot import POSES, ShakeSettings, Shot, observed, shaken_shot
from gyrosharp.errors import ImageError, MissingComponentError, UsageError
from gyrosharp.evaluation.definition import Benchmark, CameraPart, CasePart, MotionPart, PhotoPart
from gyrosharp.evaluation.shots import BenchmarkShot, Entry, digest_of, distinct_names, file_digest, located
from gyrosharp.media.transfer import SRGB, decode_codes, encode_codes

Image = NDArray[np.float32]

# Random streams of a shot: what is drawn in one does not depend on how much was drawn in another.
MOTION, NOISE, ERRORS, OTHER = range(4)
# A picture smaller than this holds nothing to measure.
LEAST_SIDE_PX = 32


@dataclass(frozen=True)
class _Photo:
    """A sharp photo that is not decoded yet."""

    name: str
    sha256: str
    item: DatasetItem | None

    def sharp(self, part: PhotoPart) -> Image:
        """Decode it to linear light, and take the middle."""
        picture = _bundled(self.name) if self.item is None else self.item.sharp_image()
        side = part.side_px
        if side is not None:
            y, x = (max(length - side, 0) // 2 for length in picture.shape[:2])
            picture = picture[y : y + side, x : x + side]
        if min(picture.shape[:2]) - 2 * part.margin_px < LEAST_SIDE_PX:
            raise ImageError(
                f"{self.name}: expected at least {LEAST_SIDE_PX + 2 * part.margin_px} px along each side, got "
                f"{picture.shape[1]} x {picture.shape[0]}; leave it out or lower margin_px"
            )
        return picture


@dataclass(eq=False)
class MadeShots:
    """The shots of a benchmark with `photos` and `motion`.

    Parameters
    ----------
    benchmark : Benchmark
        Photos, motion, camera, cases, seed.
    root : Path or None
        Where relative paths begin; see `located`.
    limit : int or None
        Photos to take, the first ones; None takes all.
    """

    benchmark: Benchmark
    root: Path | None = None
    limit: int | None = None
    _last: tuple[object, Shot] | None = None

    @cached_property
    def photos(self) -> tuple[_Photo, ...]:
        """The photos.

        Raises
        ------
        UsageError
            If the folder is not there, or a bundled photo is not known.
        ImageError
            If the folder holds no photos.
        MissingComponentError
            If scikit-image is needed and not installed.
        """
        part = self._photo_part
        if part.folder is None:
            names = part.bundled[: self.limit]
            return tuple(_Photo(name, digest_of([name, _bundled_sha256(name)]), None) for name in names)
        items = read_dataset(located(part.folder, self.root), part.format)
        found = [(item, item.sharp.path) for item in items if item.sharp is not None][: self.limit]
        labels = distinct_names([item.name for item, _ in found])
        return tuple(_Photo(name, file_digest(path), item) for name, (item, path) in zip(labels, found, strict=True))

    @cached_property
    def source(self) -> MotionSource:
        """Where motion comes from.

        Raises
        ------
        UsageError
            If a log is not there.
        """
        part = self._motion_part
        if part.tremor is not None:
            return HandTremor(part.tremor)
        return LogWindows(tuple(str(located(log, self.root)) for log in part.logs), part.axes)

    @cached_property
    def entries(self) -> Sequence[Entry]:
        """The shots, photo by photo, in every case."""
        per_photo, cases = self._photo_part.shots_per_photo, self.benchmark.cases
        logs = [sha256_of(file) for file in self.source.files] if isinstance(self.source, LogWindows) else []
        entries = []
        for index in range(len(self.photos) * per_photo):
            photo = self.photos[index // per_photo]
            name = photo.name if per_photo == 1 else f"{photo.name}-{index % per_photo + 1}"
            for case in cases:
                digest = digest_of([self._deciding(case), photo.sha256, logs, index])
                entries.append(Entry(name, case, photo.name, digest, index))
        return tuple(entries)

    def shot(self, entry: Entry) -> BenchmarkShot:
        """Make a shot.

        Raises
        ------
        ImageError
            If its photo cannot be read or is too small.
        ImuError, CaptureError
            If the log holds no fitting window, or it cannot be scaled to the trails.
        """
        case = self.benchmark.cases[entry.case]
        rng = self._stream(entry.index, MOTION)
        draw = _Draw.of(rng, self.benchmark.camera, case.trail_px or self._motion_part.trail_px)
        motion = self.source.draw(rng, draw.exposure_s + self.benchmark.camera.readout_s)
        shot = self._shaken(entry.index, draw, motion)
        capture = self._told(shot.capture, case, entry.index, draw)
        picture = _as_stored(self._picture(shot, case, entry.index), case)
        facts = {"trail_px": draw.trail_px, "exposure_s": draw.exposure_s, "motion": motion.description}
        facts["picture_sha256"] = _picture_sha256(picture)
        stored = BenchmarkShot(picture, shot.sharp_linear, capture, lossy=case.jpeg_quality is not None, facts=facts)
        return _without_margin(stored, self._margin_px)

    @property
    def _photo_part(self) -> PhotoPart:
        if self.benchmark.photos is None:
            raise UsageError(f"{self.benchmark.name}: expected photos to shake, got a set of stored shots")
        return self.benchmark.photos

    @property
    def _motion_part(self) -> MotionPart:
        assert self.benchmark.motion is not None
        return self.benchmark.motion

    @property
    def _margin_px(self) -> int:
        return self._photo_part.margin_px

    def _deciding(self, case: str) -> list[object]:
        """What of the definition decides a shot; names of files do not, their content does."""
        benchmark = self.benchmark
        photos = self._photo_part.model_dump(mode="json", exclude={"folder", "format", "bundled"})
        motion = self._motion_part.model_dump(mode="json", exclude={"logs"})
        kept = benchmark.cases[case]
        # Shots that are no JPEGs keep the digest they had before there were any: their results go on being found.
        unused = {"jpeg_quality"} if kept.jpeg_quality is None else set()
        what = kept.model_dump(mode="json", exclude={"description", *unused})
        return [photos, motion, benchmark.camera.model_dump(mode="json"), what, benchmark.seed, POSES]

    def _stream(self, index: int, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.benchmark.seed, index, stream])

    def _shaken(self, index: int, draw: "_Draw", motion: Motion) -> Shot:
        """Blur the photo; the cases of a shot come one after the other and share it."""
        key = (index, draw)
        if self._last is None or self._last[0] != key:
            camera, part = self.benchmark.camera, self._photo_part
            sharp = self.photos[index // part.shots_per_photo].sharp(part)
            settings = ShakeSettings(
                draw.trail_px, draw.exposure_s, camera.readout_s, camera.focal_ratio, camera.noise_std, camera.bits
            )
            start_s = motion.start_ns * 1e-9
            self._last = key, shaken_shot(sharp, motion.imu, start_s, self._stream(index, NOISE), settings)
        return self._last[1]

    def _told(self, capture: Capture, case: CasePart, index: int, draw: "_Draw") -> Capture:
        """What gyro and calibration say of the shot."""
        if case.gyro == "other":
            duration_s = draw.exposure_s + self.benchmark.camera.readout_s
            capture = _shaken_as_much(capture, self.source.draw(self._stream(index, OTHER), duration_s))
        rng = self._stream(index, ERRORS)
        direction = rng.standard_normal(3)
        bias = case.gyro_bias_rad_s * direction / np.linalg.norm(direction)
        signs = rng.choice([-1.0, 1.0], size=2)
        errors = GyroErrors(
            noise_std_rad_s=(case.gyro_noise_rad_s,) * 3,
            bias_rad_s=(float(bias[0]), float(bias[1]), float(bias[2])),
            time_offset_s=float(signs[0]) * case.time_offset_s,
            focal_ratio=1.0 + float(signs[1]) * case.focal_error,
        )
        return errors.applied(capture, rng)

    def _picture(self, shot: Shot, case: CasePart, index: int) -> Image:
        if case.picture == "shaken":
            return shot.blurred_linear
        rng, camera = self._stream(index, OTHER), self.benchmark.camera
        sharp = shot.sharp_linear
        seen = sharp if case.picture == "sharp" else _defocused(sharp, float(rng.uniform(*case.defocus_px)))
        return observed(seen, rng, camera.noise_std, camera.bits)


@dataclass(frozen=True)
class _Draw:
    """The numbers of a shot."""

    trail_px: float
    exposure_s: float

    @classmethod
    def of(cls, rng: np.random.Generator, camera: CameraPart, trail_px: tuple[float, float]) -> "_Draw":
        trail = float(np.exp(rng.uniform(*np.log(trail_px))))
        return cls(trail, float(rng.uniform(*camera.exposure_s)))


def _shaken_as_much(capture: Capture, motion: Motion) -> Capture:
    """The capture with the motion of another shot, scaled to rates of the same root mean square."""
    assert capture.imu is not None
    own, other = (np.sqrt(np.mean(imu.gyro_rad_s**2)) for imu in (capture.imu, motion.imu))
    imu = replace(motion.imu, gyro_rad_s=motion.imu.gyro_rad_s * (own / other))
    exposure = replace(capture.exposure, start_ns=motion.start_ns)
    return replace(capture, imu=imu, exposure=exposure, reference_ns=None)


def _defocused(sharp: Image, radius_px: float) -> Image:
    """The picture through a round aperture: convolved with a disc whose rim is a pixel wide."""
    import cv2

    reach = int(np.ceil(radius_px)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius_px + 0.5 - np.hypot(x, y), 0.0, 1.0).astype(np.float32)
    soft = cv2.filter2D(sharp, -1, disc / disc.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft.reshape(sharp.shape), dtype=np.float32)


def _without_margin(shot: BenchmarkShot, margin_px: int) -> BenchmarkShot:
    if margin_px == 0:
        return shot
    height, width = (side - 2 * margin_px for side in shot.blurred_linear.shape[:2])
    inside = slice(margin_px, margin_px + height), slice(margin_px, margin_px + width)
    assert shot.truth_linear is not None and shot.capture is not None
    return replace(
        shot,
        blurred_linear=np.ascontiguousarray(shot.blurred_linear[inside]),
        truth_linear=np.ascontiguousarray(shot.truth_linear[inside]),
        capture=shot.capture.cropped(margin_px, margin_px, width, height),
    )


def _as_stored(picture_linear: Image, case: CasePart) -> Image:
    if case.jpeg_quality is None:
        return picture_linear
    return decode_codes(through_jpeg(encode_codes(picture_linear, SRGB, np.uint8), case.jpeg_quality), SRGB)


def _picture_sha256(picture_linear: Image) -> str:
    """Of the picture's 8-bit codes: machines agree on them but for a rounding here and there."""
    return hashlib.sha256(encode_codes(picture_linear, SRGB, np.uint8).tobytes()).hexdigest()


def _bundled_codes(name: str) -> NDArray[np.uint8]:
    try:
        from skimage import data
    except ImportError:
        raise MissingComponentError(
            "benchmark: expected scikit-image for its photos, got no such package; pip install scikit-image"
        ) from None
    if name not in data.__all__:
        raise UsageError(f"photos.bundled: expected names of scikit-image's photos, got {name!r}")
    return np.atleast_3d(np.asarray(getattr(data, name)(), dtype=np.uint8))


def _bundled(name: str) -> Image:
    return np.asarray(SRGB.decode(_bundled_codes(name) / 255.0), dtype=np.float32)


def _bundled_sha256(name: str) -> str:
    codes = _bundled_codes(name)
    return digest_of([list(codes.shape), codes.tobytes().hex()])
