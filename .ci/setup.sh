#!/bin/sh
# Creates .venv and installs the course into it. Called by make, which skips it while .venv/.installed is newer than
# requirements.lock and pyproject.toml. The stamp is written last and holds the folder it was made for, so that an
# interrupted install is taken up again and a copied or moved folder is built anew: the scripts in a venv and the
# editable install know their folder by its absolute path.
set -eu

here=$(pwd)
stamp=.venv/.installed

say() { printf '\n%s\n\n' "$*" | fold -s -w 100 >&2; }

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }
makes_venvs() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

find_python() {
    # Sets $python, or stops with what to do. A pyenv shim of a version that is not switched on fails here like a
    # missing program, and the next name is tried.
    candidates=${PYTHON:-python3 python3.13 python3.12 python3.11 python}
    without_venv=
    for candidate in $candidates; do
        fits "$candidate" || continue
        if makes_venvs "$candidate"; then
            python=$candidate
            return
        fi
        without_venv=${without_venv:-$candidate}
    done
    if [ -n "$without_venv" ]; then
        say "$without_venv cannot create virtual environments: its venv or ensurepip module is missing. On Debian and" \
            "Ubuntu these are a package of their own: run \"sudo apt-get install python3-venv\" and then the same" \
            "make command again, or name another Python: make PYTHON=/path/to/python3.12 ..."
    elif [ -n "${PYTHON:-}" ]; then
        say "PYTHON=$PYTHON does not run, or is not one of Python 3.11, 3.12 and 3.13, which this course needs. Give" \
            "the path of one that is, or leave PYTHON out and make looks for one itself."
    else
        found=$(python3 --version 2>/dev/null || echo "no python3 at all")
        say "No suitable Python: this course needs Python 3.11, 3.12 or 3.13, and the PATH has $found. Install one" \
            "(python.org, \"sudo apt-get install python3 python3-venv\", \"brew install python@3.12\", or" \
            "\"pyenv install 3.12\") and run the same make command again; if it is installed but not on the PATH," \
            "name it: make PYTHON=/path/to/python3.12 ..."
    fi
    exit 1
}

if [ -f "$stamp" ] && [ "$(cat "$stamp")" != "$here" ]; then
    say ".venv was made for $(cat "$stamp"); this folder is $here, so it is built again."
    rm -rf .venv
fi
rm -f "$stamp"

if ! { [ -x .venv/bin/python ] && fits .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    find_python
    echo "Creating .venv with $("$python" --version) ($(command -v "$python"))"
    if ! "$python" -m venv --clear .venv; then
        rm -rf .venv
        say "Creating .venv with $python failed, see the lines above. If they speak of ensurepip, install your system's" \
            "venv package (Debian, Ubuntu: sudo apt-get install python3-venv); if of space or permission, this folder" \
            "needs to be writable and about 3 GB free. Then run the same make command again."
        exit 1
    fi
fi

echo "Installing the course into .venv. The first time this downloads PyTorch and JupyterLab: a few minutes."
if ! .venv/bin/python -m pip install --retries 2 --disable-pip-version-check -r requirements.lock; then
    say "pip could not install the packages of requirements.lock; its last lines above say why. If they speak of" \
        "connections, retries, name resolution or \"no matching distribution\" for everything, the network or the" \
        "package index is out of reach: check the connection (or the proxy, in HTTPS_PROXY). If they name torch alone," \
        "there is no wheel of it for this machine: PyTorch offers them for Linux x86_64 and arm64, macOS on Apple" \
        "silicon and Windows. Nothing was marked as installed: run the same make command again and it goes on here."
    exit 1
fi
# The lock already holds setuptools, so that building the editable install needs no network.
if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .; then
    say "The packages are in .venv, but installing the course itself failed, see the lines above. Nothing was marked as" \
        "installed: correct pyproject.toml if you changed it, and run the same make command again."
    exit 1
fi
printf '%s\n' "$here" >"$stamp"
