"""Contributions against the scorer itself, with the network of a tiny bundle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bundle import Bundle
from models.contribution import contributions, log_odds
from models.scorer import Scorer
from tests.models.pumps import TEMPLATES, write_pumps

_SESSIONS = st.lists(
    st.lists(st.integers(0, len(TEMPLATES) - 1), min_size=1, max_size=12), min_size=1, max_size=6
)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return Scorer(Bundle.load(write_pumps(tmp_path_factory.mktemp("bundles") / "pumps")), "cpu")


@given(_SESSIONS)
def test_it_is_what_the_score_loses_without_the_event(
    scorer: Scorer, sessions: list[list[int]]
) -> None:
    scores = scorer.score(sessions)
    found = contributions(scorer, sessions, scores)
    for session, score, named in zip(sessions, scores, found, strict=True):
        assert set(named) == set(session)
        assert list(named.values()) == sorted(named.values(), reverse=True)
        for event, contribution in named.items():
            left = [one for one in session if one != event]
            without = scorer.score([left])[0].probability if left else 0.5
            expected = log_odds(score.probability) - log_odds(without)
            assert contribution == pytest.approx(expected, abs=1e-4)


def test_nothing_to_explain_is_no_error(scorer: Scorer) -> None:
    assert contributions(scorer, [], []) == []


def test_a_long_session_of_many_events_is_looked_at_in_part(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.contribution.MOST_EVENTS", 2)
    monkeypatch.setattr("models.contribution._FEWEST_EVENTS", 1)
    session = [0, 1, 2, 3]
    scores = scorer.score([session])
    [found] = contributions(scorer, [session], scores)
    by_attention = sorted(session, key=lambda event: -scores[0].weights[event])
    assert set(found) == set(by_attention[:2])


def test_log_odds_are_bounded() -> None:
    assert log_odds(0.5) == 0
    assert -17 < log_odds(0.0) < log_odds(0.3) < log_odds(1.0) < 17
