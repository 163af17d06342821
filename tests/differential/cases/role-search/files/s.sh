#!/bin/sh
echo playbook "$@"
