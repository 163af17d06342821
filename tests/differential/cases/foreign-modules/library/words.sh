#!/bin/bash
. "$1"
printf '{"changed": false, "a": "%s", "b": "%s", "c": "%s", "check": "%s"}' "$a" "$b" "$c" "$_ansible_check_mode"
