"""What deploy/ and the pages say is so: settings, commands and ports exist, and each kind of file is judged by the
tool that reads it.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import typer
import yaml

from tests.conftest import ROOT
from uptake.cli import app
from uptake.engines import refuse_role
from uptake.settings import SETTINGS, load

helm_python = pytest.importorskip("helm_python", reason="Helm's library is there for Linux on x86-64 alone")

DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "uptake"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
PORT = next(each.default for each in SETTINGS if each.name == "UPTAKE_PORT")
BESIDE = {"UPTAKE_CHROMIUM", "UPTAKE_SITE", "UPTAKE_SOAK_ROUNDS", "UPTAKE_TEST_CLICKHOUSE_URL"}
"""Variables of the tests."""


def tool(name: str) -> str:
    """A program of this environment."""
    return str(Path(sys.executable).parent / name)


def said(*command: str) -> tuple[int, str]:
    """Exit code and everything that a program said."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


PLAIN = {
    "UPTAKE_PUBLIC_URL": "",
    "UPTAKE_TRUSTED_PROXIES": "172.16.0.0/12",
    "UPTAKE_META_URL": "postgresql://uptake:secret@db/uptake",
    "UPTAKE_STORE_URL": "clickhouse://uptake:secret@ch:8123/uptake",
    "UPTAKE_SECRET_KEY": "k" * 40,
}
"""What Compose puts in the place of its variables."""


# ---- names
@pytest.mark.parametrize("path", [*PAGES, *FILES], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_setting_that_is_named_exists(path):
    """A setting that a page or a file names is one of the table, or begins one (`UPTAKE_OIDC_…`)."""
    known = {each.name for each in SETTINGS} | BESIDE

    named = set(re.findall(r"\bUPTAKE_[A-Z0-9_]+\b", path.read_text()))

    begun = {name for name in named if name.endswith("_") and any(each.startswith(name) for each in known)}
    assert named - known - begun == set()


@pytest.mark.parametrize("path", [*PAGES, *FILES], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_named_exists(path):
    """`uptake word …` in a page or a file is a command, and so are its options."""
    text = path.read_text()

    unknown = [line for line in lines_of_code(text, is_page=path.suffix == ".md") for _ in faults_of(line)]

    assert unknown == []


def test_a_command_that_is_not_there_is_seen():
    """A misspelt command, a misspelt part of one and an option that it does not take are each found."""
    for line in ("uptake serv", "uptake key make", "sudo -u uptake /opt/uptake/bin/uptake serve --hosts x"):
        assert list(faults_of(line)), line
    for line in ("uptake key create --kind read", "TOKEN=$(uptake key create --kind read)", "uptake serve", "a uptake"):
        assert not list(faults_of(line)), line


def lines_of_code(text: str, *, is_page: bool) -> list[str]:
    """The lines of a page's code, in blocks and in the running text; of another file all lines."""
    if not is_page:
        return [line.split("#", 1)[-1] if line.lstrip().startswith("#") else line for line in text.splitlines()]
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", prose)


def faults_of(line: str) -> Iterator[str]:
    """What of the commands in a line does not exist."""
    for words in re.findall(r"(?:^|[\s(/`])uptake (?=([a-z][a-z-]*(?: [^|;#)`]*)?(?:$|[|;#)`])))", line):
        yield from _unknown(re.split(r"[\s|;#)`]+", words.strip("|;#)` ")))


def _unknown(words: list[str]) -> Iterator[str]:
    command = typer.main.get_command(app)
    if words[0] == "uptake":  # a user, a service or a release that is called so
        return
    while words and hasattr(command, "commands"):
        word = words.pop(0)
        if word not in command.commands:
            yield word
            return
        command = command.commands[word]
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help"}
    yield from (word for word in words if word.startswith("--") and word.split("=")[0] not in options)


def test_one_port_is_named_everywhere():
    """What the image exposes, the chart probes, and compose and the proxies reach is the port of the settings."""
    read = {path.relative_to(DEPLOY).as_posix(): path.read_text() for path in FILES}

    named = re.findall(r"EXPOSE (\d+)", read["Containerfile"])
    named += re.findall(r"'UPTAKE_PORT', '(\d+)'", read["Containerfile"])
    named += re.findall(r"containerPort: (\d+)", read["helm/uptake/templates/_pod.tpl"])
    named += re.findall(r'"127.0.0.1:\d+:(\d+)"', read["compose.yaml"])
    named += re.findall(r"dynamic a web (\d+)", read["proxy/Caddyfile.scaled"])
    for proxy in ("Caddyfile", "nginx.conf"):
        named += re.findall(r"127\.0\.0\.1:(\d+)", read[f"proxy/{proxy}"])

    assert len(named) == 7
    assert set(named) == {PORT}


# ---- the container
def test_the_containerfile_is_sound():
    """hadolint finds nothing in it."""
    assert said(tool("hadolint"), str(DEPLOY / "Containerfile")) == (0, "")


def test_everything_the_image_copies_is_let_in():
    """What a COPY takes from the checkout exists, and the ignore file lets it in."""
    image = (DEPLOY / "Containerfile").read_text()
    let_in = {line[1:] for line in (DEPLOY / "Containerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}

    copied = [word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", image, re.MULTILINE) for word in line.split()]

    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert [name for name in copied if not any(each == name or each.startswith(f"{name}/") for each in let_in)] == []
    assert [name for name in let_in if not (ROOT / name).exists()] == []


def test_the_image_runs_as_nobody_in_particular():
    """The last stage changes to a numeric user, keeps data in the one volume, and starts the server."""
    last = (DEPLOY / "Containerfile").read_text().rpartition("\nFROM ")[2]

    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert re.findall(r"^VOLUME (.*)$", last, re.MULTILINE) == ["/data"]
    assert "UPTAKE_DATA_DIR=/data" in last
    assert last.rstrip().endswith('ENTRYPOINT ["uptake"]\nCMD ["serve"]')


@pytest.mark.parametrize(
    ("name", "services"), [("compose.yaml", {"uptake"}), ("compose.scaled.yaml", {"web", "worker"})]
)
def test_compose_files_are_sound(name, services):
    """Each is valid under Compose's schema, and Uptake runs confined: read-only, without capabilities, one place."""
    path = DEPLOY / name

    told = said(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path))
    ours = {
        key: each for key, each in yaml.safe_load(path.read_text())["services"].items() if each["image"] == "uptake"
    }

    assert told[0] == 0, told[1]
    assert set(ours) == services
    for each in ours.values():
        assert each["read_only"] is True
        assert each["cap_drop"] == ["ALL"]
        assert each["user"].split(":")[0] in (DEPLOY / "Containerfile").read_text()
        places = [place.split(":")[-1] for place in each.get("volumes", [])] + each["tmpfs"]
        assert [place.split(":")[0] for place in places if place != "/tmp"] == ["/data"]
        assert (path.parent / each["build"]["context"] / each["build"]["dockerfile"]).is_file()


def test_the_scaled_form_says_what_every_role_needs():
    """Both roles are given what `uptake serve` would refuse to go without, and every server that is named is there."""
    scaled = yaml.safe_load((DEPLOY / "compose.scaled.yaml").read_text())
    names = {word for each in scaled["services"].values() for word in each.get("depends_on", [])}

    for role in ("web", "worker"):
        given = scaled["services"][role]
        assert given["command"] == ["serve", "--role", role]
        refuse_role(load({**given["environment"], "UPTAKE_ROLE": role, "UPTAKE_METRICS_TOKEN": ""} | PLAIN))
    assert names <= set(scaled["services"])
    assert {"n1", "n2", "n3", "db", "ch"} <= names


# ---- systemd
@pytest.fixture
def unit(tmp_path):
    """The unit with a program that is there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    text = (DEPLOY / "systemd" / "uptake.service").read_text()
    made = tmp_path / "uptake.service"
    made.write_text(text.replace("/opt/uptake/bin/uptake", "/bin/true"))
    return made


def test_the_unit_is_understood(unit):
    """systemd has nothing to say against it."""
    assert said("systemd-analyze", "verify", "--man=no", str(unit)) == (0, "")


def test_the_unit_is_hardened(unit):
    """systemd's own measure of exposure (0 to 10) is below 1.5."""
    code, told = said("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", str(unit))

    assert code == 0, told


# ---- Kubernetes
EVERYTHING = {
    "settings": {"UPTAKE_THREADS": 4, "UPTAKE_LOG_LEVEL": "debug"},
    "secrets": {"UPTAKE_METRICS_TOKEN": "x" * 40, "UPTAKE_META_URL": 'postgresql://u:"p@db/uptake'},
    "storage": {"className": "fast", "size": "100Gi"},
    "ingress": {"enabled": True, "host": "uptake.example.com", "className": "nginx", "tlsSecret": "uptake-tls"},
    "podMonitor": {"enabled": True},
    "networkPolicy": {"enabled": True, "from": [{"namespaceSelector": {}}]},
    "podAnnotations": {"a": "b"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "uptake", "operator": "Exists"}],
    "imagePullSecrets": [{"name": "registry"}],
}
SPLIT = {
    "roles": {"split": True, "worker": {"replicas": 3}},
    "secrets": dict.fromkeys(("UPTAKE_META_URL", "UPTAKE_LOG_URL", "UPTAKE_STORE_URL", "UPTAKE_SECRET_KEY"), "x" * 40),
}
OTHERS = {"PodMonitor"}
"""Kinds that Kubernetes itself does not know."""


def rendered(values):
    """Every object that the chart makes, by its kind."""
    with helm_python.Chart.load(str(CHART)) as chart:
        texts = chart.render(values, name="demo", namespace="prod")
    objects = [each for name, text in texts.items() if name.endswith(".yaml") for each in yaml.safe_load_all(text)]
    return [each for each in objects if each]


def of_kind(made, kind):
    """The only object of a kind."""
    (found,) = [each for each in made if each["kind"] == kind]
    return found


@pytest.mark.parametrize(
    "values", [{}, EVERYTHING, {"existingSecret": "mine"}], ids=["nothing", "everything", "secret"]
)
def test_helm_lints_the_chart(values):
    """Helm's own lint, strictly, has neither an error nor a warning."""
    report = helm_python.lint(str(CHART), values, strict=True)

    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] > 1] == []


@pytest.mark.parametrize("version", ["1.29", "1.33", "1.37"])
@pytest.mark.parametrize("values", [{}, EVERYTHING, EVERYTHING | SPLIT], ids=["none", "all", "roles"])
def test_kubernetes_would_take_what_the_chart_makes(values, version):
    """Every object is valid under that version's schema, with no field that it does not know."""
    made = rendered(values)

    assert {"StatefulSet", "Service"} <= {each["kind"].replace("Deployment", "StatefulSet") for each in made}
    for each in made:
        if each["kind"] not in OTHERS:
            kubernetes_validate.validate(each, version, strict=True)


def test_the_pod_is_confined():
    """Not root, a read-only root, no capability, no token of the cluster, and one volume that stays."""
    pod = of_kind(rendered({}), "StatefulSet")["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert str(pod["securityContext"]["runAsUser"]) in (DEPLOY / "Containerfile").read_text()
    assert {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("readiness", "liveness")} == {
        "readiness": "/readyz",
        "liveness": "/healthz",
    }


def test_what_the_chart_is_told_arrives():
    """Settings as variables, secrets from a Secret, and the ingress' name as the public address."""
    made = rendered(EVERYTHING)
    (container,) = of_kind(made, "StatefulSet")["spec"]["template"]["spec"]["containers"]

    given = {each["name"]: each["value"] for each in container["env"]}

    assert given["UPTAKE_THREADS"] == "4"
    assert given["UPTAKE_PUBLIC_URL"] == "https://uptake.example.com"
    assert set(given) <= {each.name for each in SETTINGS}
    secret = of_kind(made, "Secret")
    assert secret["stringData"]["UPTAKE_META_URL"] == 'postgresql://u:"p@db/uptake'
    assert container["envFrom"] == [{"secretRef": {"name": secret["metadata"]["name"]}}]


def test_roles_are_pods_of_their_own():
    """Web nodes and workers as often as said, each with its role and no volume; the service leads to web nodes."""
    made = rendered(SPLIT)
    pods = {each["metadata"]["name"]: each["spec"] for each in made if each["kind"] == "Deployment"}
    service = of_kind(made, "Service")["spec"]["selector"].items()

    assert {name: spec["replicas"] for name, spec in pods.items()} == {"demo-uptake-web": 2, "demo-uptake-worker": 3}
    for name, spec in pods.items():
        (container,) = spec["template"]["spec"]["containers"]
        assert container["args"] == ["serve", "--role", name.rpartition("-")[2]]
        assert "persistentVolumeClaim" not in str(spec)
        assert (service <= spec["template"]["metadata"]["labels"].items()) == name.endswith("web")
        assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    assert [each for each in made if each["kind"] == "StatefulSet"] == []


@pytest.mark.parametrize(
    "values",
    [
        {"settings": {"THREADS": 4}},
        {"settings": {"UPTAKE_PORT": 1}},
        {"replicas": 2},
        {"storage": {"size": "big"}},
        {"roles": {"split": True}},
    ],
)
def test_values_that_mean_nothing_are_refused(values):
    """A misspelt setting, one that the chart decides, a second pod, a size that is none, roles without servers."""
    with pytest.raises(helm_python.HelmError):
        rendered(values)
