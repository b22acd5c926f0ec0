#!/bin/sh
# Installs packages into .venv, once: `setup.sh run` for running, `setup.sh bi` also for readers (MetricFlow, assistants, workbook),
# `setup.sh dev` also for tests and checks. `setup.sh sail` and `setup.sh spark` install another engine into .venv-sail or
# .venv-spark, `setup.sh site` what makes the docs site, `setup.sh superset` a Superset to try, and `setup.sh notebook` Jupyter.
# A stamp holds the checksum of the lock. If it matches, setup needs no network and does not call uv.
# The command `kyoten` is a script in .venv/bin. An installed package would lack the project's SQL and YAML.
set -eu
cd "$(dirname "$0")"
wanted=${1:?run, bi, dev, sail, spark, site, superset or notebook}
case $wanted in
    run|bi|dev) place=.venv minimum_mb=2000 size="about 1 GB" ;;
    site|notebook) place=.venv-$wanted minimum_mb=500 size="about 200 MB" ;;
    *) place=.venv-$wanted minimum_mb=1500 size="about 700 MB" ;;
esac

say() { printf '%s\n' "$*" >&2; }
fail() { say "setup: $*"; exit 1; }
stamp() { printf '%s/.%s.stamp' "$place" "$1"; }
fits() { [ -x $place/bin/python ] && [ "$(cat "$(stamp "$1")" 2>/dev/null)" = "$(cksum < "locks/$1.lock")" ]; }

command='#!/bin/sh
# Written by setup.sh. Runs the project that contains .venv, also a worktree whose .venv is a link to another .venv.
self=$0
if [ -L "$self" ]; then self=$(readlink -f "$self"); fi
project=$(cd "$(dirname "$self")/../.." && pwd)
export PYTHONPATH="$project${PYTHONPATH:+:$PYTHONPATH}"
exec "$project/.venv/bin/python" -P -m orchestration.cli "$@"'
install_command() {
    if [ "$(cat .venv/bin/kyoten 2>/dev/null)" != "$command" ]; then
        printf '%s\n' "$command" > .venv/bin/kyoten
        chmod 755 .venv/bin/kyoten
    fi
}

# The development packages include those for readers, and these include those for running.
if [ $place != .venv ]; then ! fits "$wanted" || exit 0
elif fits dev || { [ "$wanted" != dev ] && fits bi; } || { [ "$wanted" = run ] && fits run; }; then install_command; exit 0; fi

if [ "$wanted" = spark ] && ! command -v java > /dev/null; then
    fail "Spark needs Java 17 or later. On Debian: apt-get install openjdk-17-jre-headless"
fi

supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
if [ -n "${PYTHON:-}" ]; then
    supported "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13."
    python=$PYTHON
else
    python=
    for candidate in python3 python3.13 python3.12 python3.11; do
        if supported "$candidate"; then python=$candidate; break; fi
    done
    [ -n "$python" ] || fail "needs Python 3.11, 3.12 or 3.13, and found $(python3 --version 2>/dev/null || echo none)." \
        "On Debian: apt-get install python3 python3-venv. Elsewhere: make PYTHON=/path/to/python3.11 …"
fi
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$("$python" --version) has no venv module. On Debian: apt-get install python3-venv"
free_mb=$(df -Pm . | awk 'NR == 2 { print $4 }')
[ "$free_mb" -ge "$minimum_mb" ] || fail "needs $minimum_mb MB of free disk here, and there are $free_mb."

offline="could not install. It needs a Python package index once; set PIP_INDEX_URL and UV_INDEX_URL for a mirror."
export UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1
if [ "$(cat .uv/.stamp 2>/dev/null)" != "$(cksum < locks/uv.lock)" ]; then
    say "setup: installing the installer (uv) …"
    "$python" -m venv .uv
    .uv/bin/pip install --quiet --require-hashes -r locks/uv.lock || fail "$offline"
    cksum < locks/uv.lock > .uv/.stamp
fi
say "setup: installing packages of locks/$wanted.lock into $place ($size, a minute or two) …"
supported $place/bin/python || .uv/bin/uv venv --quiet --clear --python "$python" $place
rm -f $place/.*.stamp
# Compiled now, because dbt and Dagster start three times slower if Python may not write bytecode later.
.uv/bin/uv pip sync --quiet --python $place/bin/python --require-hashes --compile-bytecode "locks/$wanted.lock" ||
    fail "$offline"
cksum < "locks/$wanted.lock" > "$(stamp "$wanted")"
[ $place = .venv ] || exit 0
install_command
say "setup: compiling the dbt project …"
.venv/bin/python -c 'from orchestration import home, warehouse; warehouse.compiled(home.Home.from_environment())'
say "setup: done."
