"""Whatever the OpenAPI document allows, and much that it does not, gets the answer that it promises."""

from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi", reason="the service is the extra `web`")
pytest.importorskip("av", reason="films are the extra `video`")
schemathesis = pytest.importorskip("schemathesis", reason="a package of the extra `dev`")

from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from method_tng.web.api import make_app
from tests.extraction.rendered import render
from tests.web.films import ToldSearcher, entry, paint


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """The document of a service over one short film, under a name that is easily drawn."""
    folder = tmp_path_factory.mktemp("library")
    film = render(folder / "0.mp4", [number / 10 for number in range(300)])
    paint(folder, "0")
    app = make_app(ToldSearcher(folder, [entry("0", film), entry("1", None)]))
    yield schemathesis.openapi.from_asgi("/openapi.json", app, headers={"Host": "localhost"})


@pytest.mark.slow
def test_every_path_keeps_to_the_document(document: "schemathesis.BaseSchema") -> None:
    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) == 11
    for operation in operations:
        _try(operation)


def _try(operation: "schemathesis.APIOperation") -> None:
    @given(case=operation.as_strategy())
    @settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def keeps_to_the_document(case: "schemathesis.Case") -> None:
        if "film_id" in (case.path_parameters or {}) and len(str(case.query)) % 2:
            case.path_parameters["film_id"] = "0"  # else nearly every request ends at an unknown film
        # A clip that ends before it starts is refused, which no document can say.
        case.call_and_validate(headers={"Host": "localhost"}, excluded_checks=[positive_data_acceptance])

    keeps_to_the_document()
