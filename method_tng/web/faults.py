"""Every refusal of the service: a status, a stable code and one sentence, `{"code", "message"}`.

400 bad_host                  403 cross_site             404 not_found, unknown_film, no_video, no_picture
405 method_not_allowed        409 unreadable            416 range_not_satisfiable
422 invalid_request, one_film, no_moment, clip_too_long, no_clip
500 internal, damaged         501 missing_extra          503 busy
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as PlainRefusal

from method_tng.contract.errors import ConfigError, DataError, MissingExtra
from method_tng.web.guard import SHIELD
from method_tng.web.schema import Fault

logger = logging.getLogger(__name__)

TOLD = {
    status: {"model": Fault, "description": HTTPStatus(status).phrase}
    for status in (400, 403, 404, 409, 422, 500, 501, 503)
}
"""What any path may answer besides its own, for the OpenAPI document."""


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> HTTPException:
    """What a handler raises to refuse."""
    return HTTPException(status, {"code": code, "message": message}, dict(headers or {}))


def answer_faults(app: FastAPI) -> None:
    """Turns every error that can reach an app into a fault of the table above."""
    app.add_exception_handler(PlainRefusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ConfigError, lambda _, error: _fault(409, "unreadable", str(error)))
    app.add_exception_handler(MissingExtra, lambda _, error: _fault(501, "missing_extra", str(error)))
    app.add_exception_handler(DataError, _damaged)
    app.add_exception_handler(Exception, _internal)


def _fault(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"code": code, "message": message}, status, headers)


def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PlainRefusal)
    if isinstance(error.detail, dict):
        return _fault(error.status_code, error.detail["code"], error.detail["message"], error.headers)
    phrase = HTTPStatus(error.status_code).phrase
    return _fault(error.status_code, phrase.lower().replace(" ", "_"), str(error.detail), error.headers)


def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return _fault(422, "invalid_request", f"{place}: {first['msg']}")


def _damaged(_: Request, error: Exception) -> JSONResponse:
    logger.error("%s", error)
    return _fault(500, "damaged", "a file of the index or the library cannot be read; the log says which")


def _internal(_: Request, __: Exception) -> JSONResponse:
    return _fault(500, "internal", "something went wrong here; the log says what", SHIELD)  # passes no guard
