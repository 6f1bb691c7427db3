# shellcheck shell=bash disable=SC1091,SC2296,SC2317
# Makes this shell ready for the project, in bash and in zsh, from any directory:
#
#     source setup.sh          core and development packages
#     source setup.sh all      every extra too
#
# Packages go into the active virtual or conda environment, whose torch is kept; without one, into .venv
# beside this file.  The root of the repository is put on PYTHONPATH.  A stamp in the environment makes the
# second time quick.  Nothing else in the shell changes, and a fault returns non-zero after saying its remedy.
#
# The work is done by this same file run as a program (first part), so that no option, alias or name of the
# user's shell can meet it.  The second part, all that the user's shell runs, activates what was prepared.

# ---- as a program: bash setup.sh --prepare MODE -> two lines, the environment and the repository's root ----
if [ -n "${BASH_VERSION:-}" ] && [ "${1:-}" = --prepare ] && ! (return 0 2> /dev/null); then
    set -euo pipefail

    _tng_say() {
        printf 'setup.sh: %s\n' "$@" >&2
    }

    _tng_fail() {
        _tng_say "$@"
        exit 1
    }

    _tng_is_recent() {
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' > /dev/null 2>&1
    }

    _tng_is_whole() { # a virtual environment that works where it lies
        [ -f "$1/bin/activate" ] && _tng_is_recent "$1/bin/python" &&
            (set +eu && source "$1/bin/activate" && [ "$VIRTUAL_ENV" -ef "$1" ])
    }

    _tng_make_environment() { # the path of .venv
        local python base=""
        for python in python3.11 python3.12 python3.13 python3 python; do
            if _tng_is_recent "$python"; then
                base="$python"
                break
            fi
        done
        [ -n "$base" ] || _tng_fail "Python 3.11 or newer is needed and none was found on PATH." \
            "Install one (apt install python3.11-venv, brew install python@3.11) and source setup.sh again."
        if [ -e "$1" ]; then
            _tng_say "$1 was moved or is broken; making it anew."
        fi
        "$base" -m venv --clear "$1" > /dev/null 2>&1 ||
            _tng_fail "this failed: $base -m venv $1" \
                "Run it to see why (Debian and Ubuntu want: apt install python3-venv), then source setup.sh again."
    }

    _tng_torch_to_keep() { # version of an installed torch that serves the project and is not the pinned one
        "$1/bin/python" - "$2" << 'PYTHON' 2> /dev/null || true
import importlib.metadata, pathlib, re, sys, tomllib
root = pathlib.Path(sys.argv[1])
needed = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
oldest = next(re.fullmatch(r"torch>=([\d.]+)", line).group(1) for line in needed if line.startswith("torch>="))
pinned = re.search(r"^torch==(\S+)", (root / "constraints.txt").read_text(), re.M).group(1)
found = importlib.metadata.version("torch")

def number(version):
    return [int(part) for part in re.match(r"[\d.]*\d", version).group().split(".")]

if number(found) >= number(oldest) and found.split("+")[0] != pinned:
    print(found)
PYTHON
    }

    _tng_install() { # environment, root, extras
        local environment="$1" root="$2" extras="$3" torch
        local log="$1/.tng-setup.log" constraints="$2/constraints.txt"
        _tng_is_recent "$environment/bin/python" ||
            _tng_fail "the active environment $environment has a Python older than 3.11." \
                "Leave it (deactivate, or conda deactivate) and source setup.sh again."
        "$environment/bin/python" -m pip --version > /dev/null 2>&1 ||
            "$environment/bin/python" -m ensurepip > /dev/null 2>&1 ||
            _tng_fail "$environment has no pip; add it (uv pip install pip, or conda install pip)" \
                "and source setup.sh again."
        torch="$(_tng_torch_to_keep "$environment" "$root")"
        if [ -n "$torch" ]; then
            _tng_say "keeping torch $torch."
            constraints="$environment/.tng-constraints.txt"
            grep -v '^torch==' "$root/constraints.txt" > "$constraints"
        fi
        _tng_say "installing into $environment (minutes the first time) ..."
        "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
            -c "$constraints" -e "${root}[$extras]" > "$log" 2>&1 < /dev/null || _tng_explain "$log"
    }

    _tng_explain() { # what pip could not do
        local offline='connection broken|connection error|ConnectTimeout|ProxyError|name resolution|unreachable'
        if grep -qiE "$offline" "$1"; then
            _tng_fail "pip cannot reach the package index; all it said is in $1" \
                "Check the network or the proxy (HTTPS_PROXY) and source setup.sh again."
        fi
        _tng_fail "pip failed: $(grep -m 1 '^ERROR' "$1" || tail -n 1 "$1")" \
            "Mend that (all it said is in $1) and source setup.sh again."
    }

    _tng_prepare() { # mode: dev or all
        local root environment stamp wanted found=""
        root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"
        environment="${VIRTUAL_ENV:-${CONDA_PREFIX:-}}"
        if [ -n "$environment" ] && ! [ -x "$environment/bin/python" ]; then
            _tng_say "the active environment $environment has no python any more; using $root/.venv."
            environment=""
        fi
        if [ -z "$environment" ]; then
            environment="$root/.venv"
            _tng_is_whole "$environment" || _tng_make_environment "$environment"
        fi
        stamp="$environment/.tng-setup"
        wanted="$({ echo "$root" "$environment" && cat "$root/pyproject.toml" "$root/constraints.txt"; } | cksum)"
        if [ -f "$stamp" ]; then
            found="$(cat "$stamp")"
        fi
        if [ "$found" != "$wanted $1" ] && [ "$found" != "$wanted all" ]; then
            rm -f "$stamp"
            _tng_install "$environment" "$root" "$1"
            echo "$wanted $1" > "$stamp"
            _tng_say "ready: $environment"
        fi
        printf '%s\n' "$environment" "$root"
    }

    _tng_prepare "$2"
    exit
fi

# ---- in the user's shell ----
_tng_setup() { # this file, the words after `source setup.sh`
    unset -f _tng_setup
    local file="$1" mode=dev found environment root
    case "${2:-}" in
        "") ;;
        all) mode=all ;;
        *) printf "setup.sh: knows the word 'all' only; '%s' is ignored.\n" "$2" >&2 ;;
    esac
    found="$(command bash "$file" --prepare "$mode")" || return 1
    environment="${found%%$'\n'*}"
    root="${found#*$'\n'}"
    if [ "${VIRTUAL_ENV:-${CONDA_PREFIX:-}}" != "$environment" ]; then
        source "$environment/bin/activate" || return 1
    fi
    case ":$PATH:" in
        *":$environment/bin:"*) ;;
        *) export PATH="$environment/bin:$PATH" ;; # a child shell whose start-up files set PATH anew
    esac
    case ":${PYTHONPATH:-}:" in
        *":$root:"*) ;;
        *) export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" ;;
    esac
}

if [ "${ZSH_EVAL_CONTEXT:-sourced}" = toplevel ] ||
    { [ -n "${BASH_VERSION:-}" ] && ! (return 0 2> /dev/null); }; then
    echo "setup.sh: this file is sourced, not run: source setup.sh" >&2
    exit 1
fi
_tng_setup "${BASH_SOURCE[0]:-${(%):-%x}}" "$@"
