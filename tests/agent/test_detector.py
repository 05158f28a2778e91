from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detector import Detector
from agent.verdict import Verdict
from models.bundle import Bundle
from models.session_rule import SessionRule
from tests.agent.orders import NORMAL, ODD, session


def detector(bundle: Bundle, rule: SessionRule | None = None, threshold: float = 0.5) -> Detector:
    return Detector(bundle, rule=rule or bundle.manifest.rule, threshold=threshold, provider="cpu")


def judge(bundle: Bundle, lines: list[str], rule: SessionRule | None = None) -> list[Verdict]:
    judging = detector(bundle, rule, threshold=0.0)
    verdicts = judging.add("app.log", list(lines), 0.0)
    judging.close()
    return verdicts + judging.take()


def test_lines_of_interleaved_sessions_find_their_own(bundle: Bundle) -> None:
    first, second = session(1, *NORMAL), session(2, *ODD)
    mixed = [line for pair in zip(first, second, strict=False) for line in pair] + second[3:]
    together = {one.key: one for one in judge(bundle, mixed)}
    assert together["ord-1"].lines == 3
    assert together["ord-2"].lines == 4
    for lines, key in ((first, "ord-1"), (second, "ord-2")):
        [alone] = judge(bundle, lines)
        assert abs(alone.score - together[key].score) <= 1e-6


@given(st.lists(st.sampled_from([*NORMAL, *ODD]), min_size=1, max_size=12), st.integers(1, 11))
@settings(max_examples=40, deadline=None)
def test_how_lines_are_handed_over_changes_nothing(
    bundle: Bundle, words: list[str], cut: int
) -> None:
    lines = session(1, *words)
    whole, parts = detector(bundle, threshold=0.0), detector(bundle, threshold=0.0)
    whole.add("a", lines, 0.0)
    parts.add("a", lines[:cut], 0.0)
    parts.take_templates()
    parts.add("a", lines[cut:], 1.0)
    for one in (whole, parts):
        one.close()
    [expected], [got] = whole.take(), parts.take()
    assert got.lines == expected.lines
    assert abs(got.score - expected.score) <= 1e-6


def test_an_event_that_the_bundle_does_not_know_is_named_as_new(bundle: Bundle) -> None:
    [verdict] = judge(bundle, session(7, "opened", "exploded"))
    new = [one.template for one in verdict.weighed if one.new]
    assert new == ["shop[<NUM>]: order <KEY> exploded"]
    weights = [one.weight for one in verdict.weighed]
    assert weights == sorted(weights, reverse=True)


def test_a_session_is_over_when_nothing_came_for_the_idle_time(bundle: Bundle) -> None:
    judging = detector(bundle, bundle.manifest.rule.overridden(idle=5.0))
    judging.add("a", session(1, *NORMAL), now=100.0)
    judging.idle(104.9)
    assert judging.take() == []
    judging.idle(105.0)
    assert [one.key for one in judging.take()] == ["ord-1"]


def test_lines_without_a_key_are_counted_and_left_out(bundle: Bundle) -> None:
    judging = detector(bundle)
    judging.add("a", ["Mar  1 12:00:00 web cron[1]: nothing to do", ""], 0.0)
    assert (judging.lines_read, judging.lines_without_session, len(judging.sessions)) == (2, 1, 0)


def test_a_line_of_another_format_is_taken_whole_and_counted(bundle: Bundle) -> None:
    [verdict] = judge(bundle, ["ord-9 exploded"])
    assert (verdict.lines, verdict.first_time) == (1, None)


def test_the_threshold_itself_is_anomalous(bundle: Bundle) -> None:
    [found] = judge(bundle, session(1, *ODD))
    judging = detector(bundle, threshold=found.score)
    judging.add("a", session(1, *ODD), 0.0)
    judging.close()
    assert [one.anomalous for one in judging.take()] == [True]
