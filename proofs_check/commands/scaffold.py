"""``lemmascope new``: a filled form for a formula or a claim, with its test."""

import re
from pathlib import Path

import jinja2

from proofs_check.arrays.exact import InputError
from proofs_check.files import write_text


def write_template(kind: str, name: str, folder: Path) -> Path:
    """Write a template that runs as it stands, and return its path.

    Raises:
        InputError: the name is not lower case with dashes, or the file exists already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise InputError(f"{name!r} is no name for a {kind}: write lower case with dashes, such as my-{kind}")
    function = name.replace("-", "_")
    path = folder / f"{function}.py"
    if path.exists():
        raise InputError(f"{path} exists already; choose another name, nothing was written")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("proofs_check"), keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    template = environment.get_template(f"{kind}.py.j2")
    write_text(path, template.render(name=name, function=function, file_name=path.name))
    return path
