"""Checks the chart: lints it, renders it as a bank would, holds what comes out to the schemas of
Kubernetes and to our own rules, and starts the program as the rendered pod starts it.

    pip install helm-python-sdk==0.2.2 kubernetes-validate==1.37.0 pyyaml
    python deploy/helm/try.py target/release/clearline

No cluster is needed, and no helm: the first package is helm's own code.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import helm_python
import kubernetes_validate
import yaml

DEPLOY = pathlib.Path(__file__).parent.parent
CHART = DEPLOY / "helm" / "clearline"
RELEASES = ("1.30", "1.37")

# As helm counts: information is 1.
WARNING = 2

PEER = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "payments"}}}]
LEAST = {
    "image": {"repository": "registry.bank.example/clearline", "digest": "sha256:" + "0" * 64},
    "originDomain": "clearline.bank.example",
    "tls": {"secretName": "clearline-tls"},
    "access": (DEPLOY / "access.toml").read_text(),
}
CASES = {
    "least": LEAST,
    "three instances": {**LEAST, "replicas": 3, "drainMs": 20_001, "networkPolicy": {"callers": PEER}},
    "all": {
        **LEAST,
        "image": {**LEAST["image"], "pullSecrets": [{"name": "registry"}]},
        "settings": "[limits]\nconnections_max = 1_024\n",
        "tls": {"secretName": "clearline-tls", "revocations": True},
        "policy": {"configMap": "ours", "items": [{"key": "policy.toml", "path": "policy.toml"}]},
        "data": {"size": "1Ti", "storageClassName": "fast", "accessMode": "ReadWriteOnce"},
        "probes": {"by": "grpc", "grpcPort": 50052},
        "disruption": {"maxUnavailable": 0},
        "networkPolicy": {
            "callers": PEER,
            "monitoring": PEER,
            "egress": [{"ports": [{"port": 443, "protocol": "TCP"}]}],
        },
        "podAnnotations": {"bank.example/owner": "fraud"},
        "podLabels": {"tier": "payments"},
        "nodeSelector": {"disk": "nvme"},
        "tolerations": [{"key": "payments", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "extraContainers": [{"name": "proxy", "image": "registry.bank.example/proxy:1"}],
    },
}
# The keys of the secret, and what the test authority calls them.
FILES = {"tls.crt": "server.pem", "tls.key": "server.key", "ca.crt": "ca.pem", "crl.pem": "crl.pem"}
# What nobody may install.
REFUSED = {
    "nothing given": {},
    "an image by tag": {**LEAST, "image": {"repository": "clearline", "digest": "latest"}},
    "no certificates": {**LEAST, "tls": {"secretName": ""}},
    "nobody listed": {**LEAST, "access": ""},
    "a misspelt value": {**LEAST, "replica": 2},
    "two may go at once": {**LEAST, "disruption": {"maxUnavailable": 2}},
    "gRPC probes of no port": {**LEAST, "probes": {"by": "grpc"}},
}


# Whom the test authority has made, and what each is told by a pod that knows the callers of access.toml.
CALLERS = {
    "payments": "HOLD",
    "stranger": "CALLER_UNKNOWN",
    "revoked": "gives no connection",
    "expired": "gives no connection",
    "self-signed": "gives no connection",
    "nobody": "breaks off",
}


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    print(f"helm {helm_python.helm_sdk_version()}")
    for name, values in CASES.items():
        told = helm_python.lint(CHART, values, strict=True)
        bad = [each for each in told["messages"] if each["severity"] >= WARNING]
        expect(not bad, f"{name}: {bad}")
        documents = render(values)
        for document in documents:
            for release in RELEASES:
                kubernetes_validate.validate(document, release, strict=True)
        check(name, values, documents)
        print(f"  {name}: {', '.join(document['kind'] for document in documents)}")
    for name, values in REFUSED.items():
        try:
            render(values)
        except helm_python.HelmError:
            continue
        expect(False, f"{name}: it can be installed")
    print(f"  {len(REFUSED)} kinds of wrong values refused")
    start(program, render({**LEAST, "tls": {"secretName": "clearline-tls", "revocations": True}}))
    print(f"{len(CASES) + len(REFUSED) + 1} passed, 0 failed")


def render(values):
    with helm_python.Chart.load(CHART) as chart:
        rendered = chart.render(values, name="clearline", namespace="payments")
    texts = [text for name, text in sorted(rendered.items()) if name.endswith(".yaml")]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def check(name, values, documents):
    """Holds what comes out to what the chart promises."""
    found = {(each["kind"], each["metadata"]["name"]): each for each in documents}
    pod = found["StatefulSet", "clearline"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    inside = container["securityContext"]
    expect(pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0, "root")
    expect(inside["readOnlyRootFilesystem"] and not inside["allowPrivilegeEscalation"], "rights")
    expect(inside["capabilities"] == {"drop": ["ALL"]}, "capabilities")
    expect(pod["automountServiceAccountToken"] is False, "a token of the cluster")
    expect("cpu" not in container["resources"]["limits"], "a limit of CPU")
    expect("@sha256:" in container["image"], "an image that can be moved")
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    expect(all(mount.get("readOnly") for at, mount in mounts.items() if at != "data"), "writable settings")

    drain_s = values.get("drainMs", 10_000) / 1_000
    leaving_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace_s = pod["terminationGracePeriodSeconds"]
    expect(grace_s >= drain_s + leaving_s + 5, f"{name}: {grace_s} s are too few to drain in {drain_s} s")

    one = values.get("replicas", 1) == 1
    expect((("Service", "clearline") in found) == one, f"{name}: calls spread over logs that know no other")
    rules = found["NetworkPolicy", "clearline"]["spec"]
    expect(all(rule.get("from") for rule in rules["ingress"] or []), f"{name}: everyone may call")
    expect(rules["policyTypes"] == ["Ingress", "Egress"], f"{name}: a direction is left open")
    expect(("readinessProbe" in container) and ("startupProbe" in container), f"{name}: no probes")
    by = "grpc" if values.get("probes", {}).get("by") == "grpc" else "httpGet"
    expect(by in container["readinessProbe"], f"{name}: other probes")


def start(program, documents):
    """Starts the program with the pod's arguments and variables, and asks what its probes ask."""
    pods = [each for each in documents if each["kind"] == "StatefulSet"]
    settings = next(each for each in documents if each["kind"] == "ConfigMap")["data"]
    container = pods[0]["spec"]["template"]["spec"]["containers"][0]
    with tempfile.TemporaryDirectory() as root:
        root = pathlib.Path(root)
        mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
        for mount in mounts:
            (root / mount[1:]).mkdir()
        for file, text in settings.items():
            (root / "settings" / file).write_text(text)
        authority = root / "authority"
        subprocess.run([DEPLOY / "pki" / "make-test-authority.sh", authority], check=True, capture_output=True)
        for file, made in FILES.items():
            shutil.copy(authority / made, root / "tls" / file)
            # As a cluster mounts a secret: open to the pod's group.
            (root / "tls" / file).chmod(0o440)

        ports = {"50051": free_port(), "9464": free_port()}

        def here(text):
            for mount in mounts:
                if text == mount or text.startswith(mount + "/"):
                    return str(root) + text
            for port, free in ports.items():
                text = text.replace(f"0.0.0.0:{port}", f"127.0.0.1:{free}")
            return text.replace("$(POD_NAME)", "clearline-0")

        environment = {each["name"]: here(each["value"]) for each in container["env"] if "value" in each}
        arguments = [program, *(here(argument) for argument in container["args"])]
        service = subprocess.Popen(arguments, env=environment, cwd="/", stderr=subprocess.PIPE, text=True)
        try:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                asked = container[probe]["httpGet"]
                expect(asked["port"] == "admin", f"{probe} of another port")
                url = f"http://127.0.0.1:{ports['9464']}{asked['path']}"
                ask(service, url, probe)
                print(f"  {probe}: {asked['path']} answers 200")
            # Callers of access.toml come in by certificates of the secret's authority, and nobody else.
            address = f"127.0.0.1:{ports['50051']}"
            for caller, want in CALLERS.items():
                asked = [program, "screen", "--example", "--address", address]
                if caller != "nobody":
                    asked += ["--ca", "ca.pem", "--cert", f"{caller}.pem", "--key", f"{caller}.key"]
                told = subprocess.run(asked, cwd=authority, capture_output=True, text=True)
                said = told.stdout + told.stderr
                expect(want in said, f"{caller}: {said}")
                print(f"  {caller}: {want}")
        finally:
            service.send_signal(signal.SIGTERM)
            code = service.wait(30)
        expect(code == 0, f"it ended with {code}: {service.stderr.read()}")
        origin = (root / "data" / "clearline" / "version").read_text().splitlines()[1]
        expect(origin == "clearline-0.clearline.bank.example/decisions", f"the log is {origin}")
        print(f"  the log: {origin}")


def ask(service, url, probe):
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        expect(service.poll() is None, f"it does not start: {service.poll()} {probe}", service)
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    expect(False, f"{probe}: no answer")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def expect(holds, otherwise, service=None):
    if not holds:
        if service is not None:
            print(service.stderr.read(), file=sys.stderr)
        sys.exit(f"NOT AS EXPECTED: {otherwise}")


if __name__ == "__main__":
    os.environ.pop("CREDENTIALS_DIRECTORY", None)
    main()
