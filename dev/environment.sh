#!/bin/sh
# Make a virtual environment that holds exactly what a lock file pins.
#
#   sh dev/environment.sh FOLDER LOCK STAMP
#
# PYTHON names the interpreter; unset or empty, python3 is tried first, then python3.14 to
# python3.11. STAMP is written last, so an interrupted installation is done again.
set -eu

folder=$1
lock=$2
stamp=$3

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

version_of() {
    "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null || echo 'not there'
}

python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if new_enough "$candidate"; then
        python=$candidate
        break
    fi
    echo "$candidate is $(version_of "$candidate"): Python 3.11 or newer is needed" >&2
done
if [ -z "$python" ]; then
    echo 'Install Python 3.11 or newer, or name one: make run PYTHON=/path/to/python3' >&2
    exit 1
fi

# One whose interpreter has gone, or that was installed from another lock file, is made anew.
if ls "$folder"/.installed-* >/dev/null 2>&1; then rm -rf "$folder"; fi
if ! { [ -x "$folder/bin/python" ] && new_enough "$folder/bin/python" &&
    "$folder/bin/python" -m pip --version >/dev/null 2>&1; }; then
    echo "Making $folder with Python $(version_of "$python")"
    rm -rf "$folder"
    if ! "$python" -m venv "$folder"; then
        rm -rf "$folder"
        echo 'Python has no working venv module (on Debian: apt-get install python3-venv)' >&2
        exit 1
    fi
fi

echo "Installing $lock into $folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --no-compile --no-deps --require-hashes --requirement "$lock"
: >"$stamp"
