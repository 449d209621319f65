"""What pages are made of, on one page: for whoever makes another one."""

import re
from pathlib import Path

from flask import Blueprint, render_template

from flow.status.states import STATES, StageState
from schema.inputs import Input

pages = Blueprint("components", __name__)
_ICON = re.compile(r'<symbol id="([a-z]+)"')
SPRITE = Path(__file__).parent.parent / "static" / "icons.svg"
FIELDS = {
    "video": Input.model_validate({"type": "file", "description": "a path in the pool"}),
    "threshold": Input.model_validate({"type": "number", "default": 0.35, "min": 0, "max": 1}),
    "detector": Input.model_validate({"type": "choice", "options": ["median", "mog2"], "default": "median"}),
    "lanes": Input.model_validate({"type": "region", "shapes": ["line"], "description": "drawn on a picture"}),
    "stabilise": Input.model_validate({"type": "boolean", "default": True}),
}


@pages.get("/components")
def show() -> str:
    stages = [StageState(f"stage-{state}", state, None, "") for state in STATES]
    icons = _ICON.findall(SPRITE.read_text())
    return render_template("components.html", stages=stages, icons=icons, fields=FIELDS)
