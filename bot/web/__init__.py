"""The page and the HTTP interface.

Gradio and its libraries read these settings when they are imported, so they are made here, before any of them is: nothing
that they could send leaves the machine.
"""

import os

for _name, _value in {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}.items():
    os.environ.setdefault(_name, _value)
