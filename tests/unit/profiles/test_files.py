"""Profile files: every problem at its place, and the choice of the profile that a run reckons with."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ScenarioError, UsageError
from harness.profiles.load import ProfileChoice, choose, find, known_profiles, load
from harness.profiles.profile import NO_PROFILE

GOOD = """
profile: acme
deviations:
- name: endport-ignored
  about: only the first port counts
  reason: it is not implemented
  links: [https://example.org/1]
  versions: "<1.16"
  reading: endport-ignored
- name: labels-unseen
  about: no policy sees the label secret
  reason: it is secret
  links: [https://example.org/2]
  versions: all
  occurs: sometimes
  reading: labels-unseen
  labels: [secret]
"""


def written(tmp_path: Path, text: str) -> Path:
    """Write a profile file."""
    path = tmp_path / "acme.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_profile_comes_from_its_file_as_written(tmp_path: Path) -> None:
    """Names, versions and how often: what the file says, in its order."""
    profile = load(written(tmp_path, GOOD))

    assert profile.cni == "acme"
    assert [(each.name, each.versions.text, each.always) for each in profile.deviations] == [
        ("endport-ignored", "<1.16", True),
        ("labels-unseen", "all versions", False),
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("profile: acme", "profile: Acme CNI"), "acme.yaml:2:10: profile: a CNI is named in small letters"),
        (("reading: endport-ignored", "reading: endport-ignore"), "did you mean 'endport-ignored'?"),
        (('versions: "<1.16"', "versions: 1.16"), "acme.yaml:8:13: deviations.0.versions: '1.16' is no range"),
        (("links: [https://example.org/1]", "links: []"), "acme.yaml:7:10: deviations.0.links: at least one link"),
        (("links: [https://example.org/1]", "links: [x]"), "acme.yaml:7:11: deviations.0.links.0: 'x' is no https"),
        (("occurs: sometimes", "occurs: often"), "one of always, sometimes was expected"),
        (("labels: [secret]", "labels: ['(']"), "not a regular expression"),
        (("  labels: [secret]\n", ""), "the reading labels-unseen needs a list of label keys"),
        (("reading: endport-ignored", "reading: endport-ignored\n  labels: [x]"), "is about no labels"),
        (("name: labels-unseen", "name: endport-ignored"), "'endport-ignored' is listed twice"),
        (("about: only the first port counts", "abuot: x"), "did you mean 'about'?"),
        (("reason: it is secret", "reason: 3"), "acme.yaml:12:11: deviations.1.reason: a text was expected"),
        (("deviations:", "deviations: {}\nmore:"), "a list of deviations was expected"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    """A problem names its line, its part of the file, and what was expected."""
    path = written(tmp_path, GOOD.replace(*change))

    with pytest.raises(ScenarioError) as raised:
        load(path)

    assert problem in str(raised.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """One round of mending is enough."""
    path = written(tmp_path, GOOD.replace("occurs: sometimes", "occurs: often").replace("<1.16", "1.16"))

    with pytest.raises(ScenarioError) as raised:
        load(path)

    assert len(raised.value.problems) == 2


@given(text=st.text(max_size=200) | st.sampled_from(["[]", "1", "profile:", "profile: a\ndeviations: [1, {name: []}]"]))
def test_any_text_is_a_profile_or_a_list_of_problems(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """No file, however broken, is a traceback."""
    path = tmp_path_factory.mktemp("profile") / "any.yaml"
    path.write_bytes(text.encode("utf-8", errors="surrogatepass"))

    assert _problems_or_cni(path)


def _problems_or_cni(path: Path) -> object:
    try:
        return load(path).cni
    except ScenarioError as error:
        return error.problems


def test_a_file_that_is_not_there_is_a_problem_with_its_name(tmp_path: Path) -> None:
    """Bad input is told as such, with the file's name."""
    with pytest.raises(ScenarioError, match=r"absent\.yaml:1:1: cannot be read: No such file"):
        load(tmp_path / "absent.yaml")


@pytest.mark.parametrize("cni", known_profiles())
def test_the_profiles_that_come_along_are_sound(cni: str) -> None:
    """Each is named after its file, and lists something."""
    profile = find(cni)

    assert profile is not None
    assert (profile.cni, len(profile.deviations) > 0) == (cni, True)


def test_the_detected_cni_chooses_the_profile() -> None:
    """Without a choice, what detection found counts: name and version."""
    active = ProfileChoice().active("cilium", "v1.14.2")

    assert (active.title, {"endport-ignored", "label-host-frees"} & {each.name for each in active.deviations}) == (
        "cilium 1.14.2",
        {"endport-ignored"},
    )


@pytest.mark.parametrize("cni", [None, "flannel"])
def test_a_cni_without_a_profile_has_nothing_known(cni: str | None) -> None:
    """What nobody has written about is judged by the published semantics alone, and no report mentions it."""
    active = choose(None).active(cni, "1.0")

    assert active == NO_PROFILE
    assert active.notes == ()


def test_a_choice_goes_before_what_is_detected(tmp_path: Path) -> None:
    """`--profile` names a CNI, a version of it, a file, or none."""
    path = written(tmp_path, GOOD)
    titles = [
        choose(text).active("cilium", "v1.20.2").title
        for text in (None, "calico@3.32.0", "cilium@v1.15.1", str(path), f"{path}@1.2", "none")
    ]

    assert titles == ["cilium 1.20.2", "calico 3.32.0", "cilium 1.15.1", "acme 1.20.2", "acme 1.2", "no CNI"]


def test_a_profile_that_nobody_has_is_bad_input() -> None:
    """The remedy names what was probably meant."""
    with pytest.raises(UsageError, match="no profile is called 'cillium'") as raised:
        choose("cillium")

    assert raised.value.remedy == "did you mean 'cilium'?"


def test_an_unknown_version_is_told_in_every_report() -> None:
    """Whoever reads a LEAK must see that entries were left out, and how to bring them in."""
    (note,) = choose(None).active("cilium", None).notes

    assert "depend on the version, which is not known (--profile cilium@VERSION)" in note
