"""What a courier says of its sink, as figures."""

from agent.delivery import Courier
from agent.metrics.snapshot import SinkFigures


def sink_figures(courier: Courier) -> SinkFigures:
    report, backlog = courier.report(), courier.backlog()
    return SinkFigures(
        delivered=report["delivered"],
        failed=report["failed_attempts"],
        dropped=report["dropped"],
        alerts=backlog.alerts,
        bytes=backlog.bytes,
        waits_since=backlog.waits_since,
        disabled="disabled" in report,
        problem=report.get("problem", ""),
    )
