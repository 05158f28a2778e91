"""Manifests and the Dockerfile, as far as that can be seen without a cluster or a Docker daemon."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.agent.orders import NORMAL, line, session
from tests.agent.running import AGENT, append, until, watching

STAMP = "2016-10-06T00:17:09.669794202Z stdout"
PACKAGING = Path(__file__).parents[2] / "packaging"
MANIFEST = PACKAGING / "kubernetes" / "daemonset.yaml"
DOCKERFILE = PACKAGING / "docker" / "Dockerfile"


@pytest.fixture
def manifests() -> dict[str, dict[str, Any]]:
    """By kind."""
    yaml = pytest.importorskip("yaml")
    found = list(yaml.safe_load_all(MANIFEST.read_text()))
    return {one["kind"]: one for one in found}


@pytest.mark.parametrize("file", [MANIFEST, DOCKERFILE])
def test_each_says_at_its_top_that_it_was_not_run(file: Path) -> None:
    assert re.match(r"# NOT (BUILT AND NOT )?RUN ", file.read_text())


def test_the_pod_may_read_logs_and_nothing_else(manifests: dict[str, dict[str, Any]]) -> None:
    pod = manifests["DaemonSet"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    [container] = pod["containers"]
    rights = container["securityContext"]
    assert rights["readOnlyRootFilesystem"] is True
    assert rights["allowPrivilegeEscalation"] is rights["privileged"] is False
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"] == "1Gi"
    mounts = {one["name"]: one for one in container["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert set(mounts) == set(volumes)
    for name, volume in volumes.items():
        if "hostPath" in volume and name != "state":
            assert mounts[name]["readOnly"] is True
    assert volumes["logs"]["hostPath"]["path"] == mounts["logs"]["mountPath"] == "/var/log"


def test_what_belongs_together_has_one_name(manifests: dict[str, dict[str, Any]]) -> None:
    assert set(manifests) == {"Namespace", "ServiceAccount", "ConfigMap", "DaemonSet"}
    spec = manifests["DaemonSet"]["spec"]
    pod = spec["template"]
    assert spec["selector"]["matchLabels"] == pod["metadata"]["labels"]
    account = manifests["ServiceAccount"]["metadata"]
    assert pod["spec"]["serviceAccountName"] == account["name"]
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
    assert volumes["config"]["configMap"]["name"] == manifests["ConfigMap"]["metadata"]["name"]
    named = manifests.values()
    spaces = {one["metadata"].get("namespace", one["metadata"]["name"]) for one in named}
    assert spaces == {"metalog"}


def test_the_configuration_reads_containers_but_not_the_agents_own(
    manifests: dict[str, dict[str, Any]],
) -> None:
    given = tomllib.loads(manifests["ConfigMap"]["data"]["agent.toml"])
    [[name, one]] = given["inputs"].items()
    assert name == "containers"
    assert one["paths"] == ["/var/log/containers/*.log"]
    assert one["exclude"] == ["metalog-agent-*.log"]


def test_the_image_runs_as_nobody_in_particular() -> None:
    text = DOCKERFILE.read_text()
    last = text.rpartition("\nFROM ")[2]
    user = re.search(r"^USER (\S+)$", last, re.MULTILINE)
    # A number, so that runAsNonRoot can be checked.
    assert user and user[1].isdecimal() and int(user[1]) > 0
    assert "HEALTHCHECK" in last
    assert "pip install" not in last
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for name in source.split():
            assert (PACKAGING.parent / name).exists(), name


def test_a_node_is_read_as_the_configuration_asks_for(bundle_path: Path, tmp_path: Path) -> None:
    """Links and rotation as the kubelet makes them; lines as containerd writes them."""
    pods, links = tmp_path / "pods" / "shop_web-0_1f3a" / "web", tmp_path / "containers"
    pods.mkdir(parents=True)
    links.mkdir()
    log = pods / "0.log"
    log.touch()
    (links / "web-0_shop_web-8d2c.log").symlink_to(log)
    own = links / "metalog-agent-x7_metalog_agent-99.log"
    own.write_text(f"{STAMP} F {line(99, 'opened')}\n")
    with watching(
        links / "*.log", "--exclude", "metalog-agent-*.log", "--bundle", bundle_path,
        "--state-dir", tmp_path / "state", "--no-grouping", "--threshold", 0,
        "--end-regex", "shipped", "--from-beginning",
    ) as agent:  # fmt: skip
        opened, paid, shipped = session(1, *NORMAL)
        append(log, [f"{STAMP} F {opened}", f"{STAMP} P {paid[:20]}"])
        status = [AGENT, "status", "--state-dir", str(tmp_path / "state"), "--json"]
        until(lambda: b'"lines_read": 1' in subprocess.run(status, capture_output=True).stdout)
        # The runtime goes on in the old file until the kubelet tells it of the new one.
        log.rename(pods / "0.log.20261124-090000")
        append(pods / "0.log.20261124-090000", [f"{STAMP} F {paid[20:]}"])
        append(log, [f"{STAMP} F {shipped}"])
        alert = agent.alerts.get(timeout=60)
        assert (alert["key"], alert["lines"]) == ("ord-1", 3)
        assert agent.stop() == []
