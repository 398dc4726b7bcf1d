"""A renaming maps a scenario's namespaces to run-unique ones, and back, without loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scenario.names import is_dns1123_label
from harness.scenario.rename import PREFIX_LIMIT, Renaming

_LABELS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
_LONG = st.from_regex(r"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffff[a-z0-9]{9}", fullmatch=True)
_NAMES = st.lists(_LABELS | _LONG, unique=True, max_size=8)
_PREFIXES = st.from_regex(r"np-[a-z0-9]{1,10}", fullmatch=True)


@given(_NAMES, _PREFIXES)
def test_real_names_are_valid_and_all_different(names: list[str], prefix: str) -> None:
    """Names of 63 characters that differ in their last one only must stay apart."""

    real = [Renaming.build(names, prefix).real(name) for name in names]

    assert (len(set(real)), [name for name in real if not is_dns1123_label(name)]) == (len(names), [])


@given(_NAMES, _PREFIXES)
def test_written_undoes_real(names: list[str], prefix: str) -> None:
    """Reports speak of the names that the author wrote."""

    renaming = Renaming.build(names, prefix)

    assert [renaming.written(renaming.real(name)) for name in names] == names


@given(_NAMES, _PREFIXES)
def test_endpoints_are_renamed_in_their_namespace_alone_and_back(names: list[str], prefix: str) -> None:
    """A pod keeps its name."""

    renaming = Renaming.build(names, prefix)
    endpoints = [f"{name}/{name}" for name in names]

    assert [renaming.real_endpoint(endpoint) for endpoint in endpoints] == [
        f"{renaming.real(name)}/{name}" for name in names
    ]
    assert [renaming.written_endpoint(renaming.real_endpoint(endpoint)) for endpoint in endpoints] == endpoints


@given(_NAMES, _PREFIXES)
def test_the_order_of_namespaces_does_not_matter(names: list[str], prefix: str) -> None:
    """Two readings of one scenario meet the same names."""

    assert Renaming.build(reversed(names), prefix) == Renaming.build(names, prefix)


@given(_NAMES, _PREFIXES, _PREFIXES)
def test_runs_with_different_prefixes_never_meet(names: list[str], prefix: str, other: str) -> None:
    """Prefixes of one length and different text give different names, cut ones included."""

    mine = {Renaming.build(names, f"a{prefix}").real(name) for name in names}
    theirs = {Renaming.build(names, f"b{other}").real(name) for name in names}

    assert mine & theirs == set()


def test_a_short_name_stays_readable() -> None:
    """The prefix is the run's, the rest the author's."""

    assert Renaming.build(["shop"], "np-1a2b").real("shop") == "np-1a2b-shop"


def test_a_prefix_may_bring_its_dash() -> None:
    """`np-1a2b-` and `np-1a2b` are the same run."""

    assert Renaming.build(["shop", "x" * 63], "np-1a2b-") == Renaming.build(["shop", "x" * 63], "np-1a2b")


def test_a_long_name_is_cut_and_closed_with_a_digest() -> None:
    """At most 63 characters, and never two dashes where the cut fell behind one."""

    name = "a" * 42 + "-" + "b" * 20
    real = Renaming.build([name], "np-1a2b3").real(name)

    assert (real[:52], len(real)) == ("np-1a2b3-" + "a" * 42 + "-", 62)
    assert real[52:].isalnum()


def test_a_name_that_looks_like_the_cut_form_of_another_is_kept_apart() -> None:
    """Somebody may write down what a former run called its namespace."""

    long = "x" * 63
    cut = Renaming.build([long], "np").real(long)
    renaming = Renaming.build([long, cut.removeprefix("np-")], "np")

    assert len({renaming.real(long), renaming.real(cut.removeprefix("np-"))}) == 2


def test_a_name_may_be_what_another_becomes() -> None:
    """`np-shop` beside `shop`: each is renamed once."""

    renaming = Renaming.build(["shop", "np-shop"], "np")

    assert [renaming.real("shop"), renaming.real("np-shop")] == ["np-shop", "np-np-shop"]
    assert [renaming.written("np-shop"), renaming.written("np-np-shop")] == ["shop", "np-shop"]


def test_names_of_others_and_externals_stand_for_themselves() -> None:
    """`kube-system` is no namespace of the scenario, and an external lives in none."""

    renaming = Renaming.build(["shop"], "np")

    assert [
        renaming.real("kube-system"),
        renaming.written("kube-system"),
        renaming.real_endpoint("office"),
        renaming.real_endpoint("kube-system/dns"),
    ] == ["kube-system", "kube-system", "office", "kube-system/dns"]


def test_the_identity_changes_no_name() -> None:
    """With `--verbatim-namespaces` everything is called what the author calls it."""

    renaming = Renaming.identity()

    assert [renaming.real("shop"), renaming.written("shop"), renaming.label_value("shop")] == ["shop"] * 3


@pytest.mark.parametrize("prefix", ["", "-", "np--", "NP", "a.b", "p" * (PREFIX_LIMIT + 1)])
def test_a_prefix_that_makes_no_names_is_refused(prefix: str) -> None:
    """It comes from the run, not from an author: a mistake of ours."""

    with pytest.raises(ValueError, match="no prefix"):
        Renaming.build(["shop"], prefix)


def test_two_namespaces_cannot_share_a_name() -> None:
    """A renaming that loses a namespace would judge one by the pods of the other."""

    with pytest.raises(ValueError, match="share one name"):
        Renaming({"a": "x", "b": "x"})
