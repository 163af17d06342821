#!/usr/bin/env bash
# Runs the command lines in compat/*.yml ("# run: ..." lines) and compares what is printed and the exit code with
# Ansible's.
# Of "# roughly: ..." lines only the output, the exit code and that there is an error count: andon words those errors
# better and finds their places more exactly. "# known: ..." lines differ still; that is told and counts as nothing.
#   compat.sh check [CASE..]    against what was recorded from Ansible (compat/*.expected)
#   compat.sh live [CASE..]     against the Ansible installed on this machine
#   compat.sh record [CASE..]   records from it
# Prints the differences and `N passed, N failed`.
set -euo pipefail
HERE=$(dirname "$(readlink -f "$0")")
ANDON=$(readlink -f "${ANDON:-$HERE/../../build/andon}")
mode=${1:-check}
shift || true
[ "$mode" = check ] || command -v ansible-playbook >/dev/null || { echo "compat: ansible-core is not installed" >&2; exit 77; }

WORK=$(mktemp -d /tmp/compat.XXXXXX)
trap 'rm -rf "$WORK"' EXIT
mkdir "$WORK/bin"
for name in ansible ansible-playbook ansible-inventory; do ln -s "$ANDON" "$WORK/bin/$name"; done

# run_line SIDE LINE: its output, error output and exit code, without what differs from run to run.
run_line() {
    local path=/usr/local/bin:/usr/bin:/bin status=0
    [ "$1" = ansible ] || path=$WORK/bin:$path
    rm -rf "$WORK/dir"
    cp -r "$HERE/compat" "$WORK/dir"
    (cd "$WORK/dir" && env -i PATH="$path" HOME="$WORK/home" LANG=C.UTF-8 TERM=xterm ANSIBLE_FORKS=1 ANDON_HOME="$WORK/state" \
        ${ANDON_NODE:+"ANDON_NODE=$ANDON_NODE"} ANSIBLE_LOCALHOST_WARNING=1 \
        sh -c "$2" >"$WORK/out" 2>"$WORK/err" </dev/null) || status=$?
    {
        printf '$ %s\n' "$2"
        cat "$WORK/out"
        printf -- '--- stderr\n'
        grep -v "ASan doesn.t fully support makecontext" "$WORK/err" || true # the sanitized build says so once
        printf -- '--- exit %d\n' "$status"
    } | awk '
        # usage texts are each program'\''s own
        /^usage: / { skip = 1 }
        /^(ansible[a-z-]*: error: |ERROR! |--- )/ { skip = 0 }
        !skip && !/^ $/' | sed -E "s#$WORK/dir#/tmp/compat.000000/dir#g; s#$WORK#/tmp/compat.000000#g
        s/(\"(start|end)\": \")[0-9: .-]+\"/\1TIME\"/g; s/(\"delta\": \")[0-9:.]+\"/\1DELTA\"/g
        s/((start|end): ')[0-9: .-]+'/\1TIME'/g; s/(delta: ')[0-9:.]+'/\1DELTA'/g
        s#/[^ \"]*/ansible-local-[^ \"]*#LOCALTMP#g; s#/[^ \"]*/ansible-tmp-[^ \"]*#REMOTETMP#g
        s#(after: )LOCALTMP\$#\1#; s#(after: ).\[0m\$#\1#; s#(\"src\": \")REMOTETMP\"#\1\"#"
}

passed=0 failed=0
for file in "$HERE"/compat/*.yml; do
    case=$(basename "$file" .yml)
    [ $# = 0 ] || [[ " $* " == *" $case "* ]] || continue
    grep -qE '^# (run|roughly|known): ' "$file" || continue
    rm -f "$WORK/expected"
    number=0
    while read -r kind line; do
        number=$((number + 1))
        case $mode in
        record) run_line ansible "$line" >>"$WORK/expected" ;;
        live) run_line ansible "$line" >"$WORK/want" ;;
        check) awk -v n=$number '/^\$ ansible|^\$ ANSIBLE/ { k++ } k == n' "$HERE/compat/$case.expected" >"$WORK/want" ;;
        esac
        [ "$mode" != record ] || continue
        run_line andon "$line" >"$WORK/got"
        if [ "$kind" = roughly ]; then
            for side in want got; do
                awk '/^--- exit/ { errors = 0 } !errors; errors && /ERROR!|error:/ && !told { print "an error"; told = 1 }
                    /^--- stderr/ { errors = 1 }' "$WORK/$side" >"$WORK/$side.rough"
                mv "$WORK/$side.rough" "$WORK/$side"
            done
        fi
        if [ "$kind" = known ]; then
            if cmp -s "$WORK/want" "$WORK/got"; then echo "known, but the same now: $case: $line"; fi
        elif cmp -s "$WORK/want" "$WORK/got"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "=== $case: $line"
            diff -u --label ansible --label andon "$WORK/want" "$WORK/got" || true
        fi
    done < <(sed -nE 's/^# (run|roughly|known): /\1 /p' "$file")
    [ "$mode" != record ] || cp "$WORK/expected" "$HERE/compat/$case.expected"
done
[ "$mode" != record ] || exit 0
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
