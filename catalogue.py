"""Finds documents, their OpenAPI sources and their settings; the only reader of those files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from arazzo import model, source_uris, yaml_text
from arazzo.asyncapi import AsyncApiDescription
from arazzo.compilation import CompiledDocument, CompiledWorkflow, Defaults, Sources
from arazzo.compilation import compile_document as compile_arazzo
from arazzo.errors import DocumentInvalid, Finding, InputInvalid, Place
from arazzo.openapi import OpenApiDescription
from arazzo.provider import ProviderSettings
from arazzo.read_texts import OF_DESCRIPTIONS
from arazzo.settings_names import KnownNames, unknown_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from arazzo.model import Document, SourceDescription
    from arazzo.yaml_text import YamlText
    from settings import Settings

SUFFIXES: Final = (".yaml", ".yml", ".json")
SETTINGS_FILE: Final = "settings.yaml"
_ARAZZO_KEY: Final = re.compile(r"""^(\s*\{)?\s*["']?arazzo["']?\s*:""", re.MULTILINE)
_SKIPPED_FOLDERS: Final = frozenset(
    ("node_modules", "__pycache__", ".git", ".hg", ".nox", ".tox", ".venv", "venv")
)
"""Folders of tools, which hold other people's files."""
_KINDS: Final = {"openapi": "OpenAPI 3", "asyncapi": "AsyncAPI", "arazzo": "Arazzo"}


@dataclass(frozen=True)
class BrokenDocument:
    """A file that should be an Arazzo description and can't be read as one."""

    file: str
    error: DocumentInvalid


@dataclass(frozen=True)
class Entry:
    """A workflow and the document that it stands in."""

    document: CompiledDocument
    compiled: CompiledWorkflow


class Catalogue:
    """All workflows that were found, by workflow type (prefix and workflowId)."""

    def __init__(
        self,
        documents: Iterable[CompiledDocument],
        broken: Iterable[BrokenDocument],
        doubts: Iterable[Finding] = (),
    ) -> None:
        """Index the workflows; the first of two with the same type is the one that is found.

        `doubts` are findings about the settings of whole folders.
        """
        self.doubts = tuple(doubts)
        self.documents = tuple(documents)
        self.broken = tuple(broken)
        self._entries: dict[str, list[Entry]] = {}
        for document in self.documents:
            for compiled in document.workflows:
                entry = Entry(document, compiled)
                self._entries.setdefault(compiled.workflow_type, []).append(entry)

    @property
    def workflow_types(self) -> list[str]:
        """Return the types of all workflows, in the order of the files."""
        return list(self._entries)

    @property
    def entries(self) -> list[Entry]:
        """Return all workflows, in the order of the files."""
        return [entry for entries in self._entries.values() for entry in entries]

    def duplicates(self) -> dict[str, list[str]]:
        """Return the workflow types that stand in several documents, with the files."""
        return {
            name: [entry.document.file for entry in entries]
            for name, entries in self._entries.items()
            if len({entry.document.file for entry in entries}) > 1
        }

    def find(self, workflow_type: str) -> Entry:
        """Return the workflow of that type.

        Raises InputInvalid with the closest names when there is none.
        """
        entries = self._entries.get(workflow_type)
        if entries:
            return entries[0]
        close = get_close_matches(workflow_type, self.workflow_types, n=3)
        known = close or self.workflow_types[:20]
        mend = " or ".join(f"`{name}`" for name in close) if close else ", ".join(known)
        said = f"did you mean {mend}?" if close else f"there are: {mend or 'none'}"
        raise InputInvalid(
            f"there is no workflow `{workflow_type}`; {said}",
            reason="unknown-workflow",
            facts={"closest": known},
        )

    def runnable(self, workflow_type: str) -> Entry:
        """Return the workflow of that type when it has a plan; raises DocumentInvalid otherwise."""
        entry = self.find(workflow_type)
        if entry.compiled.plan is None:
            raise DocumentInvalid(entry.compiled.findings)
        return entry


def worker_defaults(settings: Settings) -> Defaults:
    """Return the worker's own numbers, as the compilation wants them."""
    return Defaults(
        connect_timeout=settings.http_connect_seconds,
        total_timeout=settings.http_total_seconds,
        read_timeout=settings.http_read_seconds or 0.0,
        write_timeout=settings.http_write_seconds or 0.0,
        pool_timeout=settings.http_pool_seconds or 0.0,
        activity_margin=settings.activity_margin_seconds,
        transient_attempts=settings.transient_attempts,
        transient_first=settings.transient_first_seconds,
        transient_longest=settings.transient_longest_seconds,
        transient_within=settings.transient_within_seconds or 0.0,
        transport_attempts=settings.transport_attempts,
        transport_first=settings.transport_first_seconds,
        transport_longest=settings.transport_longest_seconds,
        transport_within=settings.transport_within_seconds or 0.0,
        retry_after_ceiling=settings.retry_after_ceiling_seconds,
        largest_response=settings.max_response_bytes,
        largest_download=settings.max_download_bytes,
        transfer_timeout=settings.transfer_seconds,
        heartbeat=settings.heartbeat_seconds,
        visit_budget=settings.visit_budget,
    )


def load_catalogue(folders: Iterable[Path], defaults: Defaults | None = None) -> Catalogue:
    """Read all Arazzo descriptions in and below the folders (or the files themselves).

    Raises InputInvalid when a folder does not exist, DocumentInvalid when a settings.yaml is
    wrong. A document that can't be read is kept as broken, so that the others still run.
    """
    reader = Reader(defaults or Defaults())
    documents: list[CompiledDocument] = []
    broken: list[BrokenDocument] = []
    places = list(folders)
    for file, folder in find_documents(places):
        try:
            documents.append(reader.read(file, folder))
        except DocumentInvalid as error:
            broken.append(BrokenDocument(_shown(file), error))
    return Catalogue(documents, broken, reader.settings_findings(places))


def find_documents(folders: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Return the Arazzo descriptions in and below the folders, each with its folder.

    A file stands for itself. Raises InputInvalid when one of them does not exist.
    """
    return [(file, folder) for folder in folders for file in _arazzo_files(folder)]


def _arazzo_files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    if not folder.is_dir():
        raise InputInvalid(
            f"there is no folder or file `{folder}` with documents",
            reason="documents-missing",
        )
    for file in sorted(folder.rglob("*")):
        if file.suffix not in SUFFIXES or file.name == SETTINGS_FILE or _is_skipped(file, folder):
            continue
        if file.is_file() and (".arazzo." in file.name or _is_arazzo(file)):
            yield file


def _is_arazzo(file: Path) -> bool:
    """Whether a file says that it is a document; one that can't be read is somebody else's."""
    try:
        return bool(_ARAZZO_KEY.search(_text(file)))
    except DocumentInvalid:
        return False


def _is_skipped(file: Path, folder: Path) -> bool:
    parts = file.relative_to(folder).parts[:-1]
    return any(part in _SKIPPED_FOLDERS for part in parts)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(file, f"it is no UTF-8 text ({error.reason})") from error
    except OSError as error:
        raise _unreadable(file, str(error.strerror)) from error


def _unreadable(file: Path, why: str) -> DocumentInvalid:
    place = Place(_shown(file), 1, 1)
    return DocumentInvalid([Finding("unreadable", "error", f"can't be read: {why}", place)])


def _shown(file: Path) -> str:
    """Return the path as people would type it: relative to where they stand, when it is below."""
    try:
        return file.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return file.as_posix()


class Reader:
    """Reads files once, though several documents may share them."""

    def __init__(self, defaults: Defaults) -> None:
        self.defaults = defaults
        self.descriptions: dict[Path, OpenApiDescription] = {}
        self.settings: dict[Path, tuple[YamlText, ProviderSettings]] = {}
        self.names: dict[Path, KnownNames] = {}
        self.documents: dict[Path, CompiledDocument] = {}
        self.opening: set[Path] = set()
        self.identities: dict[Path, dict[str, Path]] = {}

    def read(self, file: Path, root: Path) -> CompiledDocument:
        """Return a document with all its sources; `root` bounds the search for settings.

        Raises DocumentInvalid when it can't be read at all.
        """
        own = file.resolve()
        if own not in self.documents:
            self.opening.add(own)
            try:
                self.documents[own] = self._compile(file, root)
            finally:
                self.opening.discard(own)
        return self.documents[own]

    def _compile(self, file: Path, root: Path) -> CompiledDocument:
        source = yaml_text.read(_text(file), _shown(file))
        place = self._settings_of(file, root)
        settings = self._settings(place) if place else ProviderSettings()
        sources = self._sources(source, file, root, settings)
        document = compile_arazzo(source, sources, settings, self.defaults)
        if place:
            self.names.setdefault(place, KnownNames()).learn(document, sources)
        return document

    def settings_findings(self, folders: Iterable[Path]) -> list[Finding]:
        """Return what is doubtful in the settings of folders that were read as a whole."""
        wholes = [folder.resolve() for folder in folders if folder.is_dir()]
        return [
            finding
            for place, known in self.names.items()
            if any(place.is_relative_to(whole) for whole in wholes)
            for finding in unknown_names(*self.settings[place], known)
        ]

    def _settings_of(self, file: Path, root: Path) -> Path | None:
        """Return the settings of the nearest folder that has some, up to the documents' root."""
        top = (root if root.is_dir() else root.parent).resolve()
        for folder in file.resolve().parents:
            candidate = folder / SETTINGS_FILE
            if candidate.is_file():
                return candidate
            if folder == top:
                break
        return None

    def _settings(self, file: Path) -> ProviderSettings:
        if file not in self.settings:
            source = yaml_text.read(_text(file), _shown(file))
            try:
                settings = ProviderSettings.model_validate(source.value or {})
            except ValidationError as error:
                raise DocumentInvalid(list(_settings_findings(source, error))) from error
            self.settings[file] = source, settings
        return self.settings[file][1]

    def _sources(
        self, source: YamlText, file: Path, root: Path, settings: ProviderSettings
    ) -> Sources:
        sources = Sources()
        document, _ = model.parse(source)
        for one in document.source_descriptions:
            found = self._named(one, document, file, root) or _source_file(
                one, file, settings, document.self_uri
            )
            if isinstance(found, str):
                sources.problems[one.name] = found
            elif one.type in (None, "arazzo") and _is_arazzo(found):
                self._open_document(one.name, found, root, sources)
            else:
                self._open(one, found, root, sources)
        return sources

    def _named(
        self, one: SourceDescription, document: Document, file: Path, root: Path
    ) -> Path | None:
        """Return the document whose `$self` a source names (Arazzo 1.1.0, 5.5.3)."""
        if not document.is_of_1_1 or one.type == "openapi" or not root.is_dir():
            return None
        if root not in self.identities:
            self.identities[root] = dict(_identities(root))
        uri = source_uris.resolved(document.self_uri, one.url, file.resolve().as_uri())
        return self.identities[root].get(uri)

    def _open_document(self, name: str, file: Path, root: Path, sources: Sources) -> None:
        """Read another document, whose workflows this one calls; a circle of them is refused."""
        if file.resolve() in self.opening:
            sources.problems[name] = "refers back to this document, so both would wait for another"
            return
        try:
            sources.arazzo[name] = self.read(file, root)
        except DocumentInvalid as error:
            sources.problems[name] = f"can't be read: {error.message}"

    def _open(self, one: SourceDescription, file: Path, root: Path, sources: Sources) -> None:
        """Read a source as what its own root key says, whatever the document calls it."""
        name = one.name
        try:
            description = self._description(file)
        except DocumentInvalid as error:
            sources.problems[name] = f"can't be read: {error.message}"
            return
        is_async = str(description.root.get("asyncapi", "")).startswith(("2.", "3."))
        if "arazzo" in description.root:
            _expect("arazzo", one, sources)
            self._open_document(name, file, root, sources)
        elif is_async:
            _expect("asyncapi", one, sources)
            sources.asyncapi[name] = AsyncApiDescription(description.source, partial(_beside, file))
        elif description.version.startswith(("3.", "2.")):
            _expect("openapi", one, sources)
            sources.openapi[name] = description
        else:
            held = ", ".join(list(description.root)[:3]) or "nothing"
            kind = _KINDS[one.type or "openapi"]
            sources.problems[name] = f"({_shown(file)}) is no {kind} description: it holds {held}"

    def _description(self, file: Path) -> OpenApiDescription:
        if file not in self.descriptions:
            text = OF_DESCRIPTIONS.read(_text(file), _shown(file))
            self.descriptions[file] = OpenApiDescription(text, partial(_beside, file))
        return self.descriptions[file]


def _expect(kind: str, one: SourceDescription, sources: Sources) -> None:
    """Note a source whose file is something else than the document says."""
    if one.type not in (None, kind):
        sources.mistyped[one.name] = kind


def _beside(file: Path, reference: str) -> YamlText | None:
    """Return a file that a description refers to: in its folder, or in one beside that.

    None when there is no such file, or it can't be read.
    """
    target = (file.parent / reference).resolve()
    top = file.parent.parent if file.parent.parent.name else file.parent
    reachable = target.is_relative_to(top) and target.suffix in SUFFIXES
    if not reachable or target.name == SETTINGS_FILE or not target.is_file():
        return None
    try:
        return OF_DESCRIPTIONS.read(_text(target), _shown(target))
    except DocumentInvalid:
        return None


def _identities(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the `$self` of each document below a folder, and where the document is."""
    for file in filter(_is_arazzo, _arazzo_files(root)):
        found = source_uris.self_uri_of(_text(file))
        if found:
            yield source_uris.resolved(found, "", file.resolve().as_uri()), file.resolve()


def _source_file(
    one: SourceDescription, file: Path, settings: ProviderSettings, self_uri: str | None
) -> Path | str:
    """Return the file of a source, or why there is none, with the places that were tried."""
    url = settings.sources.get(one.name)
    own, tried = file.resolve().parent, []
    for way in source_uris.ways(url or one.url, None if url else self_uri, own.as_uri() + "/"):
        candidate = own / way
        if candidate.is_file() and candidate.suffix in SUFFIXES:
            return candidate.resolve()
        tried.append(_shown(candidate))
    return (
        f"(`{one.url}`) is not there; tried {', '.join(dict.fromkeys(tried))}. Put the file there, "
        f"or name it in {SETTINGS_FILE} under `sources: {{{one.name}: FILE}}`"
    )


def _settings_findings(source: YamlText, error: ValidationError) -> Iterator[Finding]:
    for problem in error.errors(include_url=False):
        path = tuple(problem["loc"])
        name = path[-1] if path else ""
        known = list(ProviderSettings.model_fields)
        close = get_close_matches(str(name), known, n=1)
        extra = problem["type"] == "extra_forbidden"
        message = f"there is no setting `{name}`" if extra else f"`{name}`: {problem['msg']}"
        mend = f"did you mean `{close[0]}`?" if extra and close else ""
        yield source.finding("invalid-settings", message, path, mend=mend)
