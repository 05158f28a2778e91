"""Another configuration for a running agent: all of it, or none of it."""

import gc
import logging
from collections.abc import Callable, Mapping

from agent.assembly import Assembly, Outline, Prepared
from agent.collector import settle_collector
from agent.config import Configuration
from agent.delivery import Courier
from agent.logs import speaking_of
from agent.rounds import Rounds
from models.errors import UserError

log = logging.getLogger("metalog")


class Reloading:
    """To be called by ``Rounds``.

    The new configuration is read and tried out first; where something is wrong with it, that is
    said in one line and everything stays as it is. Then each input that is another one now is saved
    and let go of, and goes on from its state as after a restart, in the same process: what was
    written meanwhile is read then. Inputs that are as they were are not disturbed, but look whether
    their bundle was replaced. Sinks that are as they were go on with what they have to deliver.

    read: the configuration as it is now; apply: uses what of it belongs to no input. A state folder
    stays where it is while its input runs.
    """

    def __init__(
        self,
        assembly: Assembly,
        read: Callable[[], Configuration],
        running: Configuration,
        outlines: dict[str, Outline],
        apply: Callable[[Configuration], None],
    ) -> None:
        self._assembly = assembly
        self._read = read
        self._running = running
        self._outlines = outlines
        self._apply = apply

    def __call__(self, rounds: Rounds) -> None:
        try:
            found = self._read()
            changed = self._changed(found)
        except UserError as error:
            log.warning("not reloaded, the configuration in use stays in use: %s", error)
            return
        wanted = {one.name for one in found.inputs}
        gone = [name for name in rounds.inputs if name not in wanted]
        going = [name for name in rounds.inputs if name in changed or name in gone]
        try:
            for name in going:
                with speaking_of(name):
                    rounds.inputs[name].save()
        except UserError as error:
            log.warning("not reloaded, the configuration in use stays in use: %s", error)
            for one in changed.values():
                one.drop()
            return
        for name in gone:
            with speaking_of(name):
                rounds.inputs.pop(name).hand_over(keep=())
                log.info("is no longer followed; its state is kept")
            del self._outlines[name]
        for name, watching in rounds.inputs.items():
            if name not in changed:
                watching.ask_for_bundle()
        for prepared in changed.values():
            self._replace(rounds, prepared)
        self._running = found
        self._assembly.bundles.forget()
        # What was set aside at the start may be of no use any more.
        gc.unfreeze()
        gc.collect()
        settle_collector()
        self._apply(found)
        log.info("the configuration was reloaded: %s", _told(found, changed, gone))

    def _changed(self, found: Configuration) -> dict[str, Prepared]:
        """Inputs to be started, ready for it. Raises UserError where not all of it can be."""
        for warning in found.warnings:
            log.warning("%s", warning)
        if not found.inputs:
            raise UserError(f"{found.file}: there is no input in it")
        changed: dict[str, Prepared] = {}
        try:
            for one in found.inputs:
                old = self._outlines.get(one.name)
                if old is not None and found.state_folder(one) != old.folder:
                    origin = found.origins["state_dir"]
                    said = one.origins["state_dir"] if one.keys.state_dir else origin
                    raise UserError(
                        f"{said.said}: a state cannot be moved while its agent runs: stop it, move "
                        f"{old.folder}, and start it again"
                    )
                prepared = self._assembly.prepare(found, one)
                if old is not None and _is_the_same(old, prepared.outline()):
                    prepared.drop()
                    continue
                changed[one.name] = prepared
                with speaking_of(one.name):
                    prepared.try_out()
        except UserError:
            for prepared in changed.values():
                prepared.drop()
            raise
        return changed

    def _replace(self, rounds: Rounds, prepared: Prepared) -> None:
        """Raises UserError where neither it nor what was there before can be started."""
        name, outline = prepared.name, prepared.outline()
        before = self._outlines.get(name)
        couriers: Mapping[str, Courier] = {}
        if before is not None:
            with speaking_of(name):
                couriers = rounds.inputs.pop(name).hand_over(keep=_same_sinks(before, outline))
        try:
            rounds.inputs[name] = self._assembly.start(prepared, couriers)
            self._outlines[name] = outline
        except UserError as error:
            # Only the state can be to blame: all else was tried out.
            with speaking_of(name):
                log.error("%s; it cannot go on as it is configured now", error)
            if before is not None:
                again = self._assembly.prepare(self._running, before.settings)
                rounds.inputs[name] = self._assembly.start(again, couriers)


def _is_the_same(old: Outline, new: Outline) -> bool:
    return old.settings.keys == new.settings.keys and old.plans == new.plans


def _same_sinks(old: Outline, new: Outline) -> set[str]:
    """Names of sinks that need not be disturbed."""
    if old.settings.keys.grouping != new.settings.keys.grouping:
        # It makes a difference to an Alertmanager whether anybody will say that an alert is over.
        return set()
    return {
        name for name, plan in new.plans.items() if name in old.plans and old.plans[name] == plan
    }


def _told(found: Configuration, changed: dict[str, Prepared], gone: list[str]) -> str:
    parts = []
    if changed:
        parts.append(f"begun anew: {', '.join(changed)}")
    if gone:
        parts.append(f"gone: {', '.join(gone)}")
    same = [one.name for one in found.inputs if one.name not in changed]
    if same:
        parts.append(f"as before: {', '.join(same)}")
    return "; ".join(parts)
