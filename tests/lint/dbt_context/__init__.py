"""dbt's Jinja context for sqlfluff's own templater, so that one model can be rendered without starting dbt.

Names here are names in the template. Macros of dbt itself come from the installed packages. A test compares every
model's rendered text with the text that dbt compiles. If a model needs a name that is missing here, the linter fails.
"""

import functools
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import yaml
from jinja2.runtime import Context, Macro
from sqlfluff.core.templaters.builtins.dbt import DBT_BUILTINS, MacroReturn

PROJECT = Path(__file__).resolve().parents[3]
ADAPTER = "duckdb"
_VARS = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]


def _dbt_macro_files() -> Iterator[Path]:
    """Yield the files of dbt's and the adapter's macros; `dbt` is found but not imported, which would take seconds."""
    (root,) = importlib.util.find_spec("dbt").submodule_search_locations  # type: ignore[union-attr,misc]
    for package in ("global_project", ADAPTER):
        yield from sorted((Path(root) / "include" / package / "macros" / "utils").glob("*.sql"))


def _dbt_macros() -> dict[str, Any]:
    macros: dict[str, Any] = {}
    context = {"adapter": adapter, "return": DBT_BUILTINS["return"], "dbt": dbt, "api": api, "exceptions": exceptions}
    environment = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
    for path in _dbt_macro_files():
        module = environment.from_string(path.read_text(encoding="utf-8"), globals=context).module
        macros |= {name: macro for name, macro in vars(module).items() if isinstance(macro, Macro)}
    return macros


class _Adapter:
    """Finds the macro of this engine, else the default one; the project's macros come before dbt's."""

    _macros: dict[str, Any] | None = None

    @jinja2.pass_context
    def dispatch(self, context: Context, name: str, package: str = "") -> Callable[..., Any]:
        if self._macros is None:
            _Adapter._macros = _dbt_macros()
        for full in (f"{ADAPTER}__{name}", f"default__{name}"):
            found = context.resolve_or_missing(full)
            if callable(found):
                return found
            if full in (self._macros or {}):
                return self._macros[full]  # type: ignore[index]
        raise jinja2.UndefinedError(f"no macro {ADAPTER}__{name} and no default__{name}")


class _Dbt:
    """dbt's cross-database macros, as in `dbt.concat(…)`."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        @jinja2.pass_context
        def call(context: Context, *arguments: Any, **named: Any) -> Any:
            return adapter.dispatch(context, name)(*arguments, **named)

        return call


def _catching(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def caught(*arguments: Any, **named: Any) -> Any:
        try:
            return call(*arguments, **named)
        except MacroReturn as returned:
            return returned.value

    return caught


# sqlfluff supports dbt's `return`, except where a macro calls another macro of its own file.
Macro.__call__ = _catching(Macro.__call__)  # type: ignore[method-assign]


def _remembering(compile_text: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[tuple[Any, ...], Any] = {}

    @functools.wraps(compile_text)
    def remembered(environment: jinja2.Environment, source: Any, *arguments: Any, **named: Any) -> Any:
        key = (type(environment), *environment.extensions, source, *arguments, *sorted(named.items()))
        if key not in known:
            known[key] = compile_text(environment, source, *arguments, **named)
        return known[key]

    return remembered


# sqlfluff compiles all macros twice for each file, which takes half of the linter's time.
jinja2.Environment.compile = _remembering(jinja2.Environment.compile)  # type: ignore[method-assign]


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)


def ref(*names: str) -> str:
    """Name a model as dbt does; the schema does not matter to the linter."""
    return f'"kyoten"."schema"."{names[-1]}"'


def source(schema: str, name: str) -> str:
    """Read a source as dbt does; the home does not matter to the linter."""
    folder = name if schema == "lake" else f"{schema}/{name}"
    return f"read_parquet('home/lake/{folder}/*.parquet', union_by_name=true)"


def var(name: str, default: Any = None) -> Any:
    """Return a var's default of dbt_project.yml."""
    return _VARS.get(name, default)


adapter = _Adapter()
dbt = _Dbt()
api = SimpleNamespace(Column=SimpleNamespace(translate_type=lambda name: {"string": "TEXT"}.get(name, name)))
exceptions = SimpleNamespace(raise_compiler_error=_raise)
target = SimpleNamespace(schema="main", type=ADAPTER)
