"""Run every RUN step of the Dockerfile in a clean Debian, where no Docker engine is at hand, and start what came out.

As root on a Debian or Ubuntu with debootstrap, with the development requirements installed (for their Postgres):

    apt-get install debootstrap
    .venv/bin/python deploy/docker/try_build.py --folder /var/tmp/try-build [--target web]

Every stage becomes a folder: a copy of the one that it is FROM, or of a Debian made by debootstrap; COPY copies,
.dockerignore obeyed; RUN runs in it by chroot. Then the target's entrypoint migrates an embedded Postgres that runs
outside, and starts the web as the image's own user, on a file system that is read-only but for /data, /keys and /tmp;
GET /health/live is asked by the image's own health check. Everything is read from the Dockerfile, so the two cannot
drift apart.

What differs from a real build: python:3.11-slim-bookworm is Debian 12 with a newer Python 3.11 of its own in
/usr/local; here it is Debian 12 with Debian's Python 3.11 (3.11.2), linked to the same place. No layers are made: the
sizes are those of folders, before compression.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

SITE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SITE), str(Path(__file__).parent)]

from dockerfile import Instruction, Stage, context, stages  # noqa: E402

from cryptoml_site.embedded.commands import using  # noqa: E402
from cryptoml_site.embedded.home import Home  # noqa: E402
from cryptoml_site.embedded.postgres import Postgres  # noqa: E402

MIRROR = "http://deb.debian.org/debian"
PACKAGES = "ca-certificates,python3,python3-venv,python3-pip"  # the last three are what the python image is
PORT = 18000
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # as the python image says it
HOST_NETWORK = ["/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/ssl/certs"]  # as this host reaches an index


class Root:
    """One stage's folder, what its ENV says, its user and its folder of work."""

    def __init__(self, path: Path, env: dict[str, str]) -> None:
        self.path, self.env = path, dict(env)
        self.user, self.workdir = "0:0", "/"
        self.entrypoint: list[str] = []

    def command(self, argv: list[str], *, user: str, env: dict[str, str]) -> list[str]:
        """`argv` within, with nothing of our own environment but how an index of packages is reached."""
        index = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        said = [f"{name}={value}" for name, value in {**index, **self.env, **env}.items()]
        within = ["sh", "-c", 'cd "$0" && exec "$@"', self.workdir, *argv]
        return ["chroot", f"--userspec={user}", str(self.path), "env", "-i", *said, *within]

    def run(self, argv: list[str], *, user: str = "0:0", env: dict[str, str] | None = None) -> None:
        subprocess.run(self.command(argv, user=user, env=env or {}), check=True)


class Build:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stages = stages(SITE / "Dockerfile")
        self.roots: dict[str, Root] = {}

    def root(self, name: str) -> Root:
        """The stage's, made now where it is not yet."""
        if name not in self.roots:
            self.roots[name] = self._make(self.stages[name])
        return self.roots[name]

    def _make(self, stage: Stage) -> Root:
        from_us = self.root(stage.base) if stage.base in self.stages else None
        source = from_us.path if from_us else debian(self.folder)
        root = Root(self.folder / stage.name, from_us.env if from_us else {"PATH": PATH})
        if from_us:
            root.user, root.workdir, root.entrypoint = from_us.user, from_us.workdir, from_us.entrypoint
        shutil.rmtree(root.path, ignore_errors=True)
        subprocess.run(["cp", "-a", str(source), str(root.path)], check=True)
        with mounted(root.path):
            for each in stage.instructions:
                self._follow(root, each)
        return root

    def _follow(self, root: Root, each: Instruction) -> None:
        match each.word:
            case "RUN":
                began = time.monotonic()
                root.run(["sh", "-c", each.rest], env={"PYTHONDONTWRITEBYTECODE": ""})
                print(f"{root.path.name}: RUN {each.rest[:70]} ... {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
            case "COPY":
                self._copy(root, each.words())
            case "ENV":
                for pair in each.words():
                    name, _, value = pair.partition("=")
                    root.env[name] = value.replace("$PATH", root.env["PATH"]).replace("${CRYPTOML_REVISION}", "")
            case "USER":
                root.user = each.rest
            case "WORKDIR":
                root.workdir = each.rest
                (root.path / each.rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "ENTRYPOINT":
                root.entrypoint = each.words()

    def _copy(self, root: Root, words: list[str]) -> None:
        [*options, source, target] = words if words[0].startswith("--from=") else ["", *words]
        into = root.path / target.lstrip("/")
        if options[0]:
            origin = self.root(options[0].removeprefix("--from=")).path / source.lstrip("/")
            subprocess.run(["cp", "-a", f"{origin}/.", str(ready(into))], check=True)
            return
        sources = [source] if len(words) == 2 else words[:-1]
        kept, left_out = context(SITE / ".dockerignore")
        for each in kept if sources == ["."] else sources:
            if each not in kept:
                raise ValueError(f"COPY {each}: .dockerignore leaves it out")
            copy_from_checkout(SITE / each, into / each, left_out)


def copy_from_checkout(source: Path, target: Path, left_out: list[str]) -> None:
    ready(target.parent)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*left_out), dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def ready(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def debian(folder: Path) -> Path:
    """A clean Debian 12 whose Python answers to the names that the python image gives it."""
    root = folder / "debian"
    if not root.exists():
        making = folder / "debian.part"
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(making), MIRROR]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for name, program in (("python", "python3"), ("pip", "pip3")):
            (making / "usr/local/bin" / name).symlink_to(f"/usr/bin/{program}")
        making.rename(root)
    return root


@contextmanager
def mounted(root: Path) -> Iterator[None]:
    """/proc, /dev and the way of this host to an index of packages, for as long as a step runs."""
    binds = ["/proc", "/dev", *(path for path in HOST_NETWORK if Path(path).exists())]
    with ExitStack() as mounts:
        for path in binds:
            mounts.enter_context(bound(Path(path), root / path.lstrip("/")))
        yield


@contextmanager
def bound(source: Path, target: Path) -> Iterator[None]:
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.touch()
    subprocess.run(["mount", "--bind", str(source), str(target)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(target)], check=True)


@contextmanager
def read_only(root: Root) -> Iterator[None]:
    """The whole of it, but for what compose mounts into it."""
    writable = [root.path / name for name in ("data", "keys", "tmp")]
    path = str(root.path)
    subprocess.run(["mount", "--bind", path, path], check=True)
    try:
        with ExitStack() as mounts:
            for each in writable:
                mounts.enter_context(bound(each, each))
            subprocess.run(["mount", "-o", "remount,ro,bind", path], check=True)
            yield
    finally:
        subprocess.run(["umount", path], check=True)


def started(root: Root, home: Home) -> None:
    """Migrate, start the web as the image's user, and ask its health check until it says yes."""
    secrets = {"SECRET_KEY": os.urandom(32).hex(), "ALLOWED_HOSTS": "127.0.0.1", "PORT": str(PORT)}
    secrets |= {"PUBLIC_URL": f"http://127.0.0.1:{PORT}", "ALLOW_HTTP": "true"}  # nobody else reaches it
    servers = {"DATABASE_URL": home.database_url, "REDIS_URL": "redis://127.0.0.1:9/0"}  # nothing needs a cache here
    web = {**secrets, **servers, "WEB_WORKERS": "1"}
    root.run([*root.entrypoint, "migrate"], user=root.user, env={**web, "MIGRATE_DATABASE_URL": home.owner_url})
    began = time.monotonic()
    process = subprocess.Popen(root.command([*root.entrypoint, "web"], user=root.user, env=web))
    try:
        check = root.command(["python", "-I", "/app/deploy/docker/healthcheck.py", "web"], user=root.user, env=web)
        while subprocess.run(check, capture_output=True).returncode:
            if process.poll() is not None or time.monotonic() - began > 60:
                sys.exit("the web did not answer GET /health/live")
            time.sleep(0.1)
        print(f"{root.path.name}: GET /health/live after {time.monotonic() - began:.1f} s, user {root.user}")  # noqa: T201
    finally:
        process.terminate()
        process.wait()


def size(*paths: Path) -> str:
    du = subprocess.run(["du", "-smc", *map(str, paths)], capture_output=True, text=True, check=True)
    return f"{du.stdout.splitlines()[-1].split()[0]} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description="Try the Dockerfile in a clean Debian.")
    parser.add_argument("--folder", type=Path, required=True, help="where the roots are made, some 4 GB")
    parser.add_argument("--target", help="the stage that is started; by default the last")
    asked = parser.parse_args()
    build = Build(ready(asked.folder.resolve()))
    root = build.root(asked.target or list(build.stages)[-1])
    parts = {each: root.path / each for each in ("opt/venv", "opt/fitting", "app") if (root.path / each).exists()}
    print({each: size(path) for each, path in parts.items()}, "together", size(*parts.values()))  # noqa: T201
    home = Home(ready(build.folder / "home"))
    home.path.chmod(0o711)
    proc, dev = (bound(Path(each), root.path / each.lstrip("/")) for each in ("/proc", "/dev"))
    with using([Postgres(home)], say=print), read_only(root), proc, dev:
        for path, mode in ((home.sockets, 0o711), (home.sockets / ".s.PGSQL.5432", 0o777)):
            path.chmod(mode)  # a throw-away server: the image's user must reach it
        with bound(home.sockets, root.path / home.sockets.relative_to("/")):
            started(root, home)


if __name__ == "__main__":
    main()
