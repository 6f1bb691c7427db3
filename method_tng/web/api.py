"""The service: a searcher's answers, films and moments over HTTP, and the page.

Nothing here blocks the event loop: the model works in one lane, clips are cut in another, files are looked up
in threads.  Media are asked for by a film's id.
"""

import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi import Path as InPath
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from method_tng.search.answers import Curve, FilmEntry, SearchAnswer
from method_tng.search.searcher import Searcher
from method_tng.web import schema
from method_tng.web.clipping import Clips
from method_tng.web.export import CHAPTERS, WRITERS
from method_tng.web.faults import TOLD, answer_faults, refusal
from method_tng.web.guard import Guard
from method_tng.web.lane import Lane
from method_tng.web.media import Media, media_type, settle_range

PAGE = {path.name: path for path in (Path(__file__).parent / "page").iterdir()}
VERSION = "1"
SEARCHES, CUTS = 32, 6  # that may be in their lanes

FilmId = Annotated[str, InPath(min_length=1, max_length=schema.NAME_LENGTH)]


@dataclass(frozen=True)
class Service:
    """What the paths answer from."""

    searcher: Searcher
    media: Media
    clips: Clips
    searching: Lane
    cutting: Lane


def make_app(
    searcher: Searcher, names: Collection[str] = (), searches: int = SEARCHES, cuts: int = CUTS
) -> FastAPI:
    """The service over a searcher.

    Args:
        names: host names it answers to, besides localhost and literal addresses.
        searches, cuts: how many may be under way; one more is told to come again.
    """
    folder = tempfile.TemporaryDirectory(prefix="clips-")
    searching, cutting = Lane("searches", searches), Lane("clips", cuts)
    clips = Clips(Path(folder.name), cutting)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        searching.close()
        cutting.close()
        folder.cleanup()

    app = FastAPI(
        title="Moments in movies", version=VERSION, lifespan=life, docs_url=None, redoc_url=None,
        responses=TOLD,
    )  # fmt: skip
    app.state.service = Service(searcher, Media(searcher), clips, searching, cutting)
    app.include_router(router)
    answer_faults(app)
    app.add_middleware(Guard, names=names)
    return app


router = APIRouter()


def _service(request: Request) -> Service:
    return request.app.state.service


@router.get("/", include_in_schema=False)
@router.get("/page/{name}", include_in_schema=False)
def page(name: str = "index.html") -> FileResponse:
    """A file of the page."""
    if name not in PAGE:
        raise refusal(404, "not_found", "the page has no such file")
    return FileResponse(PAGE[name], headers={"Cache-Control": "no-cache"})


@router.get("/health", response_model=schema.Health)
async def health(request: Request) -> dict[str, Any]:
    """That the service lives."""
    service = _service(request)
    waiting = {"searches_waiting": service.searching.held, "clips_waiting": service.cutting.held}
    return {"status": "ok"} | service.searcher.health() | waiting


@router.get("/search", response_model=schema.Answer)
async def search(request: Request, query: Annotated[schema.SearchQuery, Query()]) -> SearchAnswer:
    """The moments of a sentence, best first."""
    return await _found(request, query)


@router.get("/films", response_model=schema.Films)
async def films(
    request: Request,
    top: Annotated[int, Query(ge=1, le=500)] = schema.PAGE,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """A part of all films, by their ids."""
    entries = _service(request).searcher.films()
    shown = [_facts(entry) for entry in entries[offset : offset + top]]
    told = {"total": len(entries), "seconds": sum(entry.duration for entry in entries)}
    return {"films": shown, "folders": sorted({entry.folder for entry in entries})} | told


@router.get("/films/{film_id}", response_model=schema.FilmFacts)
async def film(request: Request, film_id: FilmId) -> dict[str, Any]:
    """A film."""
    return _facts(_service(request).media.film(film_id))


@router.get("/films/{film_id}/curve", response_model=schema.RelevanceCurve)
async def curve(request: Request, film_id: FilmId, text: Annotated[schema.Sentence, Query()]) -> Curve:
    """How well each clip of a film fits a sentence."""
    service = _service(request)
    service.media.film(film_id)
    return await service.searching.do(
        lambda _: service.searcher.curve(text, film_id), request.is_disconnected
    )


@router.get("/films/{film_id}/subtitles", response_model=list[schema.SubtitleLine])
def subtitles(request: Request, film_id: FilmId) -> Response:
    """What is said in a film."""
    service = _service(request)
    service.media.film(film_id)
    lines = msgspec.json.encode(service.searcher.subtitles(film_id))
    return Response(lines, media_type="application/json")


@router.get("/films/{film_id}/thumbnails", response_model=schema.Pictures)
def thumbnails(request: Request, film_id: FilmId) -> dict[str, Any]:
    """When the small pictures of a film were taken."""
    return {"milliseconds": list(_service(request).media.pictures(film_id))}


@router.get(
    "/films/{film_id}/thumbnails/{milliseconds}",
    response_class=FileResponse,
    responses={200: {"content": {"image/jpeg": {}}, "description": "a JPEG"}},
)
def thumbnail(
    request: Request, film_id: FilmId, milliseconds: Annotated[int, InPath(ge=0, le=10**9)]
) -> FileResponse:
    """The small picture that was taken nearest to a time."""
    path = _service(request).media.picture(film_id, milliseconds)
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


PARTS = {
    200: {"content": {"video/*": {}}, "description": "the whole file"},
    206: {"content": {"video/*": {}}, "description": "the asked part"},
    416: {"model": schema.Fault, "description": "no such part"},
}


@router.head("/films/{film_id}/video", include_in_schema=False)
@router.get("/films/{film_id}/video", response_class=FileResponse, responses=PARTS)
def video(request: Request, film_id: FilmId) -> FileResponse:
    """A film's file, whole or in parts (Range)."""
    path = _service(request).media.video(film_id)
    return _in_parts(request, path, media_type(path))


@router.get("/films/{film_id}/clip", response_class=FileResponse, responses=PARTS)
async def clip(
    request: Request,
    film_id: FilmId,
    start: Annotated[schema.Second, Query()],
    end: Annotated[schema.Second, Query()],
    download: bool = False,
) -> FileResponse:
    """A moment of a film as an MP4 that every browser plays."""
    return await _cut(request, film_id, (start, end), download)


EXPORTS = {
    200: {
        "content": {kind: {} for _, kind in WRITERS.values()} | {"application/json": {}, "video/mp4": {}},
        "description": "the moments; mp4: the first of them, cut out",
    },
    206: PARTS[206],
    416: PARTS[416],
}


@router.get("/export/{kind}", response_class=Response, responses=EXPORTS)
async def export(
    request: Request, kind: schema.Format, query: Annotated[schema.SearchQuery, Query()]
) -> Response:
    """The moments of a sentence as a file: JSON, CSV, chapters of a film, an edit list, the first cut out."""
    if kind in CHAPTERS and len(query.films) != 1:
        raise refusal(422, "one_film", "films: chapters belong to one film; name it")
    answer = await _found(request, query)
    if kind == "mp4":
        if not answer.moments:
            raise refusal(404, "no_moment", "the sentence has no moment at this offset")
        first = answer.moments[0]
        return await _cut(request, first.film_id, (first.start, first.end), download=True)
    told = {"Content-Disposition": f'attachment; filename="moments.{kind}"'}
    if kind == "json":
        return Response(msgspec.json.encode(answer), media_type="application/json", headers=told)
    write, media = WRITERS[kind]
    return Response(write(query.text, answer.moments), media_type=media, headers=told)


async def _found(request: Request, query: schema.SearchQuery) -> SearchAnswer:
    service = _service(request)
    for film_id in query.films:
        service.media.film(film_id)
    asked = query.request()
    return await service.searching.do(lambda _: service.searcher.search(asked), request.is_disconnected)


async def _cut(request: Request, film_id: str, span: tuple[float, float], download: bool) -> FileResponse:
    service = _service(request)
    title = service.media.film(film_id).title
    source = await run_in_threadpool(service.media.video, film_id)
    path = await service.clips.clip(source, *span, request.is_disconnected)
    answer = await run_in_threadpool(_in_parts, request, path, "video/mp4")
    if download:
        named = FileResponse(path, filename=f"{title} {span[0]:.0f}-{span[1]:.0f} s.mp4")
        answer.headers["Content-Disposition"] = named.headers["Content-Disposition"]
    return answer


def _in_parts(request: Request, path: Path, kind: str) -> FileResponse:
    stat = path.stat()
    settle_range(request, stat.st_size)
    return FileResponse(
        path, media_type=kind, stat_result=stat, headers={"Cache-Control": "private, no-cache"}
    )


def _facts(entry: FilmEntry) -> dict[str, Any]:
    facts = asdict(entry)
    return facts | {"video": bool(facts.pop("source"))}
