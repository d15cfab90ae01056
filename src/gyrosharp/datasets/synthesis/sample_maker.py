"""SampleMaker: photo, motion, blur, sensor and gyro errors put together, one sample per index."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.encodings import Planes, encode, find_encoding, moments_needed
from gyrosharp.blur.field import BlurField, field_of_motion
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.network_input import PHYSICS, planes_at
from gyrosharp.capture.capture import Capture
from gyrosharp.datasets.sample import BlurSample, Codes
from gyrosharp.datasets.synthesis.config import SynthConfig
from gyrosharp.datasets.synthesis.gyro_errors import ErrorSettings, GyroErrors, draw_errors, error_settings
from gyrosharp.datasets.synthesis.motion_mix import MotionMix
from gyrosharp.datasets.synthesis.moving_layers import MovingObject, ObjectSettings, draw_object
from gyrosharp.datasets.synthesis.pictures import PhotoLibrary, Scene, draw_scene
from gyrosharp.datasets.synthesis.sensor import Sensor, draw_sensor
from gyrosharp.datasets.synthesis.sensor_settings import SensorSettings, sensor_settings
from gyrosharp.datasets.synthesis.virtual_shot import Shot, draw_shot, draw_timing
from gyrosharp.datasets.synthesis.window_blur import Blurred, blur_window
from gyrosharp.media.transfer import SRGB
from gyrosharp.restore.classical import survey
from gyrosharp.restore.models import Model, find_model
from gyrosharp.restore.network import NetworkDeblurrer
from gyrosharp.restore.physics import physics_of, solve_physics

# Light comes from as far as a trail is long, and a little further where roll or parallax lengthens it.
MARGIN_RATIO, MARGIN_PX = 1.2, 6
# Kept around the sample while the sensor is at work: demosaicing looks 4 px around, and JPEG's blocks may start at any
# of 8 px.
BORDER_PX, JPEG_PX = 8, 8
# Every stage has a random stream of its own, so that switching one off leaves the others as they were.
STAGES = ("photos", "trail", "scene", "timing", "motion", "objects", "sensor", "noise", "errors", "gyro noise")


@dataclass(frozen=True, eq=False)
class DrawnSample:
    """Everything about a sample that is left to chance, but for its noise: what there is before it is blurred.

    Attributes
    ----------
    scene : Scene
        Window of a photo.
    shot : Shot
        True captures of the window and of the sample in it.
    sensor : Sensor
        The camera's sensor.
    errors : GyroErrors
        What is wrong with gyro and calibration.
    noisy_capture : Capture
        The sample's capture with these errors.
    """

    scene: Scene
    shot: Shot
    sensor: Sensor
    errors: GyroErrors
    noisy_capture: Capture

    @cached_property
    def motion(self) -> CameraMotion:
        """The sample's true motion."""
        return CameraMotion.from_capture(self.shot.sample)

    @cached_property
    def noisy_motion(self) -> CameraMotion:
        """The motion as gyro and calibration have it."""
        return CameraMotion.from_capture(self.noisy_capture)


@dataclass(frozen=True)
class SampleMaker:
    """Makes sample `index` of a data set: always the same one, in any process and order.

    Attributes
    ----------
    config : SynthConfig
        What is made.
    library : PhotoLibrary
        Where sharp pictures come from.
    motions : MotionMix
        Where motions come from.
    seed : int
        Of the data set, >= 0.
    """

    config: SynthConfig
    library: PhotoLibrary
    motions: MotionMix
    seed: int

    def sample(self, index: int) -> BlurSample:
        """Return a sample.

        Raises
        ------
        ImageError
            If its photo cannot be read or is smaller than a sample.
        ImuError, CaptureError
            If its log or depth map cannot be read or does not fit.
        """
        drawn = self.draw(index)
        field, noisy_field = self.field(drawn.motion), self.field(drawn.noisy_motion)
        sharp_codes, blurred_codes, inner = self.photographed(index, drawn, field)
        return BlurSample(
            name=f"{index:08d}",
            sharp=sharp_codes,
            blurred=blurred_codes,
            capture=drawn.shot.sample,
            noisy_capture=drawn.noisy_capture,
            field=field,
            noisy_field=noisy_field,
            mask=inner.mask,
            saturation=inner.saturation,
            encodings=self._encoded(drawn.motion, field),
            noisy_encodings=self._encoded(drawn.noisy_motion, noisy_field),
            physics=self._physics(blurred_codes, drawn),
            meta=self._facts(drawn, inner),
        )

    def draw(self, index: int, share: float = 1.0) -> DrawnSample:
        """Return what a sample is to be, without the work of blurring it; see `sample` for what is raised.

        The gyro's errors are a share of their size, 0 to 1.
        """
        config = self.config
        trail_px = float(self._rng("trail", index).uniform(*config.motion.trail_px))
        scene = self._scene(index, trail_px)
        timing = draw_timing(self._rng("timing", index), config.exposure)
        shot = draw_shot(self._rng("motion", index), scene, timing, self.motions, trail_px, config.exposure.reference)
        sensor = draw_sensor(self._rng("sensor", index), self._sensor_settings)
        errors = self._errors(index, share)
        erring = errors.applied(shot.sample, self._rng("gyro noise", index), scene.whole_px)
        return DrawnSample(scene, shot, sensor, errors, erring)

    def photographed(self, index: int, drawn: DrawnSample, field: BlurField) -> tuple[Codes, Codes, Blurred]:
        """Blur a drawn sample along its true trajectories and take the picture.

        Returns
        -------
        (H, W, 3) uint8 or uint16 arrays
            Codes of the truth.
        (H, W, 3) uint8 or uint16 arrays
            Codes of the observation.
        Blurred
            What else there is of the sample.
        """
        blurred = self._blurred(index, drawn, float(field.extent_px.max()))
        rng = self._rng("noise", index)
        x, y, width, height = drawn.scene.sample_px
        border = BORDER_PX + rng.integers(JPEG_PX, size=2)
        left, top = min(int(border[0]), x), min(int(border[1]), y)
        right = min(width + BORDER_PX, drawn.scene.size_px[0] - x)
        bottom = min(height + BORDER_PX, drawn.scene.size_px[1] - y)
        around = blurred.part(x - left, y - top, left + right, top + bottom)
        codes = drawn.sensor.photograph(around.blurred_linear, rng)
        inner = blurred.part(x, y, width, height)
        observed = codes[top : top + height, left : left + width].copy()
        return drawn.sensor.target(inner.sharp_linear), observed, inner

    def field(self, motion: CameraMotion) -> BlurField:
        """Return the trajectories under a motion as the config wants them stored."""
        return field_of_motion(motion, self.config.field.stride, self.config.field.times)

    def _rng(self, stage: str, index: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, STAGES.index(stage), index])

    def _photo_index(self, index: int) -> int:
        """Photos come in a random order, each once before any comes again."""
        turn, place = divmod(index // self.config.picture.crops_per_photo, len(self.library))
        return int(self._rng("photos", turn).permutation(len(self.library))[place])

    @cached_property
    def _sensor_settings(self) -> SensorSettings:
        return sensor_settings(self.config.sensor.preset, self.config.sensor.settings)

    @cached_property
    def _error_settings(self) -> ErrorSettings:
        return error_settings(self.config.errors.preset, self.config.errors.settings)

    def _scene(self, index: int, trail_px: float) -> Scene:
        margin_px = int(np.ceil(MARGIN_RATIO * trail_px)) + MARGIN_PX
        photo = self.library.photo(self._photo_index(index))
        part = self.config.picture
        return draw_scene(photo, self._rng("scene", index), part, self.config.camera, margin_px)

    def _errors(self, index: int, share: float) -> GyroErrors:
        rng, part = self._rng("errors", index), self.config.errors
        low, high = part.level
        level = float(low + (high - low) * rng.uniform() ** part.power)
        return draw_errors(rng, share * level, self._error_settings)

    def _encoded(self, motion: CameraMotion, field: BlurField) -> dict[str, Planes]:
        planes: dict[str, Planes] = {}
        for part in self.config.encodings:
            stride = part.stride or find_encoding(part.name).STRIDE
            if motion.moves_with_depth:
                # At the edges of near things trajectories are not smooth.
                finer = field_of_motion(motion, stride, moments_needed(part.name, self.config.field.times))
                planes[part.name] = encode(part.name, finer, **part.options)
            else:
                planes[part.name] = planes_at(part.name, field, stride, part.options)
        return planes

    @property
    def refiner_sha256(self) -> str | None:
        """Of the graph of the network whose result is the estimate; None where the solver's is."""
        return None if self._refiner is None else self._refiner.card.files["onnx"].sha256

    @cached_property
    def _refiner(self) -> Model | None:
        return None if self.config.refiner is None else find_model(self.config.refiner)

    @cached_property
    def _deblurrer(self) -> NetworkDeblurrer | None:
        return None if self._refiner is None else NetworkDeblurrer(self._refiner, tile="off")

    def _physics(self, codes: Codes, drawn: DrawnSample) -> dict[str, NDArray[np.uint8]]:
        names = self.config.physics
        if not names:
            return {}
        picture = SRGB.decode(codes / np.iinfo(codes.dtype).max).astype(np.float32)
        scene, extent = survey(drawn.noisy_capture, picture, lossy=drawn.sensor.jpeg_quality > 0)
        if self._deblurrer is None:
            physics = solve_physics(scene, names, tile="off")
        else:
            physics = physics_of(scene, names, self._deblurrer.restore(scene, extent).image, tile="off")
        height, width = picture.shape[:2]
        planes = np.rint(physics.planes((0, 0, width, height)) * 255).astype(np.uint8).transpose(1, 2, 0)
        ends = np.cumsum([PHYSICS[name] for name in names])
        return {name: planes[..., end - PHYSICS[name] : end] for name, end in zip(names, ends, strict=True)}

    def _object(self, index: int, scene: Scene, sensor: Sensor) -> MovingObject | None:
        """An object cut out of the photo that comes next."""
        rng, part = self._rng("objects", index), self.config.blur
        if scene.depth_m is not None or rng.random() >= part.moving_objects:
            return None
        other = self.library.photo(self._photo_index(index + self.config.picture.crops_per_photo))
        height, width = scene.sharp_linear.shape[:2]
        light = sensor.saturate(other.sharp_linear[:])
        return draw_object(rng, light, (height, width), ObjectSettings(path_px=part.object_speed_px))

    def _blurred(self, index: int, drawn: DrawnSample, longest_px: float) -> Blurred:
        motion = CameraMotion.from_capture(drawn.shot.window)
        light = drawn.sensor.saturate(drawn.scene.sharp_linear)
        thing = self._object(index, drawn.scene, drawn.sensor)
        return blur_window(light, motion, self.config.blur, longest_px, thing)

    def _facts(self, drawn: DrawnSample, blurred: Blurred) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "photo": drawn.scene.facts,
            **drawn.shot.facts,
            "blur": blurred.facts,
            "sensor": drawn.sensor.as_json(),
            "errors": drawn.errors.as_json(),
        }
