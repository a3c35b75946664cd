"""Write the tools for language models: ``python docs/reference/agent_tools.py``.

They are made from the description of the service into a file, which ``pvkdb mcp`` lists before the
service is there. Run it after a change of an operation or a filter; a test fails as long as the
file is old.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

FILE = Path(__file__).parents[2] / "api" / "pvkdb_api" / "agents" / "tools.json"


def render() -> str:
    """The file as text."""
    from pvkdb_api.agents.calls import listed
    from pvkdb_api.agents.tools import TOOLS
    from pvkdb_api.app import create_app

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(f"sqlite:///{folder}/empty.sqlite")
        tools = [
            each.model_dump(mode="json", by_alias=True, exclude_none=True)
            for each in listed(app, TOOLS)
        ]
        app.state.served.close()
    return json.dumps(tools, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    FILE.write_text(render(), encoding="utf-8")
