"""`source setup.sh` in every shell that is installed, with a pip that only writes down how it was called."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHELLS = [shell for shell in ("bash", "zsh") if shutil.which(shell)]
PACKAGES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

RECORDING_PIP = """
import pathlib, sys
prefix = pathlib.Path(sys.prefix)
if sys.argv[1] == "install":
    constraints = pathlib.Path(sys.argv[sys.argv.index("-c") + 1]).read_text()
    kept = "" if "torch==" in constraints else " keeps torch"
    with (prefix / "calls").open("a") as calls:
        calls.write(sys.argv[-1] + kept + chr(10))
    fault = prefix / "fault"
    if fault.exists():
        sys.exit(fault.read_text())
"""


class Checkout:
    """A repository of nothing but the set-up, in a folder with a blank in its name."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a check out"
        self.elsewhere = folder / "elsewhere"
        self.root.mkdir(parents=True)
        self.elsewhere.mkdir()
        for name in ("setup.sh", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.root)
        self.environment = self.root / ".venv"

    def make_environment(self, path: Path | None = None) -> Path:
        """An environment with the recording pip."""
        path = path or self.environment
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", path], check=True)
        (path / PACKAGES / "pip").mkdir()
        (path / PACKAGES / "pip/__main__.py").write_text(RECORDING_PIP)
        return path

    def calls(self, environment: Path | None = None) -> list[str]:
        """What pip was asked to install."""
        path = (environment or self.environment) / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, shell: str, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The script in a fresh shell elsewhere; $S is the path of setup.sh."""
        plain = {"PATH": os.environ["PATH"], "HOME": str(self.elsewhere), "S": str(self.root / "setup.sh")}
        bare = [shell, "--norc"] if shell == "bash" else [shell, "-f"]
        return subprocess.run(
            [*bare, "-c", script], cwd=self.elsewhere, env=plain | variables, capture_output=True, text=True
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with its environment in place and nothing installed."""
    checkout = Checkout(tmp_path)
    checkout.make_environment()
    return checkout


def answers(result: subprocess.CompletedProcess[str]) -> Mapping[str, str]:
    """The lines `name=value` that a script printed."""
    assert result.returncode == 0, result.stderr
    return dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)


@pytest.mark.parametrize("shell", SHELLS)
def test_sourcing_activates_the_environment_and_finds_the_root(checkout: Checkout, shell: str) -> None:
    found = answers(
        checkout.run(shell, 'source "$S"; echo "path=$PYTHONPATH"; echo "python=$(command -v python)"')
    )
    assert found["path"] == str(checkout.root)
    assert found["python"] == str(checkout.environment / "bin/python")
    assert checkout.calls() == [f"{checkout.root}[dev]"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_second_time_is_quick_and_installs_nothing(checkout: Checkout, shell: str) -> None:
    checkout.run(shell, 'source "$S"')
    began = time.monotonic()
    again = checkout.run(shell, 'source "$S" && source "$S" && echo "path=$PYTHONPATH"', PYTHONPATH="/kept")
    assert time.monotonic() - began < 2  # two of them
    assert answers(again)["path"] == f"{checkout.root}:/kept"
    assert again.stderr == ""
    assert len(checkout.calls()) == 1


NAMES = {
    "bash": "shopt -s expand_aliases; names() { compgen -v; compgen -A function; }",
    "zsh": "names() { print -l ${(k)parameters} ${(k)functions}; }",
}
OF_AN_ACTIVATION = {"PYTHONPATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PS1", "deactivate"}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("options", ["set -euo pipefail", "set -u", ":"])
def test_the_shell_is_left_as_it_was(checkout: Checkout, shell: str, options: str) -> None:
    script = f"""
        {NAMES[shell]}
        alias cd=false grep=false cat=false
        {options}
        state() {{ set -o; alias; trap; umask; }}
        old=""; new=""; before=""; after=""
        before=$(state); old=$(names); source "$S"; new=$(names); after=$(state)
        [ "$before" = "$after" ] && echo "options=same"
        echo "here=$PWD"; echo "old=$(tr "\\n" " " <<< "$old")"; echo "new=$(tr "\\n" " " <<< "$new")"
    """
    found = answers(checkout.run(shell, script))
    assert found["options"] == "same"
    assert found["here"] == str(checkout.elsewhere)
    added = set(found["new"].split()) - set(found["old"].split()) - OF_AN_ACTIVATION
    assert not {name for name in added if not name.startswith("_OLD_VIRTUAL_")}


@pytest.mark.parametrize("shell", SHELLS)
def test_all_asks_for_every_extra_and_serves_the_plain_call_too(checkout: Checkout, shell: str) -> None:
    for words in ("", "all", "", "all"):
        checkout.run(shell, f'source "$S" {words}')
    assert checkout.calls() == [f"{checkout.root}[dev]", f"{checkout.root}[all]"]


@pytest.mark.parametrize("shell", SHELLS)
def test_an_unknown_word_is_said_and_ignored(checkout: Checkout, shell: str) -> None:
    result = checkout.run(shell, 'source "$S" al')
    assert "'al' is ignored" in result.stderr
    assert checkout.calls() == [f"{checkout.root}[dev]"]


def test_a_change_of_the_packages_installs_again(checkout: Checkout) -> None:
    checkout.run("bash", 'source "$S"')
    with (checkout.root / "constraints.txt").open("a") as constraints:
        constraints.write("one-more==1\n")
    checkout.run("bash", 'source "$S"')
    assert len(checkout.calls()) == 2


@pytest.mark.parametrize("shell", SHELLS)
def test_an_active_environment_is_used(checkout: Checkout, shell: str) -> None:
    own = checkout.make_environment(checkout.elsewhere / "own")
    script = f'source "{own}/bin/activate"; source "$S"; source "$S"; echo "python=$(command -v python)"'
    assert answers(checkout.run(shell, script))["python"] == str(own / "bin/python")
    assert (checkout.calls(own), checkout.calls()) == ([f"{checkout.root}[dev]"], [])


def test_an_active_conda_environment_is_used(checkout: Checkout) -> None:
    own = checkout.make_environment(checkout.elsewhere / "conda")
    path = f"{own / 'bin'}:{os.environ['PATH']}"
    result = checkout.run(
        "bash", 'source "$S"; echo "python=$(command -v python)"', CONDA_PREFIX=str(own), PATH=path
    )
    assert answers(result)["python"] == str(own / "bin/python")
    assert (checkout.calls(own), checkout.calls()) == ([f"{checkout.root}[dev]"], [])


@pytest.mark.parametrize(
    ("version", "kept"), [("2.14.1+cu130", True), ("2.13.0+cu130", False), ("2.9.1", False), (None, False)]
)
def test_an_installed_torch_in_range_is_kept(checkout: Checkout, version: str | None, kept: bool) -> None:
    if version:
        folder = checkout.environment / PACKAGES / f"torch-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")
    checkout.run("bash", 'source "$S"')
    assert checkout.calls() == [f"{checkout.root}[dev]" + (" keeps torch" if kept else "")]


def test_a_moved_checkout_gets_its_environment_anew(checkout: Checkout) -> None:
    checkout.run("bash", 'source "$S"')
    checkout.root = checkout.root.rename(checkout.root.with_name("moved"))
    result = checkout.run(
        "bash",
        'PATH="$FAKE:$PATH"; source "$S"; echo "python=$(command -v python)"',
        FAKE=fake_python(checkout),
    )
    assert answers(result)["python"] == str(checkout.root / ".venv/bin/python")
    assert "was moved or is broken" in result.stderr


def fake_python(checkout: Checkout) -> str:
    """A folder with a python3.11 whose environments get, instead of pip (seconds), one that agrees."""
    folder = checkout.elsewhere / "bin"
    folder.mkdir()
    command = folder / "python3.11"
    command.write_text(
        f"""#!/bin/bash
        [ "$2" = venv ] || exec {sys.executable} "$@"
        {sys.executable} "${{@:1:2}}" --without-pip "${{@:3}}" && mkdir "${{@: -1}}/{PACKAGES}/pip" &&
        touch "${{@: -1}}/{PACKAGES}/pip/__main__.py"
        """
    )
    command.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize("shell", SHELLS)
def test_no_environment_makes_one_beside_the_file(checkout: Checkout, shell: str) -> None:
    shutil.rmtree(checkout.environment)
    script = (
        'PATH="$FAKE:$PATH"; source "$S"; echo "python=$(command -v python)"; echo "environment=$VIRTUAL_ENV"'
    )
    gone = str(checkout.elsewhere / "gone")
    found = answers(checkout.run(shell, script, FAKE=fake_python(checkout), VIRTUAL_ENV=gone))
    assert found["python"] == str(checkout.environment / "bin/python")
    assert found["environment"] == str(checkout.environment)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("WARNING: Retrying after connection broken by NewConnectionError\nERROR: nothing", "cannot reach"),
        ("ERROR: ResolutionImpossible", "pip failed: ERROR: ResolutionImpossible"),
    ],
)
def test_a_failing_pip_is_said_in_two_lines(
    checkout: Checkout, shell: str, fault: str, sentence: str
) -> None:
    (checkout.environment / "fault").write_text(fault)
    result = checkout.run(shell, 'source "$S"; echo "status=$?"; source "$S" || echo "alive=yes"')
    assert answers(result) == {"status": "1", "alive": "yes"}
    assert sentence in result.stderr
    once = result.stderr.splitlines()[: len(result.stderr.splitlines()) // 2]
    assert len(once) == 3  # what it began, what is wrong, how to mend it


@pytest.mark.parametrize("shell", SHELLS)
def test_no_python_is_said_and_leaves_the_shell_alive(checkout: Checkout, shell: str) -> None:
    shutil.rmtree(checkout.environment)
    tools = checkout.elsewhere / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "cat", "cksum", "rm"):
        (tools / name).symlink_to(shutil.which(name) or name)
    (tools / "python3").write_text("#!/bin/bash\nexit 1\n")  # as an old python answers the question
    (tools / "python3").chmod(0o755)
    result = checkout.run(shell, 'PATH="$TOOLS"; source "$S"; echo "status=$?"', TOOLS=str(tools))
    assert answers(result) == {"status": "1"}
    assert "Python 3.11 or newer is needed" in result.stderr
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize("shell", SHELLS)
def test_running_instead_of_sourcing_is_said(checkout: Checkout, shell: str) -> None:
    result = checkout.run(shell, f'{shell} "$S"')
    assert result.returncode == 1
    assert "sourced, not run" in result.stderr
