from __future__ import annotations

import pytest

from ingest.errors import (
    BreakerOpenError,
    IngestError,
    LayerLoopError,
    Origin,
    RemoteError,
    ThrottledError,
    TimedOutError,
    nearest,
)

ORIGIN = Origin("yahoo", "a.example", "NYSE:A, NYSE:B")


def remote_errors(kind: type[RemoteError] = RemoteError) -> set[type[RemoteError]]:
    below = {one for child in kind.__subclasses__() for one in remote_errors(child)}
    return {*kind.__subclasses__(), *below}


def test_a_remote_error_names_source_host_subject_problem_and_action() -> None:
    error = TimedOutError(ORIGIN, "no data", "try again later")
    assert str(error) == "yahoo (a.example), NYSE:A, NYSE:B: no data; try again later"
    assert isinstance(error, IngestError)


def test_an_error_of_a_connection_is_repeated_for_each_symbol_that_it_carried() -> None:
    error = ThrottledError(ORIGIN, "status 429", "wait", retry_after_s=7.0, is_transient=False)
    own = error.with_subject("NYSE:B")
    assert isinstance(own, ThrottledError)
    assert str(own) == "yahoo (a.example), NYSE:B: status 429; wait"
    assert (own.retry_after_s, own.is_transient, own.origin.subject) == (7.0, False, "NYSE:B")
    assert error.origin is ORIGIN


def test_only_failures_of_the_host_count_against_it() -> None:
    counting = {kind.__name__ for kind in remote_errors() if kind.counts_against_host}
    assert counting == {"UnreachableError", "TimedOutError", "ThrottledError", "ServerFaultError"}
    assert not BreakerOpenError(ORIGIN, "not requested", "wait").counts_against_host


def test_what_a_moment_may_change_is_requested_again_and_what_is_wrong_is_not() -> None:
    transient = {kind.__name__ for kind in remote_errors() if kind.is_transient}
    assert transient == {
        "UnreachableError", "TimedOutError", "ServerFaultError", "UnreadableError", "IncompleteError"
    }  # fmt: skip


def test_a_loop_of_layers_keeps_their_order() -> None:
    error = LayerLoopError("scanners.csv", ("presets/two", "presets/one"))
    assert error.names == ("presets/two", "presets/one")
    assert str(error) == "scanners.csv: the layers extend each other in a loop: presets/two, presets/one"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("yahooo", "did you mean 'yahoo'?"), ("zzz", "valid: binance, yahoo"), ("", "valid: binance, yahoo")],
)
def test_the_nearest_name_is_named_or_all_are_listed(name: str, hint: str) -> None:
    assert nearest(name, ["yahoo", "binance", "yahoo"]) == hint
