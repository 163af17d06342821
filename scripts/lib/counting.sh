# shellcheck shell=bash
# How many tests ran in a layer of scripts/check: each kind of test tells it in its own way.
# A layer writes its numbers with `count` to $COUNTS; $LOG is what it printed.

# count PASSED FAILED
count() { echo "$1 $2" >"$COUNTS"; }

# count_last_line: from the last line of the log of the form `N passed, N failed`.
count_last_line() {
    local line
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$LOG" | tail -n 1)
    [ -n "$line" ] || return 1
    # shellcheck disable=SC2086  # words wanted
    set -- $line
    count "$1" "$3"
}

# bats_tests FOLDER [COMMAND..]: runs the *.bats files right in it, through the command.
bats_tests() {
    compgen -G "$1/*.bats" >/dev/null || { count 0 0; return; }
    "${@:2}" bats --formatter tap "$1" || true
    count "$(grep -cE '^ok [0-9]+' "$LOG")" "$(grep -cE '^not ok [0-9]+' "$LOG")"
    # A plan that is longer than what ran means that bats itself stopped.
    awk '/^1\.\.[0-9]+$/ { plan = substr($0, 4) } /^(not )?ok [0-9]+/ { ran++ }
        END { if (plan + 0 != ran + 0) { print "planned " plan ", ran " ran + 0; exit 1 } }' "$LOG"
}

# meson_tests FOLDER SUITE: runs a suite and counts the cmocka tests in it; a program that is not
# cmocka's, or that died before it could count, is one test.
meson_tests() {
    [ -n "$(meson test -C "$1" --list --suite "$2" 2>/dev/null)" ] || { count 0 0; return; }
    meson test -C "$1" --no-rebuild --suite "$2" --timeout-multiplier 4 --print-errorlogs || true
    awk '
        function close_program() {
            if (!open) return
            if (!good && bad == 0) bad = 1
            if (good && ok + bad == 0) ok = 1
            passed += ok; failed += bad
        }
        /^=+ [0-9]+\/[0-9]+ =+$/ { close_program(); open = 1; good = ok = bad = 0 }
        /^result: +exit status 0$/ { good = 1 }
        /^\[  PASSED  \] [0-9]+ test/ { ok += $4 }
        /^\[  FAILED  \] .*test\(s\), listed below/ { match($0, /[0-9]+ test/); bad += substr($0, RSTART) }
        END { close_program(); print passed + 0, failed + 0 }' "$1/meson-logs/testlog.txt" >"$COUNTS"
}

# failures LOG: the part of a log worth showing. TAP: what failed and its explanation; else all of it.
failures() {
    if grep -qE '^1\.\.[0-9]+$' "$1"; then
        awk '/^ok / { show = 0 } /^not ok / { show = 1 } show || /^planned /' "$1"
    else
        cat "$1"
    fi
}
