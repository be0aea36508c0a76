"""The service's refusals that have nothing to do with a pipeline: who are you, what is that address."""

import re
import uuid
from urllib.parse import quote

from image_builder_stand_ins.azure_devops.answer import Answer, error, html_answer, text_answer
from image_builder_stand_ins.azure_devops.representation import Place
from image_builder_stand_ins.azure_devops.request import Request

_VERSION = re.compile(r"([0-9]+)\.([0-9]+)(-preview(\.[0-9]+)?)?")
_NEWEST = (7, 2)
SIGN_IN_PAGE = (
    '<!DOCTYPE html>\r\n<html lang="en-US">\r\n<head><title>Azure DevOps Services | Sign In</title></head>\r\n'
    '<body><form method="post"><input type="submit" value="Sign in"/></form></body>\r\n</html>\r\n'
)


def sign_in_location(place: Place) -> str:
    """Where the service sends a browser that nobody has signed in; the query is not for logs."""
    reply = quote(f"{place.root}/{place.organization}", safe="")
    return (
        f"https://spsprodeus27.vssps.visualstudio.com/_signin?realm=dev.azure.com&reply_to={reply}"
        f"&redirect=1&hid={uuid.uuid4()}&context=eyJodCI6Mn0#ctx=eyJTaWduSW4"
    )


def not_signed_in(place: Place, request: Request) -> Answer:
    """401 without a body for clients that ask for no redirect, the way to the sign-in page for others."""
    if request.header("x-tfs-fedauthredirect").lower() != "suppress":
        location = sign_in_location(place)
        return html_answer(302, "<html><head><title>Object moved</title></head></html>", (("Location", location),))
    if request.credential()[0] == "bearer":
        return Answer(401, headers=(("WWW-Authenticate", "Bearer"), ("WWW-Authenticate", "TFS-Federated")))
    return Answer(401, headers=(("WWW-Authenticate", 'Basic realm="https://tfsprodsin1.app.visualstudio.com/"'),))


def no_controller(request: Request) -> Answer:
    """An address that nothing answers at."""
    message = f"The controller for path '{request.path}' was not found or does not implement IController."
    return text_answer(404, message, (("x-tfs-serviceerror", quote(message, safe="")),))


def no_project(name: str) -> Answer:
    """A project that is not there, or that one may not see."""
    message = (
        f"TF200016: The following project does not exist: {name}. Verify that the name of the project is correct and "
        "that the project exists on the specified Azure DevOps Server."
    )
    return error(404, "ProjectDoesNotExistWithNameException", message)


def pipeline_not_found(status: int, number: int) -> Answer:
    """A pipeline that is not there: 500 when it is to be previewed."""
    return error(status, "PipelineNotFoundException", f"Pipeline {number} could not be found.")


def build_not_found(number: int) -> Answer:
    """A run or build that is not there."""
    return error(404, "BuildNotFoundException", f"The requested build {number} could not be found.")


def version_refusal(request: Request) -> Answer | None:
    """An api-version that is too high, or none at all; a missing one is filled in by the service."""
    asked = request.query.get("api-version")
    found = _VERSION.fullmatch(asked) if asked is not None else None
    if asked is None:
        return None
    if found is None:
        return error(400, "VssInvalidApiResourceVersionException", f"The api-version '{asked}' is not valid.")
    if (int(found[1]), int(found[2])) <= _NEWEST:
        return None
    message = (
        f"The requested REST API version of {found[1]}.{found[2]} is out of range for this server. "
        f"The latest REST API version this server supports is {_NEWEST[0]}.{_NEWEST[1]}."
    )
    return error(400, "VssVersionOutOfRangeException", message)
