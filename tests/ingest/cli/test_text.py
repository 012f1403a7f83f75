from __future__ import annotations

from ingest.cli.text import render


def test_a_document_is_one_line_for_a_value_and_one_for_each_row() -> None:
    document = {
        "as_of": "2024-03-08",
        "landing": {"seconds": 1.005, "quarantined": {"not_positive": 2, "future_session": 1}, "failures": {}},
        "coverage": [{"source": "files", "n_symbols": 2}, {"source": "yahoo", "venues": ["NYSE", "NASDAQ"]}],
    }
    assert render(document, "SIMULATED").splitlines() == [
        "SIMULATED",
        "as_of: 2024-03-08",
        "landing:",
        "  seconds: 1.00",
        "  quarantined: not_positive 2, future_session 1",
        "  failures: none",
        "coverage: 2",
        "  source files  n_symbols 2",
        "  source yahoo  venues NYSE,NASDAQ",
    ]


def test_real_data_have_no_label() -> None:
    assert render({"failures": []}, "") == "failures: 0\n"
