"""Commands of operations, made from their declarations (:mod:`pvkdb.operations`)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from typer import Argument, Option, Typer
from typer.core import TyperCommand
from typer.main import get_command

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, print_message, show
from pvkdb.errors import InputError
from pvkdb.operations import Operation, added, declared, fields_of
from pvkdb.operations.other_packages import load


class LateCommand(TyperCommand):
    """A command whose function, with its options, is made when it is needed.

    The list of commands does without pydantic, whose import takes longer than all the rest.
    """

    def __init__(self, *arguments: Any, made: Callable[[], Any], **settings: Any) -> None:
        self._made = made
        super().__init__(*arguments, **settings)

    @cached_property
    def _complete(self) -> Any:
        alone = Typer(add_completion=False)
        alone.command(self.name)(self._made())
        return get_command(alone)

    @property
    def params(self) -> Any:
        """The options and arguments."""
        return self._complete.params

    @params.setter
    def params(self, value: object) -> None:
        """Take no others; typer sets those of the placeholder."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        return self._complete.invoke(ctx)


def added_commands() -> dict[str, Any]:
    """Return the commands that other packages add, and say which cannot be loaded."""
    operations, broken = added()
    for error in broken:
        print_message(f"left out: {error}")
    commands = {}
    for each in operations.values():
        alone = Typer(add_completion=False, rich_markup_mode=None)
        example = f"Example: pvkdb {each.command_name} {each.example}"
        alone.command(each.command_name, epilog=example, **settings_of(each))(lambda: None)
        commands[each.command_name] = get_command(alone)
    return commands


def add_command(app: Typer, name: str, function: Any, **settings: Any) -> None:
    """Add a command; one of :func:`with_fields` is made when it is needed."""
    if hasattr(function, "made"):
        late = partial(function.kind, made=function.made)
        settings |= {"cls": late, "help": function.__doc__}
        function = lambda: None  # noqa: E731 - typer takes any function in its place
    app.command(name, **settings)(function)


def settings_of(operation: Operation) -> dict[str, Any]:
    """Return what typer needs to know of the command of an operation."""
    return {
        "cls": partial(LateCommand, made=partial(_made, operation)),
        "help": f"{operation.summary}\n\n{operation.description}",
    }


def _made(operation: Operation) -> Any:
    with operation.alone():
        return command_function(operation)


def command_function(operation: Operation) -> Any:
    """Return the function of a command, with the signature that makes its options."""
    model = operation.request_model()
    fields = {} if model is None else fields_of(model)
    words = words_of(fields)
    others = {
        each.command.partition(" --")[2]: each
        for each in declared().values()
        if each.command.startswith(f"{operation.command_name} --")
    }

    def command(database: str, json: bool, plot: str | None = None, **given: Any) -> None:
        chosen = [name for name in others if given.pop(name)]
        asked = {name: value for name, value in given.items() if value != fields[name].default}
        if chosen and (asked or plot):
            left = ", ".join([*(words[name] for name in asked), *["--plot"] * bool(plot)])
            raise InputError(f"--{chosen[0]} goes alone; leave out {left}")
        ways = [*(words[name] for name in operation.one_of), *(f"--{name}" for name in others)]
        with option_names(words):
            _run(others[chosen[0]] if chosen else operation, asked, ways, database, json, plot)

    parameters = [_of_field(name, field, words) for name, field in fields.items()]
    for name, other in others.items():
        parameters.append(_parameter(name, Option(f"--{name}", help=other.summary), False, bool))
    if operation.plot is not None:
        option = Option("--plot", metavar="FILE", help=operation.plot[1])
        parameters.append(_parameter("plot", option, None, str | None))
    parameters.append(_parameter("database", None, DEFAULT_DATABASE, DatabaseOption))
    parameters.append(_parameter("json", None, False, JsonOption))
    return _with_signature(command, parameters)


def with_fields(
    *models: str, without: Sequence[str] = (), kind: type[LateCommand] = LateCommand
) -> Callable[[Any], Any]:
    """Decorate a command that is written by hand, whose options are also the fields of models.

    It gets those that are given, by name, and its errors name them as options.

    Args:
        models: Models of requests or settings, as texts ``module:name``.
        without: Fields that the command does not offer, or has as its own options.
        kind: Class of the command.
    """

    def decorate(command: Any) -> Any:
        command.made, command.kind = partial(_with_fields, command, models, without), kind
        return command

    return decorate


def _with_fields(command: Any, models: Sequence[str], without: Sequence[str]) -> Any:
    own = list(signature(command, eval_str=True).parameters.values())[:-1]
    fields = {
        name: field
        for model in models
        for name, field in load(model).model_fields.items()
        if name not in without
    }
    words = words_of(fields)

    def complete(**given: Any) -> None:
        values = {name: given.pop(name) for name in fields}
        asked = {name: value for name, value in values.items() if value not in (None, [])}
        with option_names(words):
            command(**given, **asked)

    options = [_of_field(name, field, words, stated=True) for name, field in fields.items()]
    return _with_signature(complete, [*own[:-2], *options, *own[-2:]])


def _with_signature(command: Any, parameters: Sequence[Parameter]) -> Any:
    parameters = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in parameters]
    command.__signature__ = Signature(parameters)
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def words_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return how the command line names each field: ``--r-lrs``, FORMULA."""
    from pvkdb.operations.fields import option_of

    options = {name: option_of(name, field) for name, field in fields.items()}
    return {name: each if each[0] == "-" else each.upper() for name, each in options.items()}


@contextmanager
def option_names(words: Mapping[str, str]) -> Iterator[None]:
    """Name options in the errors of a request, in place of fields: ``--e-a`` for ``e_a_ev``."""
    try:
        yield
    except InputError as error:
        error.args = (_in_words(str(error), words),)
        raise


def _in_words(text: str, words: Mapping[str, str]) -> str:
    """Replace names of fields that cannot be other words: with ``_``, or before an equals sign."""
    return re.sub(r"^\w+(?= = )|\b\w+_\w+\b", lambda name: words.get(name[0], name[0]), text)


def _run(
    operation: Operation,
    asked: Mapping[str, Any],
    ways: Sequence[str],
    database: str,
    json: bool,
    plot: str | None,
) -> None:
    from pvkdb._extras import require
    from pvkdb.cli.output.barriers import checked_path
    from pvkdb.schemas import validated

    if operation.extra:
        require(operation.extra)
    path = checked_path("--plot", plot or "")
    model = operation.request_model()
    texts = {n: _read(model, n, each) for n, each in asked.items() if isinstance(each, Path)}
    request = None if model is None else operation.prepare(validated(model, {**asked, **texts}))
    with messages().status("computing"):
        result = operation.run(
            request,
            lambda: open_store(database, create=True).session(read_only=not operation.writes),
            ways,
        )
    show(result, json, load(operation.printed))
    if operation.failure and (text := load(operation.failure)(result)):
        raise InputError(text)
    if path is not None and operation.plot is not None:
        load(operation.plot[0])(result, path)
        print_message(f"wrote {path}")


def _read(model: Any, name: str, path: Path) -> str:
    """Return the value of a field that is a file."""
    from pvkdb.operations.fields import InCommand, mark_of
    from pvkdb.schemas.toml_files import read_text

    if not mark_of(model.model_fields[name], InCommand).base64:
        return read_text(path, str(path))
    try:
        return b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _of_field(
    name: str, field: Any, words: Mapping[str, str], *, stated: bool = False
) -> Parameter:
    """Return the option of a field; if ``stated``, its default is a part of the help alone."""
    from pvkdb.operations.fields import UNITS, InCommand, kind_of, mark_of, plain_kind

    mark, last, kind = mark_of(field, InCommand), name.rpartition("_")[2], kind_of(field)
    value = (mark and mark.value) or (last.upper() if last in UNITS else None)
    if value is None and get_origin(kind) is Literal:
        value = "|".join(get_args(kind))
    text, plain = _in_words(field.description, words), plain_kind(kind)
    default = Parameter.empty if field.is_required() else field.default
    if get_origin(plain) is list and default is not Parameter.empty:
        default, text = None, f"{text.removesuffix('.')}; repeatable."
    word = words[name]
    if default is True:
        word = word if "/" in word else f"{word}/--no-{word.removeprefix('--')}"
    elif stated and default not in (Parameter.empty, None, False, ""):
        number = f"{default:g}" if isinstance(default, float) else default
        text = f"{text.removesuffix('.')}; default: {number}."
    if stated and default is not Parameter.empty:
        default = None
    if word.startswith("-"):
        info = Option(word, metavar=value, help=text)
    else:
        info = Argument(metavar=value, help=text)
    if mark and mark.file:
        plain = Path
    return _parameter(name, info, default, plain | None if default is None else plain)


def _parameter(name: str, info: Any, default: Any, kind: Any) -> Parameter:
    annotation = kind if info is None else Annotated[kind, info]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
