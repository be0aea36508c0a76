"""Steps of a build, in words."""

import pytest
from image_builder_domain.build_steps import BuildSteps, BuildWarning, FailurePlace, Step

_HIT = Step("WORKDIR /src", 2, 4, "build", is_cached=True)
_MISS = Step("COPY . .", 3, 4, "build", is_cached=False)
_FAILED = Step("RUN make", 4, 4, "build", error="exit code: 2")
_NEVER_RAN = Step("COPY --from=build /out /", 2, 2, "stage-1")


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ((), ""),
        ((_HIT,), "1 of 1 steps cached"),
        ((_HIT, _MISS), "1 of 2 steps cached; first miss: [build 3/4] COPY . ."),
        ((_HIT, _FAILED), "1 of 2 steps cached; first miss: [build 4/4] RUN make"),
        ((_NEVER_RAN,), "0 of 1 steps cached"),
    ],
)
def test_summary_names_the_first_step_that_was_not_cached(steps: tuple[Step, ...], text: str) -> None:
    assert str(BuildSteps(steps)) == text


@pytest.mark.parametrize(
    ("step", "position"),
    [
        (Step("RUN make", 2, 3), "2/3"),
        (Step("RUN make", 2, 3, "build"), "build 2/3"),
        (Step("RUN make", 2, 3, "build", "linux/arm64"), "linux/arm64 build 2/3"),
    ],
)
def test_position_names_platform_and_stage(step: Step, position: str) -> None:
    assert step.position == position


@pytest.mark.parametrize(
    ("warning", "text"),
    [
        (BuildWarning("old format"), "old format"),
        (BuildWarning("old format", "Dockerfile"), "Dockerfile: old format"),
        (BuildWarning("old format", "Dockerfile", 3, "https://a.b/c"), "Dockerfile:3: old format (https://a.b/c)"),
    ],
)
def test_warning_begins_with_its_place(warning: BuildWarning, text: str) -> None:
    assert str(warning) == text


def test_place_of_a_failure_is_file_and_line() -> None:
    assert str(FailurePlace("Dockerfile", 3)) == "Dockerfile:3"
