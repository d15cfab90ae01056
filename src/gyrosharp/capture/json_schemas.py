"""The JSON schemas that docs/ publishes; ``python -m gyrosharp.capture.json_schemas NAME`` prints one."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


def json_schema(name: str) -> dict[str, Any]:
    """Return the JSON schema that docs/NAME.schema.json publishes; the name is "capture", "recording" or "camera"."""
    from gyrosharp.capture.cameras.schema import CameraDocument
    from gyrosharp.capture.schema import CaptureDocument, RecordingDocument

    models: dict[str, type[BaseModel]] = {
        "capture": CaptureDocument,
        "recording": RecordingDocument,
        "camera": CameraDocument,
    }
    schema = models[name].model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = f"gyrosharp.{name}/1"
    return schema


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(json_schema(sys.argv[1]), indent=1) + "\n")
