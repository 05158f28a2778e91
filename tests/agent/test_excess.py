from agent.excess import Excess

DAY = 86_400.0


def test_it_is_said_once_a_day_while_every_fifth_session_is_anomalous() -> None:
    excess = Excess()
    assert not any(excess.is_news(True, 0.0) for _ in range(499)), "too few to say"
    assert excess.is_news(False, 1.0)
    assert not excess.is_news(True, DAY), "said already"
    assert excess.is_news(True, DAY + 1)


def test_what_is_rare_is_nothing_to_tell() -> None:
    excess = Excess()
    assert not any(excess.is_news(place % 6 == 0, float(place)) for place in range(5000))
    assert excess.anomalous in (83, 84)


def test_old_sessions_are_forgotten() -> None:
    excess = Excess()
    for _ in range(300):
        excess.is_news(True, 0.0)
    assert not any(excess.is_news(False, 1.0) for _ in range(499 - 300))
    assert sum(excess.is_news(False, 2.0) for _ in range(250)) == 1
    assert excess.anomalous == 51
