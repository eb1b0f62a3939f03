"""Looks at what make java-release built, and resolves it from there as a user's build would.

check_release.py BUILD VERSION PYTHON: the folder with the repository, its version, the interpreter
for a task's workers.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[3]
MAIN = ROOT / "bindings/java/src/main"
POM = "{http://maven.apache.org/POM/4.0.0}"
#: ELF's number of the machine, by the JVM's name of it.
MACHINES = {"amd64": 62, "aarch64": 183}
NATIVES = ("libudfrunner.so", "libudfrunner_jni.so")
IMAGE = "META-INF/native-image/org.udfrunner/udfrunner"
#: Letters of JNI's signatures.
PRIMITIVES = {"I": "int", "J": "long", "B": "byte", "Z": "boolean"}


def run(*command: object) -> str:
    """A command's stdout; what it wrote, where it fails."""
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def check_checksums(folder: Path, names: set[str]) -> None:
    """Every file has its checksums beside it, and there is nothing else but signatures."""
    for name in names:
        content = (folder / name).read_bytes()
        for kind in ("md5", "sha1"):
            said = (folder / f"{name}.{kind}").read_text()
            assert said == hashlib.new(kind, content).hexdigest(), f"{name}.{kind}"
    there = {path.name for path in folder.iterdir() if path.suffix not in (".md5", ".sha1", ".asc")}
    assert there == names, there ^ names


def check_pom(pom: Path, version: str) -> None:
    """What Maven Central asks of a POM."""
    project = ElementTree.parse(pom).getroot()

    def text(path: str) -> str:
        found = project.findtext("/".join(POM + part for part in path.split("/")))
        assert found, f"{pom.name} has no {path}"
        return found

    assert text("groupId") == "org.udfrunner" and text("version") == version
    for path in ("name", "description", "url", "developers/developer/name", "issueManagement/url"):
        text(path)
    for path in ("scm/connection", "scm/developerConnection", "scm/url"):
        assert "//" in text(path), path
    assert text("licenses/license/name") == "Apache-2.0" and text("licenses/license/url")
    scopes = {scope.text for scope in project.iter(f"{POM}scope")}
    assert scopes <= {"provided", "test"}, f"the jar needs nothing at run time: {scopes}"


def check_jar(jar: Path) -> None:
    """Classes, both architectures, licenses, the module's name, what native images need."""
    with zipfile.ZipFile(jar) as archive:
        for machine, number in MACHINES.items():
            for name in NATIVES:
                content = archive.read(f"org/udfrunner/native/linux-{machine}/{name}")
                assert content[:4] == b"\x7fELF", name
                assert int.from_bytes(content[18:20], "little") == number, (machine, name)
                versions = re.findall(rb"\0GLIBC_2\.(\d+)(?:\.\d+)?(?=\0)", content)
                assert max(map(int, versions)) <= 28, (machine, name, versions)
        for name in ("LICENSE", "NOTICE"):
            assert archive.read(f"META-INF/{name}") == (ROOT / name).read_bytes(), name
        manifest = archive.read("META-INF/MANIFEST.MF").decode()
        assert "Automatic-Module-Name: org.udfrunner\r\n" in manifest, manifest
        for file in ("jni", "reflect", "resource"):
            json.loads(archive.read(f"{IMAGE}/{file}-config.json"))
        entries = json.loads(archive.read(f"{IMAGE}/jni-config.json"))
        resources = json.loads(archive.read(f"{IMAGE}/resource-config.json"))
        patterns = [one["pattern"] for one in resources["resources"]["includes"]]
        regular = [re.sub(r"\\Q(.*?)\\E", lambda m: re.escape(m[1]), p) for p in patterns]
        wanted = [f"org/udfrunner/native/linux-{m}/{name}" for m in MACHINES for name in NATIVES]
        for name in [*wanted, "org/udfrunner/configuration-keys.txt"]:
            assert any(re.fullmatch(pattern, name) for pattern in regular), name
    check_methods(entries)


def check_methods(entries: list[dict[str, object]]) -> None:
    """Native images have the methods that the glue looks up, and no other."""
    listed = set()
    for entry in entries:
        methods = entry.get("methods", [])
        assert isinstance(methods, list)
        listed |= {(method["name"], *method["parameterTypes"]) for method in methods}
    source = "".join(file.read_text() for file in (MAIN / "native").glob("*.c"))
    found = re.findall(r'Get(?:Static)?MethodID\([^"]*"(\w+)",\s*"\(([^)]*)\)', source)
    assert {(name, *types(signature)) for name, signature in found} == listed, (found, listed)


def types(signature: str) -> list[str]:
    """The parameters of a JNI signature, as Java writes them."""
    names = []
    for arrays, name in re.findall(r"(\[*)(L[^;]+;|[A-Z])", signature):
        plain = PRIMITIVES.get(name) or name[1:-1].replace("/", ".")
        names.append(plain + "[]" * len(arrays))
    return names


def check_others(folder: Path, name: str) -> None:
    """Sources without what is built, and documentation."""
    with zipfile.ZipFile(folder / f"{name}-sources.jar") as archive:
        names = set(archive.namelist())
        sources = {str(f.relative_to(MAIN / "java")) for f in (MAIN / "java").rglob("*.java")}
        assert sources <= names, sources - names
        assert not [entry for entry in names if entry.endswith((".so", ".class"))]
        assert {"META-INF/LICENSE", "META-INF/NOTICE"} <= names
    with zipfile.ZipFile(folder / f"{name}-javadoc.jar") as archive:
        pages = archive.namelist()
        assert [page for page in pages if page.endswith("org/udfrunner/Runner.html")], pages


def resolve(build: Path, repository: Path, version: str, python: Path) -> None:
    """A local repository that has never seen the jar takes it from the folder; it runs a task."""
    local, user = build / "local", build / "user"
    shutil.rmtree(local / "org/udfrunner", ignore_errors=True)
    shutil.rmtree(user, ignore_errors=True)
    user.mkdir()
    (user / "pom.xml").write_text(
        f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>user</groupId>
  <artifactId>user</artifactId>
  <version>1</version>
  <repositories>
    <repository><id>bundle</id><url>{repository.as_uri()}</url></repository>
  </repositories>
  <dependencies>
    <dependency>
      <groupId>org.udfrunner</groupId><artifactId>udfrunner</artifactId><version>{version}</version>
    </dependency>
  </dependencies>
</project>
"""
    )
    maven = ["mvn", "-q", "-B", "--no-transfer-progress", f"-Dmaven.repo.local={local}"]
    plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
    goal = f"{plugin}:copy-dependencies"
    run(*maven, "-f", user / "pom.xml", "-C", goal, f"-DoutputDirectory={user}")
    assert [path.name for path in user.glob("*.jar")] == [f"udfrunner-{version}.jar"]
    (jar,) = user.glob("*.jar")
    program = HERE / "release/Resolved.java"
    said = run("java", f"-Dudfrunner.tmpdir={user}", "-cp", jar, program, python)
    assert said == "results: 1\n", said
    described = run("java", "--module-path", jar, "--describe-module", "org.udfrunner")
    assert described.startswith(f"org.udfrunner@{version}"), described


def main(build: Path, version: str, python: Path) -> None:
    """Everything, and a line at the end."""
    repository = build / "repository"
    folder, name = repository / "org/udfrunner/udfrunner" / version, f"udfrunner-{version}"
    files = {f"{name}.jar", f"{name}-sources.jar", f"{name}-javadoc.jar", f"{name}.pom"}
    check_checksums(folder, files)
    check_pom(folder / f"{name}.pom", version)
    check_jar(folder / f"{name}.jar")
    check_others(folder, name)
    resolve(build, repository, version, python)
    print(f"ok {name} of {repository}")


if __name__ == "__main__":
    # The interpreter keeps its name: it may be a link out of an environment.
    main(Path(sys.argv[1]).resolve(), sys.argv[2], Path(sys.argv[3]).absolute())
