"""What phone recorders share: how the sensor lies behind the stored picture."""

from gyrosharp.capture.layouts._frames import unless_given
from gyrosharp.capture.overrides import Overrides
from gyrosharp.geometry.shutter import Shutter

# One clock does not mean no offset: gyro samples are stamped after the driver's filter, and frames at the start or at
# the middle of the exposure. Fits with image motion gave 12 to 25 ms for three recordings of one phone and 11 ms for
# another (half of exposure and readout included).
ONE_CLOCK_STD_S = 0.03


def placement(system: str, size_px: tuple[int, int]) -> tuple[str, Shutter]:
    """Return the preset of gyro axes and the readout direction of a phone's rear camera.

    Phones mount the sensor so that its top line is the right edge of an upright portrait picture, and read it from the
    top line on: a picture stored as the sensor delivers it (landscape) is read from top to bottom, one that was
    turned to portrait before it was stored from right to left.

    Parameters
    ----------
    system : {"android", "ios"}
        Whose preset it is.
    size_px : (width, height)
        Of the picture as stored.
    """
    width, height = size_px
    if height > width:
        return f"{system}-portrait", Shutter.RIGHT_TO_LEFT
    return f"{system}-landscape", Shutter.TOP_TO_BOTTOM


def placement_notes(known: Overrides, axes: str, shutter: Shutter) -> tuple[str, ...]:
    """Return notes on a placement that was assumed, as far as the user did not give another."""
    return unless_given(
        (known.axes, f"gyro axes assumed: {axes}"),
        (known.shutter, f"readout direction assumed: {shutter.value}"),
    )
